"""Who may do what, by the members of groups as Slack listed them some time ago."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.policy import ANYONE
from bot.domain.reason import Name, Reason, User
from bot.domain.reasons.requests import MembershipUnknown, NotAllowed, ToFreeze
from bot.rules.release.membership import STALE, Group, refused
from bot.rules.wording.reasons import reply

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CAPTAINS = Group(members=frozenset({"U0BOB", "U0CAROL"}), at=NOON - timedelta(seconds=30))
LONG_AGO = Group(members=frozenset({"U0BOB"}), at=NOON - STALE - timedelta(seconds=1))


FREEZE = ToFreeze(stage=Name("production"))


def refusal(by: str, *names: str, group: Group | None = CAPTAINS) -> Reason | None:
    return refused(by, FREEZE, names, {"@captains": group} if group else {}, NOON)


@pytest.mark.parametrize(
    "names", [(), (ANYONE,), ("@captains",), ("U0BOB",), ("U0ALICE", "@captains"), ("@unknown", "@captains")]
)
def test_this_person_may(names: tuple[str, ...]) -> None:
    assert refusal("U0BOB", *names) is None


def test_a_refusal_names_those_who_may() -> None:
    reason = refusal("U0MALLORY", "@captains", "U0ALICE")
    assert reason == NotAllowed(deed=FREEZE, people=(User("U0ALICE"),), groups=(Name("@captains"),))
    assert reply(reason) == "Only <@U0ALICE> and `@captains` can freeze or unfreeze `production`. Nothing was changed."
    reason = refusal("U0MALLORY", "@captains")
    assert reason is not None
    assert reply(reason) == "Only `@captains` can freeze or unfreeze `production`. Nothing was changed."


@pytest.mark.parametrize("group", [None, LONG_AGO])
def test_if_membership_is_unknown_nobody_may(group: Group | None) -> None:
    reason = refusal("U0BOB", "@captains", group=group)
    assert reason == MembershipUnknown(deed=FREEZE, groups=(Name("@captains"),), window=STALE)
    assert reply(reason).startswith(
        "Slack has not listed the members of `@captains` in the last 10 minutes, so Callboard cannot tell whether you "
        "can freeze or unfreeze `production`. Nothing was changed. Try again in a minute."
    )


def test_a_person_named_by_id_may_even_while_groups_are_unknown() -> None:
    assert refusal("U0BOB", "@captains", "U0BOB", group=None) is None


def test_a_list_of_members_is_trusted_for_ten_minutes() -> None:
    assert refusal("U0BOB", "@captains", group=Group(members=frozenset({"U0BOB"}), at=NOON - STALE)) is None
