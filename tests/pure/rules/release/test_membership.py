"""Who may ask for what, told from what the chat said of groups some time ago."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.policy import ANYONE
from bot.rules.release.membership import STALE, Group, why_not

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CAPTAINS = Group(members=frozenset({"U0BOB", "U0CAROL"}), at=NOON - timedelta(seconds=30))
LONG_AGO = Group(members=frozenset({"U0BOB"}), at=NOON - STALE - timedelta(seconds=1))


def refused(by: str, *names: str, group: Group | None = CAPTAINS) -> str | None:
    return why_not(by, "freeze `production`", names, {"@captains": group} if group else {}, NOON)


@pytest.mark.parametrize(
    "names", [(), (ANYONE,), ("@captains",), ("U0BOB",), ("U0ALICE", "@captains"), ("@unknown", "@captains")]
)
def test_this_person_may(names: tuple[str, ...]) -> None:
    assert refused("U0BOB", *names) is None


def test_who_may_not_is_told_who_may() -> None:
    assert refused("U0MALLORY", "@captains", "U0ALICE") == (
        "You may not freeze `production`: `@captains`, <@U0ALICE> may. Nothing was recorded; ask one of them to do it."
    )


@pytest.mark.parametrize("group", [None, LONG_AGO])
def test_where_nobody_can_tell_nobody_may(group: Group | None) -> None:
    said = refused("U0BOB", "@captains", group=group)
    assert said is not None
    assert said.startswith(
        "I cannot tell whether you may freeze `production`: Slack has not told me lately who is in `@captains`. "
        "Nothing was recorded. Try again in a minute"
    )


def test_who_is_named_by_id_may_also_while_groups_are_unknown() -> None:
    assert refused("U0BOB", "@captains", "U0BOB", group=None) is None


def test_what_was_heard_is_believed_for_ten_minutes() -> None:
    assert refused("U0BOB", "@captains", group=Group(members=frozenset({"U0BOB"}), at=NOON - STALE)) is None
