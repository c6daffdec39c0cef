"""Title and text of a promotion's pull request, as GitHub Markdown.

Written once, when the pull request is opened; progress is reported in the channel.  The title may become the title of a
commit, so nothing from outside stands in it but names reduced to harmless characters.  The trailer helps people to find
the promotion; read back it proves nothing, because anybody can write one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion
from bot.domain.reason import Reason
from bot.domain.registry import Comparison, Compatibility
from bot.rules.wording import escape
from bot.rules.wording.figures import difference, duration, number
from bot.rules.wording.reasons import markdown
from bot.rules.wording.sentences import full_stop

TRAILER: Final = "Callboard-Promotion"
METRICS: Final = 100
LINES: Final = 50
"""How many metrics, and how many differences of a kind, are listed.  GitHub takes 65,536 characters in all."""

CODE: Final = "This model is not plain data. Where it is loaded, it may run whatever its author put into it:"
SIGNATURES: Final = {
    Compatibility.SAME: "The signature is the same.",
    Compatibility.COMPATIBLE: "The signature is compatible: callers need no change.",
    Compatibility.BREAKING: "**The signature breaks callers**: what they send, or what they get, is not as before.",
    Compatibility.UNKNOWN: "The signatures cannot be compared.",
}
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,1000}")


def title(promotion: Promotion) -> str:
    """Return "Release iris-classifier v3 to production"."""
    model, stage = _name(promotion.target.model), _name(promotion.target.stage)
    if promotion.kind is Kind.ROLLBACK:
        return f"Roll back {model} to v{promotion.version} on {stage}"
    return f"Release {model} v{promotion.version} to {stage}"


def body(promotion: Promotion, comparison: Comparison | None, policy: Policy, message_link: str | None) -> str:
    """Return what a reviewer reads on GitHub: what changes, how the versions compare, and how it is approved."""
    parts = [
        _summary(promotion),
        *(_compared(promotion, comparison) if comparison is not None else []),
        "### Approval",
        _approval(promotion, policy, message_link),
        f"{TRAILER}: {promotion.id}",
    ]
    return "\n\n".join(parts) + "\n"


def closing(reason: Reason) -> str:
    """Return the comment with which Callboard closes a pull request."""
    return full_stop(f"Callboard closes this pull request: {markdown(reason)}")


def _summary(promotion: Promotion) -> str:
    what = f"**{escape.markdown(promotion.target.model, 200)}** on **{escape.markdown(promotion.target.stage, 100)}**"
    way = (
        f"v{promotion.version}, the first release there"
        if promotion.previous is None
        else f"v{promotion.previous} → v{promotion.version}"
    )
    if promotion.previous == promotion.version:
        way = f"back to v{promotion.version}, the last verified release"
    who = (
        "Started by Callboard itself"
        if promotion.automatic
        else f"Requested in Slack by {escape.markdown(promotion.requested_by, 80)}"
    )
    return f"{what}: {way}.\n\n{who} (promotion {promotion.id})."


def _compared(promotion: Promotion, comparison: Comparison) -> list[str]:
    changes = _bullets(markdown(change) for change in comparison.signature_changes)
    return [
        *(["### Metrics", _table(promotion, comparison.metrics)] if comparison.metrics else []),
        *(["### Signature", SIGNATURES[comparison.signature]] if promotion.previous else []),
        *([changes] if changes else []),
        *(
            ["### Dependencies", _bullets(markdown(change) for change in comparison.requirements)]
            if comparison.requirements
            else []
        ),
        *(
            ["### Code", CODE, _bullets(escape.markdown(word, 250) for word in comparison.runs_code)]
            if comparison.runs_code
            else []
        ),
    ]


def _table(promotion: Promotion, metrics: Sequence[tuple[str, float | None, float | None]]) -> str:
    live = f"v{promotion.previous} (live)" if promotion.previous is not None else "live"
    head = [f"| metric | {live} | v{promotion.version} | change |", "|---|---:|---:|---:|"]
    left = len(metrics) - METRICS
    more = [f"\n… and {left} more metrics"] if left > 0 else []
    return "\n".join([*head, *(_table_row(*metric) for metric in metrics[:METRICS]), *more])


def _table_row(name: str, live: float | None, candidate: float | None) -> str:
    differs = difference(live, candidate) if live is not None and candidate is not None else ""
    values = ["–" if value is None else number(value) for value in (live, candidate)]
    return f"| {escape.markdown(name, 120)} | {values[0]} | {values[1]} | {differs} |"


def _bullets(lines: Iterable[str]) -> str:
    """Return a list of lines that are Markdown already, the first few of them."""
    listed = list(lines)
    left = len(listed) - LINES
    more = [f"- … and {left} more"] if left > 0 else []
    return "\n".join([*(f"- {line}" for line in listed[:LINES]), *more])


def _approval(promotion: Promotion, policy: Policy, message_link: str | None) -> str:
    linked = message_link is not None and _ADDRESS.fullmatch(message_link)
    where = f"[in Slack]({message_link})" if linked else "in Slack"
    needed = _needed(promotion, policy)
    ask = (
        f"Needs ✅ from {_approvers(needed, policy.approvers)} {where}, then Callboard merges it."
        if needed
        else f"No approval needed: Callboard merges it. React with ❌ {where} to stop it."
    )
    return (
        f"{ask} Please **don't merge it yourself** or push to this branch: Callboard merges only its own commit. "
        f"Close it to cancel. Expires in {duration(policy.expires)}."
    )


def _approvers(needed: int, approvers: Iterable[str]) -> str:
    who = ", ".join(escape.markdown(approver, 80) for approver in list(approvers)[:20])
    people = "1 person" if needed == 1 else f"{needed} people"
    return people + (f" among {who}" if who else "")


def _needed(promotion: Promotion, policy: Policy) -> int:
    if promotion.kind is Kind.PROMOTE:
        return policy.approvals
    return 0 if promotion.automatic else policy.rollback_approvals


def _name(text: str) -> str:
    """Return a name in characters that mean nothing to GitHub or Git, wherever the title is copied to."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", text)[:80].strip("-.") or "unnamed"
    return re.sub(r"(?i)(gh)-(?=\d)", r"\1.", plain)  # GH-1 is issue 1
