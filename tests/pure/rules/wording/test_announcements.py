"""A new version is announced once, with what comes next; details that arrive later are added."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Message
from bot.domain.registry import Comparison, Compatibility, ModelVersion, VersionDetails
from bot.rules.wording.announcements import announcement, announcement_of_many
from tests.fixtures.evidence import told as reason_told
from tests.fixtures.hostile import faults, texts
from tests.fixtures.hostile_values import comparisons
from tests.fixtures.promotions import NOON
from tests.fixtures.reading import read

DETAILS = VersionDetails(
    what=ModelVersion(model="iris-classifier", version=3),
    created=NOON,
    tags={"team": "ds", "git_sha": "0123456789abcdef0123"},
    run_tags={"mlflow.user": "alice", "mlflow.source.type": "LOCAL"},
)
BETTER = Comparison(metrics=(("accuracy", 0.9333, 0.9667),), signature=Compatibility.COMPATIBLE)


def told(
    details: VersionDetails = DETAILS,
    comparison: Comparison | None = BETTER,
    next_stage: str | None = "staging",
    *,
    complete: bool = True,
    automatic: bool = True,
) -> Message:
    return announcement(
        details,
        live={"staging": 2, "production": 1},
        comparison=comparison,
        complete=complete,
        next_stage=next_stage,
        automatic=automatic,
    )


def test_it_reads_like_this() -> None:
    assert read(told()) == (
        "🆕 *New version: iris-classifier v3*\n"
        "registered <!date^1777896000^{date_short_pretty} {time}|2026-05-04 12:00 UTC>"
        " · trained by alice · commit `0123456789ab` · team ds\n"
        "\n"
        "`accuracy` 0.9333 → 0.9667 (+0.0334)\n"
        "✅ Signature: compatible, callers need no change\n"
        "\n"
        "Live now: staging v2, production v1\n"
        "It will be released to staging automatically."
    )


def test_a_model_that_is_not_plain_data_gets_a_warning() -> None:
    said = read(told(comparison=replace(BETTER, runs_code=("python_function", "sklearn:`pickle`"))))
    assert (
        "⚠️ Not plain data: `python_function`, `sklearn:ˋpickleˋ`. "
        "Where it is loaded, it may run whatever its author put into it\n"
    ) in said


def test_a_notification_says_what_is_new_and_what_comes_next() -> None:
    assert told().text == "New version: iris-classifier v3. It will be released to staging automatically."


def test_without_automatic_releases_it_says_what_to_type() -> None:
    said = read(told(automatic=False))
    assert said.endswith("To release it, type `/promote iris-classifier staging 3`.")


def test_where_no_stage_is_configured_nothing_is_promised() -> None:
    message = told(next_stage=None)
    assert message.text == "New version: iris-classifier v3."
    assert read(message).endswith("Live now: staging v2, production v1")


def test_missing_metrics_are_mentioned_until_they_arrive() -> None:
    waiting = "Metrics are not logged yet. This message will update when they arrive."
    assert waiting in read(told(comparison=None, complete=False))
    assert waiting not in read(told())


def test_the_tags_of_the_version_outweigh_those_of_its_run() -> None:
    details = replace(DETAILS, run_tags={"mlflow.source.git.commit": "ffff", "team": "other"})
    said = read(told(details))
    assert "team ds" in said
    assert said.count("commit") == 1


def test_only_the_file_name_of_a_source_is_shown() -> None:
    details = replace(DETAILS, run_tags={"mlflow.source.name": "/home/alice/iris/train.py"})
    assert "source train.py" in read(told(details))
    assert "/home" not in read(told(details))


def test_internal_tags_are_hidden_and_at_most_five_are_shown() -> None:
    tags = {"mlflow.note.content": "x", "callboard.staging": "released", **{f"t{n}": "v" for n in range(9)}}
    said = read(told(replace(DETAILS, tags=tags, run_tags={})))
    assert said.count(" · ") == 5
    assert "callboard" not in said


def test_many_versions_are_announced_in_one_message() -> None:
    those = [ModelVersion(model="iris", version=n) for n in (3, 4, 5, 9)] + [ModelVersion(model="wine & co", version=1)]
    message = announcement_of_many(those)
    assert message.text == "5 new versions of 2 models."
    assert "• `iris` v3–v5, v9\n• `wine &amp; co` v1" in read(message)


@given(
    st.lists(st.builds(ModelVersion, model=texts(times=400), version=st.integers(1, 10**9)), min_size=1, max_size=60)
)
def test_of_many_versions_too_slack_takes_what_is_told_and_nothing_of_it_works(those: list[ModelVersion]) -> None:
    ordered = sorted(those, key=lambda what: (what.model, what.version))
    assert faults(announcement_of_many(ordered)) == []


LONG = texts(most=15, times=400)
TAGS = st.dictionaries(LONG | st.sampled_from(("mlflow.user", "git_sha", "mlflow.source.name")), LONG, max_size=9)
CARDS = st.builds(
    VersionDetails,
    what=st.builds(ModelVersion, model=LONG, version=st.integers(1, 10**9)),
    created=st.sampled_from((None, NOON)),
    tags=TAGS,
    run_tags=TAGS,
)


@given(
    CARDS,
    st.dictionaries(LONG, st.integers(1, 99), max_size=12),
    st.none() | comparisons(LONG),
    st.none() | LONG,
    st.booleans(),
)
def test_whatever_the_registry_says_slack_takes_it_and_nothing_of_it_works(
    details: VersionDetails, live: dict[str, int], comparison: Comparison | None, stage: str | None, yes: bool  # noqa: FBT001  (hypothesis passes it by name)
) -> None:  # fmt: skip
    message = announcement(details, live=live, comparison=comparison, complete=yes, next_stage=stage, automatic=not yes)
    assert faults(message) == []


@pytest.mark.parametrize("much", ["&" * 9000, "x" * 9000, "`" * 9000])
def test_the_fullest_announcement_is_taken(much: str) -> None:
    changes = tuple(f"{n}{much}" for n in range(50))
    reasons = tuple(map(reason_told, changes))
    metrics = tuple((change, 1.5, 2.5) for change in changes)
    details = replace(DETAILS, what=ModelVersion(model=much, version=10**9), tags=dict.fromkeys(changes, much))
    comparison = Comparison(
        metrics=metrics, signature=Compatibility.BREAKING, signature_changes=reasons, requirements=reasons
    )
    live = dict.fromkeys(changes, 10**9)
    assert (
        faults(
            announcement(details, live=live, comparison=comparison, complete=False, next_stage=much, automatic=False)
        )
        == []
    )
