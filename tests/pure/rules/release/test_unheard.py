"""The reactions on a message are compared with the stored facts."""

from dataclasses import replace

import pytest

from bot.domain.promotion import Fact, FactKind
from bot.rules.release.unheard import unheard
from tests.fixtures.evidence import CHANGE, fact

HEARD = replace(fact(FactKind.APPROVE, "bob"), by_reaction=True)
TOOK_BACK = replace(HEARD, kind=FactKind.WITHDRAW, id=2)


def shows(*people: str) -> dict[str, frozenset[str]]:
    return {"white_check_mark": frozenset(people)}


@pytest.mark.parametrize(
    ("facts", "shown", "says"),
    [
        ((), shows("bob"), ((FactKind.APPROVE, "bob"),)),
        ((), {"x": frozenset({"bob"})}, ((FactKind.VETO, "bob"),)),
        ((HEARD,), {}, ((FactKind.WITHDRAW, "bob"),)),
        ((HEARD,), shows("bob"), ()),
        ((HEARD, TOOK_BACK), {}, ()),
        ((HEARD, TOOK_BACK), shows("bob"), ((FactKind.APPROVE, "bob"),)),
        ((), {"tada": frozenset({"bob"})}, ()),
    ],
)
def test_a_reaction_whose_event_was_lost_is_found(
    facts: tuple[Fact, ...], shown: dict[str, frozenset[str]], says: tuple[tuple[FactKind, str], ...]
) -> None:
    assert unheard(facts, CHANGE.digest, shown) == says


def test_a_click_is_not_withdrawn_because_it_leaves_no_reaction() -> None:
    assert unheard((replace(HEARD, by_reaction=False),), CHANGE.digest, {}) == ()


def test_votes_on_an_older_change_are_ignored() -> None:
    assert unheard((HEARD,), "another", {}) == ()
