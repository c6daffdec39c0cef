"""Every reason has words on every surface, and what it holds from outside is shown as the surface shows such things."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import reasons as _every_reason  # noqa: F401  (importing it registers every reason)
from bot.domain.reason import CODES, Command, Name, Reason, Said, Url, User
from bot.domain.reasons.approval import Overridden
from bot.domain.reasons.told import Told
from bot.rules.wording.reasons import markdown, plain, slack
from bot.rules.wording.words import WORDS
from bot.store import reasons as stored
from callboard_demo.chat.texts import pings
from tests.fixtures.hostile import loose, texts

DATE = "{date_short_pretty} {time}"
"""What Slack fills in."""
HOSTILE = "<!channel> `x` *b* @here\nhttps://evil.example [l](u) Fixes #1"


def samples(hint: Any) -> list[Any]:
    """Return values that a parameter of a reason may have, the hostile ones among them."""
    if hint in {User, Name, Command, Url, Said, str}:
        return ["iris", HOSTILE, "", "U0ALICE"]
    if hint is Reason:
        return [Told(text=Said("no answer")), Told(text=Said(HOSTILE))]
    if type(None) in get_args(hint):
        return [*samples(next(each for each in get_args(hint) if each is not type(None))), None]
    if Ellipsis in get_args(hint):
        few = samples(get_args(hint)[0])
        return [tuple(few[:1]), tuple(few), ()]
    known: dict[Any, list[Any]] = {
        int: [1, 0, 2, 9],
        bool: [True, False],
        datetime: [datetime(2026, 11, 30, 12, tzinfo=UTC)],
        timedelta: [timedelta(minutes=15), timedelta(0), timedelta(days=9), timedelta(seconds=1.5)],
    }
    return known[hint]


def each_choice(cls: type[Reason]) -> list[Reason]:
    """Return reasons of a kind in which every parameter has each of its samples at least once."""
    choices = {name: samples(hint) for name, hint in get_type_hints(cls).items() if name != "code"}
    most = max(map(len, choices.values()), default=1)
    return [cls(**{name: some[number % len(some)] for name, some in choices.items()}) for number in range(most)]


def reasons() -> st.SearchStrategy[Reason]:
    """Return any reason there is."""
    return st.sampled_from(sorted(CODES)).flatmap(lambda code: of(CODES[code]))


def of(cls: type[Reason]) -> st.SearchStrategy[Reason]:
    """Return any reason of a kind."""
    hints = {name: hint for name, hint in get_type_hints(cls).items() if name != "code"}
    return st.builds(cls, **{name: st.sampled_from(samples(hint)) for name, hint in hints.items()})


def test_every_reason_has_words_and_there_are_no_others() -> None:
    silent = {cls.__name__: cls.__module__.rpartition(".")[2] for cls in CODES.values() if cls not in WORDS}
    missing = [f"{name} in bot/rules/wording/words/{module}.py" for name, module in silent.items()]
    assert not missing, f"add a line to WORDS for each: {', '.join(missing)}"
    assert set(WORDS) == set(CODES.values()), "remove from WORDS what is no reason"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_reason_is_put_into_words_on_every_surface(code: str) -> None:
    for reason in each_choice(CODES[code]):
        for render in (slack, markdown, plain):
            said = render(reason)
            assert "\n" not in said
            assert "None" not in said
            assert "{" not in said.replace(DATE, "")
        assert list(loose(slack(reason))) == []
        assert "Fixes #1" not in markdown(reason)


@given(reason=reasons())
def test_a_reason_comes_out_of_the_database_as_it_went_in(reason: Reason) -> None:
    assert stored.decode(stored.encode(reason), Reason) == reason


def test_what_a_newer_release_stored_is_named_by_its_code() -> None:
    assert stored.decode('{"code": "of_tomorrow", "what": 7}', Reason) == Told(text=Said("of_tomorrow"))


@given(texts(times=200), texts(times=200))
def test_a_person_is_mentioned_and_nobody_else_whatever_others_wrote(one: str, other: str) -> None:
    overridden = Overridden(held=Told(text=Said(one)), by=User("U0BOB"), note=Said(other))
    assert pings(slack(overridden)) == ["U0BOB"]
    assert list(loose(slack(overridden))) == []
