"""How long the bot waits before it retries a system that did not answer."""

from datetime import timedelta

from bot.app import EAGER, pause
from bot.domain.errors import Permanent, Temporary
from tests.fixtures.evidence import told


def test_a_system_that_requests_a_wait_gets_it() -> None:
    assert pause(Temporary(told("too many calls"), after=timedelta(hours=1)), tries=0) == timedelta(hours=1)


def test_without_a_requested_wait_a_system_is_retried_soon() -> None:
    assert all(pause(error, tries=50) <= EAGER for error in (Temporary(told("down")), Permanent(told("gone"))))
