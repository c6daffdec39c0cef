"""What a reviewer reads on GitHub, with nothing in it that GitHub or Git would act on."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion
from bot.domain.registry import Comparison
from bot.domain.target import Pair
from bot.rules.wording.pull_request import body, title
from tests.fixtures.hostile import ACTED_ON, GITHUB, leading_anywhere, texts
from tests.fixtures.hostile_values import comparisons, promotions
from tests.fixtures.promotions import READY

POLICY = Policy(approvals=2, approvers=("@ml-release-captains",))
SLACK = "https://acme.slack.com/archives/C0MLRELEASES/p1777896000000100"
COMPARISON = Comparison(
    metrics=(("accuracy", 0.9333, 0.9667), ("f1", 0.9, None)),
    signature="breaking",
    signature_changes=("output “species” was long and is string",),
    requirements=("scikit-learn 1.5.0 → 1.6.1",),
)


def test_a_pull_request_reads_like_this() -> None:
    apart = "\u200b"
    assert body(READY, COMPARISON, POLICY, SLACK) == (
        "**iris-classifier** on **production**: v1 → v3.\n"
        "\n"
        "Asked for in Slack by U0ALICE (promotion 12).\n"
        "\n"
        "### Metrics\n"
        "\n"
        "| metric | v1 (live) | v3 | change |\n"
        "|---|---:|---:|---:|\n"
        "| accuracy | 0.9333 | 0.9667 | +0.0334 |\n"
        "| f1 | 0.9 | – |  |\n"
        "\n"
        "### Signature\n"
        "\n"
        "**The signature breaks callers**: what they send, or what they get, is not as before.\n"
        "\n"
        "- output “species” was long and is string\n"
        "\n"
        "### Dependencies\n"
        "\n"
        "- scikit-learn 1.5.0 → 1.6.1\n"
        "\n"
        "### How it is approved\n"
        "\n"
        f"It waits for ✅ from 2 people of @{apart}ml-release-captains [in Slack]({SLACK}). Callboard merges it then; "
        "**do not merge it by hand**, and do not push to its branch: Callboard merges only its own commit. "
        "To drop it, close it. It expires after 3 d.\n"
        "\n"
        "Callboard-Promotion: 12\n"
    )


def test_a_model_that_is_not_plain_data_says_so() -> None:
    said = body(READY, replace(COMPARISON, runs_code=("python_function",)), POLICY, SLACK)
    assert (
        "### Code\n\nThis model is not plain data. Where it is loaded, it may run whatever its author put into it:\n\n"
        "- python\\_function\n"
    ) in said


@pytest.mark.parametrize(
    ("it", "words"),
    [
        (READY, "Release iris-classifier v3 to production"),
        (replace(READY, kind=Kind.ROLLBACK, version=1), "Roll back iris-classifier to v1 on production"),
        (replace(READY, pair=Pair(model="my model @bob #1", stage="prod")), "Release my-model-bob-1 v3 to prod"),
        (replace(READY, pair=Pair(model="[skip ci]", stage="…")), "Release skip-ci v3 to unnamed"),
        (replace(READY, pair=Pair(model="closes GH-1", stage="gh-2")), "Release closes-GH.1 v3 to gh.2"),
    ],
)
def test_a_title_says_what_is_released_where(it: Promotion, words: str) -> None:
    assert title(it) == words


def test_what_needs_no_approval_says_how_to_stop_it() -> None:
    said = body(READY, None, replace(POLICY, approvals=0), None)
    assert "It needs no approval; ❌ in Slack stops it." in said


def test_an_automatic_way_back_waits_for_nobody() -> None:
    back = replace(READY, kind=Kind.ROLLBACK, automatic=True, version=1, previous=1)
    said = body(back, None, replace(POLICY, rollback_approvals=2), None)
    assert "back to v1, the last proven release" in said
    assert "Started by Callboard itself" in said
    assert "It needs no approval" in said


def test_the_first_release_is_compared_with_nothing() -> None:
    said = body(replace(READY, previous=None), Comparison(metrics=(("accuracy", None, 0.9),)), POLICY, None)
    assert "v3, the first release there" in said
    assert "### Signature" not in said


def test_a_link_that_is_none_is_left_out() -> None:
    assert "](" not in body(READY, None, POLICY, "javascript:alert(1)")
    assert "](" not in body(READY, None, POLICY, "https://x.example/a) ![x](https://evil.example")


LONG = texts(most=15, times=100)
PROMOTIONS = promotions(LONG)


@given(PROMOTIONS)
def test_a_title_holds_nothing_that_is_acted_on_whatever_the_names(it: Promotion) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._ -]{1,250}", title(it))
    assert not ACTED_ON.search(title(it))


@given(
    PROMOTIONS,
    st.none() | comparisons(LONG),
    st.lists(LONG, max_size=5).map(tuple),
    st.sampled_from((None, SLACK)) | LONG,
)
def test_a_body_holds_nothing_that_is_acted_on_whatever_stands_in_it(
    it: Promotion, comparison: Comparison | None, approvers: tuple[str, ...], address: str | None
) -> None:
    said = body(it, comparison, replace(POLICY, approvers=approvers), address)
    shown = said.replace(f"]({address})", "](slack)") if address else said
    assert not ACTED_ON.search(shown)
    assert leading_anywhere(said) <= {address}
    assert re.findall(r"^Callboard-Promotion.*$", said, re.MULTILINE) == [f"Callboard-Promotion: {it.id}"]
    assert said.endswith(f"\n\nCallboard-Promotion: {it.id}\n")
    assert len(said) <= 60_000


@pytest.mark.parametrize("fragment", GITHUB)
def test_nothing_that_github_knows_works_in_any_place(fragment: str) -> None:
    it = replace(READY, pair=Pair(model=fragment, stage=fragment), requested_by=fragment)
    comparison = Comparison(
        metrics=((fragment, 1.0, 2.0),), signature="same", signature_changes=(fragment,), requirements=(fragment,)
    )
    said = body(it, comparison, replace(POLICY, approvers=(fragment,)), None)
    assert not ACTED_ON.search(said)
    assert leading_anywhere(said) == set()


@pytest.mark.parametrize("much", ["&" * 9000, "*" * 9000, "x" * 9000])
def test_the_fullest_body_is_taken(much: str) -> None:
    changes = tuple(f"{n}{much}" for n in range(500))
    metrics = tuple((change, -1.5e-300, 2.5e300) for change in changes)
    comparison = Comparison(metrics=metrics, signature="breaking", signature_changes=changes, requirements=changes)
    it = replace(READY, pair=Pair(model=much, stage=much), requested_by=much)
    policy = replace(POLICY, approvers=changes, expires=timedelta(days=10**6))
    said = body(it, comparison, policy, None)
    assert len(said) <= 60_000
    assert "… and 400 more metrics" in said
    assert len(title(it)) <= 250
