"""The message that tells the channel of a new version.  It is updated when the metrics arrive.

Which version is announced, and when, is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from bot.domain.chat import Message
from bot.domain.registry import Comparison, ModelVersion, VersionDetails
from bot.rules.parsing.typed import typed
from bot.rules.wording.blocks import context, section, sections, when
from bot.rules.wording.comparison import lines as comparison_lines
from bot.rules.wording.escape import code, mrkdwn

TAGS: Final = 5
"""How many facts about the training are shown."""
STAGES: Final = 8
RUNS: Final = 20
MANY: Final = 9000
"""Ranges of numbers shown for a model, and characters for all models, where many versions are new."""

KNOWN: Final = {
    "mlflow.user": "trained by",
    "mlflow.source.git.commit": "commit",
    "git_sha": "commit",
    "git_commit": "commit",
    "mlflow.source.git.branch": "branch",
    "mlflow.source.name": "source",
}
"""Tags worth showing first, with what people call them.  https://mlflow.org/docs/latest/ml/tracking/#system-tags"""


def announcement(
    details: VersionDetails,
    *,
    live: Mapping[str, int],
    comparison: Comparison | None,
    complete: bool,
    next_stage: str | None,
    automatic: bool,
) -> Message:
    """Return the announcement of a version.

    `live` maps a stage to its release; `next_stage` is where the version may go first, and `automatic` says that it is
    promoted there automatically.
    """
    name = f"{mrkdwn(details.what.model, 120)} v{details.what.version}"
    figures = comparison_lines(comparison) if comparison is not None else []
    wait = [] if complete else ["⏳ Metrics are not logged yet. This message will update when they arrive."]
    what_next = _next(details, next_stage, automatic=automatic)
    blocks = (
        section("\n".join([f"🆕 *New version: {name}*", *_origin(details)])),
        *([section("\n".join([*wait, *figures]))] if wait or figures else []),
        section("\n".join([_live(live), *([what_next] if what_next else [])])),
    )
    return Message(text=f"New version: {name}. {what_next}".rstrip(), blocks=blocks)


def announcement_of_many(those: Sequence[ModelVersion]) -> Message:
    """Return the announcement of versions that were registered at about the same time, in the order of the models."""
    numbers = {name: [what.version for what in its] for name, its in groupby(those, lambda what: what.model)}
    of = f" of {len(numbers)} models" if len(numbers) > 1 else ""
    title = f"{len(those)} new versions{of}"
    return Message(
        text=f"{title}.",
        blocks=(
            section(f"🆕 *{title}*"),
            *sections([f"• {code(name, 120)} {_ranges(its)}" for name, its in numbers.items()], room=MANY),
            context(
                "`/models MODEL` shows one in detail. Of each model, only the newest version is promoted automatically."
            ),
        ),
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Return "v3–v7, v9": numbers that follow each other are one range."""
    runs = (list(run) for _, run in groupby(enumerate(numbers), lambda each: each[1] - each[0]))
    ends = [(run[0][1], run[-1][1]) for run in runs]
    shown = ", ".join(f"v{first}" if first == last else f"v{first}–v{last}" for first, last in ends[:RUNS])
    return shown + (f" and {len(ends) - RUNS} ranges more" if len(ends) > RUNS else "")


def _origin(details: VersionDetails) -> list[str]:
    """Return when it was registered, and what its tags tell of the training."""
    made = [f"registered {when(details.created)}"] if details.created is not None else []
    line = " · ".join([*made, *_tags(details)])
    return [line] if line else []


def _tags(details: VersionDetails) -> list[str]:
    told = {**details.run_tags, **details.tags}
    known = [(KNOWN[name], told[name]) for name in KNOWN if told.get(name)]
    own = [(name, value) for name, value in sorted(told.items()) if name not in KNOWN and _worth(name, value)]
    shown = list(dict(reversed(known)).items())[::-1] + own  # of two tags that mean the same, the first counts
    return [_tag(label, value) for label, value in shown[:TAGS]]


def _worth(name: str, value: str) -> bool:
    return bool(value) and not name.startswith(("mlflow.", "callboard."))


def _tag(label: str, value: str) -> str:
    if label == "commit":
        return f"commit {code(value[:12])}"
    if label == "source":  # whose machine it was trained on, and where on it, is nobody's business
        return f"source {mrkdwn(value.rpartition('/')[2], 80)}"
    return f"{mrkdwn(label, 40)} {mrkdwn(value, 80)}"


def _live(live: Mapping[str, int]) -> str:
    if not live:
        return "No stage has a release of this model yet."
    stages = [f"{mrkdwn(stage, 40)} v{version}" for stage, version in live.items()]
    return "Live now: " + ", ".join(stages[:STAGES]) + (" …" if len(stages) > STAGES else "")


def _next(details: VersionDetails, stage: str | None, *, automatic: bool) -> str:
    if stage is None:
        return ""
    if automatic:
        return f"It will be released to {mrkdwn(stage, 80)} automatically."
    return f"To release it, type {code(typed('/promote', details.what.model, stage, str(details.what.version)), 300)}."
