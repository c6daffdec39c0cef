"""What a reviewer reads on GitHub, with nothing in it that GitHub or Git would act on."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion
from bot.domain.reason import Name, Said
from bot.domain.reasons.comparison import DependencyChanged, OutputTypeChanged
from bot.domain.registry import Comparison, Compatibility
from bot.domain.target import Target
from bot.rules.wording.pull_request import body, title
from tests.fixtures.evidence import told
from tests.fixtures.hostile import ACTED_ON, GITHUB, leading_anywhere, texts
from tests.fixtures.hostile_values import comparisons, promotions
from tests.fixtures.promotions import READY

POLICY = Policy(approvals=2, approvers=("@ml-release-captains",))
SLACK = "https://acme.slack.com/archives/C0MLRELEASES/p1777896000000100"
COMPARISON = Comparison(
    metrics=(("accuracy", 0.9333, 0.9667), ("f1", 0.9, None)),
    signature=Compatibility.BREAKING,
    signature_changes=(OutputTypeChanged(name=Name("species"), was=Said("long"), now=Said("string")),),
    requirements=(DependencyChanged(name=Name("scikit-learn"), was=Said("1.5.0"), now=Said("1.6.1")),),
)


def test_a_pull_request_reads_like_this() -> None:
    apart = "\u200b"
    assert body(READY, COMPARISON, POLICY, SLACK) == (
        "**iris-classifier** on **production**: v1 → v3.\n"
        "\n"
        "Requested in Slack by U0ALICE (promotion 12).\n"
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
        "- output species changed from long to string\n"
        "\n"
        "### Dependencies\n"
        "\n"
        "- scikit-learn 1\\.5.0 → 1\\.6.1\n"
        "\n"
        "### Approval\n"
        "\n"
        f"Needs ✅ from 2 people among @{apart}ml-release-captains [in Slack]({SLACK}), then Callboard merges it. "
        "Please **don't merge it yourself** or push to this branch: Callboard merges only its own commit. "
        "Close it to cancel. Expires in 3 days.\n"
        "\n"
        "Callboard-Promotion: 12\n"
    )


def test_a_model_that_is_not_plain_data_gets_a_warning() -> None:
    said = body(READY, replace(COMPARISON, runs_code=("python_function",)), POLICY, SLACK)
    assert (
        "### Code\n\nThis model is not plain data. Where it is loaded, it may run whatever its author put into it:\n\n"
        "- python\\_function\n"
    ) in said


@pytest.mark.parametrize(
    ("promotion", "words"),
    [
        (READY, "Release iris-classifier v3 to production"),
        (replace(READY, kind=Kind.ROLLBACK, version=1), "Roll back iris-classifier to v1 on production"),
        (replace(READY, target=Target(model="my model @bob #1", stage="prod")), "Release my-model-bob-1 v3 to prod"),
        (replace(READY, target=Target(model="[skip ci]", stage="…")), "Release skip-ci v3 to unnamed"),
        (replace(READY, target=Target(model="closes GH-1", stage="gh-2")), "Release closes-GH.1 v3 to gh.2"),
    ],
)
def test_a_title_says_what_is_released_where(promotion: Promotion, words: str) -> None:
    assert title(promotion) == words


def test_what_needs_no_approval_says_how_to_stop_it() -> None:
    said = body(READY, None, replace(POLICY, approvals=0), None)
    assert "No approval needed: Callboard merges it. React with ❌ in Slack to stop it." in said


def test_an_automatic_way_back_waits_for_nobody() -> None:
    back = replace(READY, kind=Kind.ROLLBACK, automatic=True, version=1, previous=1)
    said = body(back, None, replace(POLICY, rollback_approvals=2), None)
    assert "back to v1, the last verified release" in said
    assert "Started by Callboard itself" in said
    assert "No approval needed" in said


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
def test_a_title_holds_nothing_that_is_acted_on_whatever_the_names(promotion: Promotion) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._ -]{1,250}", title(promotion))
    assert not ACTED_ON.search(title(promotion))


@given(
    PROMOTIONS,
    st.none() | comparisons(LONG),
    st.lists(LONG, max_size=5).map(tuple),
    st.sampled_from((None, SLACK)) | LONG,
)
def test_a_body_triggers_nothing_whatever_it_contains(
    promotion: Promotion, comparison: Comparison | None, approvers: tuple[str, ...], address: str | None
) -> None:
    said = body(promotion, comparison, replace(POLICY, approvers=approvers), address)
    shown = said.replace(f"]({address})", "](slack)") if address else said
    assert not ACTED_ON.search(shown)
    assert leading_anywhere(said) <= {address}
    assert re.findall(r"^Callboard-Promotion.*$", said, re.MULTILINE) == [f"Callboard-Promotion: {promotion.id}"]
    assert said.endswith(f"\n\nCallboard-Promotion: {promotion.id}\n")
    assert len(said) <= 60_000


@pytest.mark.parametrize("fragment", GITHUB)
def test_nothing_that_github_knows_works_in_any_place(fragment: str) -> None:
    promotion = replace(READY, target=Target(model=fragment, stage=fragment), requested_by=fragment)
    comparison = Comparison(
        metrics=((fragment, 1.0, 2.0),),
        signature=Compatibility.SAME,
        signature_changes=(told(fragment),),
        requirements=(told(fragment),),
    )
    said = body(promotion, comparison, replace(POLICY, approvers=(fragment,)), None)
    assert not ACTED_ON.search(said)
    assert leading_anywhere(said) == set()


@pytest.mark.parametrize("much", ["&" * 9000, "*" * 9000, "x" * 9000])
def test_the_fullest_body_is_taken(much: str) -> None:
    changes = tuple(f"{n}{much}" for n in range(500))
    reasons = tuple(map(told, changes))
    metrics = tuple((change, -1.5e-300, 2.5e300) for change in changes)
    comparison = Comparison(
        metrics=metrics, signature=Compatibility.BREAKING, signature_changes=reasons, requirements=reasons
    )
    promotion = replace(READY, target=Target(model=much, stage=much), requested_by=much)
    policy = replace(POLICY, approvers=changes, expires=timedelta(days=10**6))
    said = body(promotion, comparison, policy, None)
    assert len(said) <= 60_000
    assert "… and 400 more metrics" in said
    assert len(title(promotion)) <= 250
