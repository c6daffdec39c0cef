"""Candidate against live: what callers of the live version send and expect must still do."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.comparison import (
    DependencyAdded,
    DependencyChanged,
    DependencyDropped,
    InputAdded,
    InputDropped,
    InputNeedChanged,
    InputTypeChanged,
    NoOutputSignature,
    NoSignature,
    OutputAdded,
    OutputDropped,
    OutputNeedChanged,
    OutputsReordered,
    OutputTypeChanged,
)
from bot.domain.registry import Compatibility, ModelVersion, VersionDetails
from bot.rules.release.comparison import compare, requirements, signature
from bot.rules.wording import comparison
from tests.fixtures.hostile import loose, texts

LIVE = VersionDetails(
    what=ModelVersion(model="iris", version=1),
    metrics={"accuracy": 0.9333, "f1": 0.9},
    inputs=(("length", "double", True), ("count", "integer", True), ("note", "string", False)),
    outputs=(("species", "long", True),),
    requirements=("scikit-learn==1.5.0", "numpy==2.0.1"),
)
SPECIES = Name("species")
CANDIDATE = replace(LIVE, what=ModelVersion(model="iris", version=3))
COLUMN = st.tuples(texts(most=3), st.sampled_from(("long", "double", "string", "float")), st.booleans())
COLUMNS = st.none() | st.lists(COLUMN, max_size=4).map(tuple)
CARDS = st.builds(
    VersionDetails,
    what=st.builds(ModelVersion, model=st.just("iris"), version=st.integers(1, 9)),
    metrics=st.dictionaries(texts(most=4), st.floats(), max_size=8),
    inputs=COLUMNS,
    outputs=COLUMNS,
    requirements=st.lists(texts(), max_size=8).map(tuple),
)


def test_metrics_of_both_are_shown_in_the_order_of_their_names() -> None:
    candidate = replace(CANDIDATE, metrics={"recall": 0.8, "accuracy": 0.9667})
    found = compare(LIVE, candidate).metrics
    assert found == (("accuracy", 0.9333, 0.9667), ("f1", 0.9, None), ("recall", None, 0.8))


def test_equal_signatures_are_the_same() -> None:
    assert signature(LIVE, CANDIDATE) == (Compatibility.SAME, ())


@pytest.mark.parametrize(
    ("inputs", "change"),
    [
        pytest.param(
            (("length", "double", True), ("count", "long", True), ("note", "string", False)),
            InputTypeChanged(name=Name("count"), was=Said("integer"), now=Said("long"), wider=True),
            id="a wider type",
        ),
        pytest.param(
            (*(LIVE.inputs or ()), ("x", "long", False)),
            InputAdded(name=Name("x"), type=Said("long"), required=False),
            id="optional",
        ),
        pytest.param((LIVE.inputs or ())[:2], InputDropped(name=Name("note")), id="one that is no longer read"),
        pytest.param(
            (("length", "double", False), *(LIVE.inputs or ())[1:]),
            InputNeedChanged(name=Name("length"), required=False),
            id="now optional",
        ),
    ],
)
def test_callers_need_no_change_for(inputs: tuple[tuple[str, str, bool], ...], change: Reason) -> None:
    assert signature(LIVE, replace(CANDIDATE, inputs=inputs)) == (Compatibility.COMPATIBLE, (change,))


TYPES = ("integer", "long", "float", "double", "string", "boolean")
WIDENED = {("integer", "long"), ("integer", "double"), ("long", "double"), ("float", "double")}


@pytest.mark.parametrize("was", TYPES)
@pytest.mark.parametrize("now", TYPES)
def test_a_type_may_widen_and_change_in_no_other_way(was: str, now: str) -> None:
    before, after = replace(LIVE, inputs=(("x", was, True),)), replace(CANDIDATE, inputs=(("x", now, True),))
    expected = "same" if was == now else "compatible" if (was, now) in WIDENED else "breaking"
    assert signature(before, after)[0] == expected


@pytest.mark.parametrize(
    ("inputs", "change"),
    [
        pytest.param(
            (*(LIVE.inputs or ()), ("x", "long", True)),
            InputAdded(name=Name("x"), type=Said("long"), required=True),
            id="required",
        ),
        pytest.param(
            (("length", "float", True), *(LIVE.inputs or ())[1:]),
            InputTypeChanged(name=Name("length"), was=Said("double"), now=Said("float"), wider=False),
            id="a narrower type",
        ),
        pytest.param(
            (*(LIVE.inputs or ())[:2], ("note", "string", True)),
            InputNeedChanged(name=Name("note"), required=True),
            id="no longer optional",
        ),
    ],
)
def test_callers_must_change_for(inputs: tuple[tuple[str, str, bool], ...], change: Reason) -> None:
    assert signature(LIVE, replace(CANDIDATE, inputs=inputs)) == (Compatibility.BREAKING, (change,))


@pytest.mark.parametrize(
    ("outputs", "change"),
    [
        pytest.param(
            (("species", "string", True),),
            OutputTypeChanged(name=SPECIES, was=Said("long"), now=Said("string")),
            id="another type",
        ),
        pytest.param(
            (("species", "long", False),),
            OutputNeedChanged(name=SPECIES),
            id="only sometimes there",
        ),
        pytest.param((), OutputDropped(name=SPECIES), id="gone"),
        pytest.param(
            (("species", "long", True), ("p", "double", True)),
            OutputAdded(name=Name("p"), type=Said("double")),
            id="one more",
        ),
    ],
)
def test_any_change_of_the_outputs_is_breaking(outputs: tuple[tuple[str, str, bool], ...], change: Reason) -> None:
    assert signature(LIVE, replace(CANDIDATE, outputs=outputs)) == (Compatibility.BREAKING, (change,))


def test_outputs_keep_their_order() -> None:
    both = (("a", "long", True), ("b", "long", True))
    verdict = signature(replace(LIVE, outputs=both), replace(CANDIDATE, outputs=both[::-1]))
    assert verdict == (Compatibility.BREAKING, (OutputsReordered(),))


def test_breaking_differences_come_first() -> None:
    candidate = replace(CANDIDATE, inputs=(*(LIVE.inputs or ())[:2], ("a", "long", False)), outputs=())
    _, changes = signature(LIVE, candidate)
    assert changes[0] == OutputDropped(name=SPECIES)


def test_without_a_signature_on_both_sides_nothing_is_claimed() -> None:
    assert signature(None, CANDIDATE) == (Compatibility.UNKNOWN, ())
    unsigned = signature(LIVE, replace(CANDIDATE, inputs=None))
    assert unsigned == (Compatibility.UNKNOWN, (NoSignature(version=3),))
    half = signature(replace(LIVE, outputs=None), CANDIDATE)
    assert half == (Compatibility.UNKNOWN, (NoOutputSignature(version=1),))


def test_columns_without_names_are_compared_by_their_place() -> None:
    live, now = (("", "double", True), ("", "double", True)), (("", "double", True), ("", "string", True))
    verdict, _ = signature(replace(LIVE, inputs=live), replace(CANDIDATE, inputs=now))
    assert verdict is Compatibility.BREAKING


def test_dependencies_are_named_that_were_added_removed_or_changed() -> None:
    before = ("scikit-learn==1.5.0", "numpy==2.0.1", "scipy")
    after = ("Scikit_Learn == 1.6.1", "numpy==2.0.1", "skops>=0.13")
    assert requirements(before, after) == (
        DependencyChanged(name=Name("scikit-learn"), was=Said("1.5.0"), now=Said("1.6.1")),
        DependencyDropped(name=Name("scipy"), was=Said("")),
        DependencyAdded(name=Name("skops"), now=Said(">=0.13")),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("Foo.Bar==1",), ("foo-bar==1",), id="how a name is written"),
        pytest.param(("a==1", "b==2"), ("b==2", "a==1"), id="the order"),
        pytest.param(("a==1  # why", "", "# only a comment"), ("a == 1",), id="comments and spaces"),
        pytest.param(("a==1 --hash=sha256:00",), ("a==1 --hash=sha256:11",), id="hashes"),
    ],
)
def test_it_is_no_change_of_a_dependency(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert requirements(before, after) == ()


def test_the_first_release_is_compared_with_nothing() -> None:
    found = compare(None, CANDIDATE)
    assert (found.signature, found.signature_changes, found.requirements) == (Compatibility.UNKNOWN, (), ())
    assert comparison.lines(found) == ["`accuracy` 0.9333", "`f1` 0.9"]


def test_it_reads_like_this() -> None:
    candidate = replace(
        CANDIDATE,
        metrics={"accuracy": 0.9667, "loss": 1.5e-7},
        outputs=(("species", "string", True),),
        requirements=("scikit-learn==1.6.1", "numpy==2.0.1"),
    )
    assert comparison.lines(compare(LIVE, candidate)) == [
        "`accuracy` 0.9333 → 0.9667 (+0.0334)",
        "`f1` 0.9 → not logged",
        "`loss` 1.5e-07 (the live version has not logged it)",
        "⚠️ Signature: *breaking*, callers must change",
        "    • output `species` changed from long to string",
        "Dependencies: `scikit-learn` 1.5.0 → 1.6.1",
    ]


def test_a_long_list_says_how_much_it_left_out() -> None:
    found = compare(LIVE, replace(CANDIDATE, metrics={f"m{n}": 1.0 for n in range(9)}))
    assert comparison.metrics(found)[-1] == "… and 6 more metrics"


@given(st.none() | CARDS, CARDS)
def test_nothing_from_the_registry_works_in_the_lines_of_a_comparison(
    live: VersionDetails | None, candidate: VersionDetails
) -> None:
    shown = comparison.lines(compare(live, candidate))
    assert [fault for line in shown for fault in loose(line)] == []


@given(CARDS)
def test_a_version_compared_with_itself_shows_no_difference(details: VersionDetails) -> None:
    found = compare(details, details)
    assert found.requirements == ()
    assert found.signature in {"same", "unknown"}
