"""A comparison as lines of a Slack message.  Compares nothing itself; for pull requests see `pull_request`."""

from collections.abc import Iterable
from typing import Final

from bot.domain.registry import Comparison, Compatibility
from bot.rules.wording.escape import code
from bot.rules.wording.figures import difference, number
from bot.rules.wording.reasons import slack

METRICS: Final = 5
"""How many metrics a message shows; the pull request has them all."""
CHANGES: Final = 3

SIGNATURES: Final = {
    Compatibility.SAME: "✅ Signature: the same",
    Compatibility.COMPATIBLE: "✅ Signature: compatible, callers need no change",
    Compatibility.BREAKING: "⚠️ Signature: *breaking*, callers must change",
    Compatibility.UNKNOWN: "Signature: cannot be compared",
}


def lines(compared: Comparison) -> list[str]:
    """Return metrics, signature, dependencies and code, a line each, shortened to what fits a glance."""
    return [*metrics(compared), *signature(compared), *dependencies(compared), *runs_code(compared)]


def metrics(compared: Comparison) -> list[str]:
    """Return "`accuracy` 0.9333 → 0.9667 (+0.0333)" for each of the first metrics."""
    alone = all(live is None for _, live, _ in compared.metrics)
    shown = [_metric(*metric, alone=alone) for metric in compared.metrics]
    return _shortened(shown, METRICS, "metrics")


def signature(compared: Comparison) -> list[str]:
    """Return the verdict and the differences that count most; nothing where there was nothing to compare with."""
    if compared.signature is Compatibility.UNKNOWN and not compared.signature_changes:
        return []
    verdict = SIGNATURES[compared.signature]
    changes = [f"    • {slack(change)}" for change in compared.signature_changes]
    return [verdict, *_shortened(changes, CHANGES, "differences")]


def dependencies(compared: Comparison) -> list[str]:
    """Return the first dependencies that differ, on one line."""
    if not compared.requirements:
        return []
    shown = [slack(change) for change in compared.requirements]
    return ["Dependencies: " + ", ".join(_shortened(shown, CHANGES, "others"))]


def runs_code(compared: Comparison) -> list[str]:
    """Return a warning where loading the model means to run what its author wrote."""
    if not compared.runs_code:
        return []
    words = ", ".join(_shortened([code(word, 80) for word in compared.runs_code], CHANGES, "others"))
    return [f"⚠️ Not plain data: {words}. Where it is loaded, it may run whatever its author put into it"]


def _metric(name: str, live: float | None, candidate: float | None, *, alone: bool) -> str:
    label = code(name, 80)
    if candidate is None:
        return f"{label} {number(live) if live is not None else '–'} → not logged"
    if live is None:
        return f"{label} {number(candidate)}" + ("" if alone else " (the live version has not logged it)")
    differs = difference(live, candidate)
    return f"{label} {number(live)} → {number(candidate)}" + (f" ({differs})" if differs else "")


def _shortened(shown: Iterable[str], most: int, what: str) -> list[str]:
    listed = list(shown)
    left = len(listed) - most
    if left <= 1:  # "and 1 more" takes as much room as the one
        return listed
    return [*listed[:most], f"… and {left} more {what}"]
