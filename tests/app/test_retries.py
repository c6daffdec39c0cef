"""How long the bot waits before it asks a system again that did not answer."""

from datetime import timedelta

from bot.app import EAGER, pause
from bot.domain.errors import Permanent, Temporary
from tests.fixtures.evidence import told


def test_a_system_that_says_how_long_to_stay_away_is_left_alone_as_long() -> None:
    assert pause(Temporary(told("too many calls"), after=timedelta(hours=1)), tries=0) == timedelta(hours=1)


def test_one_that_does_not_say_is_asked_again_soon_however_often_it_failed() -> None:
    assert all(pause(error, tries=50) <= EAGER for error in (Temporary(told("down")), Permanent(told("gone"))))
