"""A branch is a short name of harmless characters, whatever it is made of, and no two targets share one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.target import Target
from bot.rules.release.names import branch
from tests.fixtures.hostile import NAMES


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("iris-classifier", "callboard/iris-classifier/production"),
        ("my model~1", "callboard/my%20model%7E1/production"),
        ("x.lock", "callboard/x%2Elock/production"),
        ("sklearn-1.5", "callboard/sklearn-1.5/production"),
    ],
)
def test_a_branch_is_named_after_its_target(model: str, name: str) -> None:
    assert branch(Target(model=model, stage="production")) == name


@given(NAMES.filter(bool), NAMES.filter(bool))
def test_a_branch_is_short_and_of_harmless_characters(model: str, stage: str) -> None:
    name = branch(Target(model=model, stage=stage))
    assert re.fullmatch(r"callboard/[A-Za-z0-9._%+-]+/[A-Za-z0-9._%+-]+", name)
    assert len(name) < 250


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_no_two_pairs_share_a_branch(one: tuple[str, str], other: tuple[str, str]) -> None:
    names = [branch(Target(model=model, stage=stage)) for model, stage in (one, other)]
    assert (names[0] == names[1]) == (one == other)


def test_long_names_that_begin_alike_have_branches_of_their_own() -> None:
    long = "x" * 400
    assert branch(Target(model=f"{long}1", stage="s")) != branch(Target(model=f"{long}2", stage="s"))
