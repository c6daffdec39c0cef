"""Who may do what, by the group members that Slack last reported."""

import pytest

from bot.domain.policy import ANYONE
from bot.domain.reason import Name, Reason, User
from bot.domain.reasons.requests import MembershipUnknown, NotAllowed, ToFreeze
from bot.rules.release.membership import STALE, refused
from bot.rules.wording.reasons import reply

CAPTAINS = frozenset({"U0BOB", "U0CAROL"})
FREEZE = ToFreeze(stage=Name("production"))


def refusal(by: str, *names: str, group: frozenset[str] | None = CAPTAINS) -> Reason | None:
    return refused(by, FREEZE, names, {"@captains": group} if group is not None else {})


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


def test_if_membership_is_unknown_nobody_may() -> None:
    reason = refusal("U0BOB", "@captains", group=None)
    assert reason == MembershipUnknown(deed=FREEZE, groups=(Name("@captains"),), window=STALE)
    assert reply(reason).startswith(
        "Slack has not listed the members of `@captains` in the last 10 minutes, so Callboard cannot tell whether you "
        "can freeze or unfreeze `production`. Nothing was changed. Try again in a minute."
    )


def test_a_person_named_by_id_may_even_while_groups_are_unknown() -> None:
    assert refusal("U0BOB", "@captains", "U0BOB", group=None) is None
