"""Title and text of a promotion's pull request, as GitHub Markdown.

Written once, when the pull request is opened; progress is told in the channel.  The title may become the title of a
commit, so nothing from outside stands in it but names reduced to harmless characters.  The trailer helps people to find
the promotion; read back it proves nothing, because anybody can write one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion
from bot.domain.registry import Comparison
from bot.rules.wording.escape import markdown
from bot.rules.wording.figures import change, duration, number

TRAILER: Final = "Callboard-Promotion"
METRICS: Final = 100
SENTENCES: Final = 50
"""How many metrics, and how many differences of a kind, are listed.  GitHub takes 65,536 characters in all."""

CODE: Final = "This model is not plain data. Where it is loaded, it may run whatever its author put into it:"
SIGNATURES: Final = {
    "same": "The signature is the same.",
    "compatible": "The signature is compatible: callers need no change.",
    "breaking": "**The signature breaks callers**: what they send, or what they get, is not as before.",
    "unknown": "The signatures cannot be compared.",
}
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,1000}")


def title(p: Promotion) -> str:
    """Return "Release iris-classifier v3 to production"."""
    model, stage = _name(p.pair.model), _name(p.pair.stage)
    if p.kind is Kind.ROLLBACK:
        return f"Roll back {model} to v{p.version} on {stage}"
    return f"Release {model} v{p.version} to {stage}"


def body(p: Promotion, comparison: Comparison | None, policy: Policy, message_link: str | None) -> str:
    """Return what a reviewer reads on GitHub: what changes, how the versions compare, and how it is approved."""
    parts = [
        _summary(p),
        *(_compared(p, comparison) if comparison is not None else []),
        "### How it is approved",
        _approval(p, policy, message_link),
        f"{TRAILER}: {p.id}",
    ]
    return "\n\n".join(parts) + "\n"


def _summary(p: Promotion) -> str:
    what = f"**{markdown(p.pair.model, 200)}** on **{markdown(p.pair.stage, 100)}**"
    way = f"v{p.version}, the first release there" if p.previous is None else f"v{p.previous} → v{p.version}"
    if p.previous == p.version:
        way = f"back to v{p.version}, the last proven release"
    who = "Started by Callboard itself" if p.automatic else f"Asked for in Slack by {markdown(p.requested_by, 80)}"
    return f"{what}: {way}.\n\n{who} (promotion {p.id})."


def _compared(p: Promotion, comparison: Comparison) -> list[str]:
    changes = _bullets(comparison.signature_changes)
    return [
        *(["### Metrics", _table(p, comparison.metrics)] if comparison.metrics else []),
        *(["### Signature", SIGNATURES.get(comparison.signature, SIGNATURES["unknown"])] if p.previous else []),
        *([changes] if changes else []),
        *(["### Dependencies", _bullets(comparison.requirements)] if comparison.requirements else []),
        *(["### Code", CODE, _bullets(comparison.runs_code)] if comparison.runs_code else []),
    ]


def _table(p: Promotion, metrics: Sequence[tuple[str, float | None, float | None]]) -> str:
    live = f"v{p.previous} (live)" if p.previous is not None else "live"
    head = [f"| metric | {live} | v{p.version} | change |", "|---|---:|---:|---:|"]
    left = len(metrics) - METRICS
    more = [f"\n… and {left} more metrics"] if left > 0 else []
    return "\n".join([*head, *(_table_row(*metric) for metric in metrics[:METRICS]), *more])


def _table_row(name: str, live: float | None, candidate: float | None) -> str:
    differs = change(live, candidate) if live is not None and candidate is not None else ""
    values = ["–" if value is None else number(value) for value in (live, candidate)]
    return f"| {markdown(name, 120)} | {values[0]} | {values[1]} | {differs} |"


def _bullets(sentences: Sequence[str]) -> str:
    left = len(sentences) - SENTENCES
    more = [f"- … and {left} more"] if left > 0 else []
    return "\n".join([*(f"- {markdown(sentence, 250)}" for sentence in sentences[:SENTENCES]), *more])


def _approval(p: Promotion, policy: Policy, message_link: str | None) -> str:
    linked = message_link is not None and _ADDRESS.fullmatch(message_link)
    where = f"[in Slack]({message_link})" if linked else "in Slack"
    needed = _needed(p, policy)
    lines = [
        f"{_ask(needed, policy.approvers)} {where}." if needed else f"It needs no approval; ❌ {where} stops it.",
        "Callboard merges it then; **do not merge it by hand**, and do not push to its branch: Callboard merges only "
        "its own commit. To drop it, close it.",
        f"It expires after {duration(policy.expires)}.",
    ]
    return " ".join(lines)


def _ask(needed: int, approvers: Iterable[str]) -> str:
    who = ", ".join(markdown(approver, 80) for approver in list(approvers)[:20])
    people = "one person" if needed == 1 else f"{needed} people"
    return f"It waits for ✅ from {people}" + (f" of {who}" if who else "")


def _needed(p: Promotion, policy: Policy) -> int:
    if p.kind is Kind.PROMOTE:
        return policy.approvals
    return 0 if p.automatic else policy.rollback_approvals


def _name(text: str) -> str:
    """Return a name in characters that mean nothing to GitHub or Git, wherever the title is copied to."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", text)[:80].strip("-.") or "unnamed"
    return re.sub(r"(?i)(gh)-(?=\d)", r"\1.", plain)  # GH-1 is issue 1
