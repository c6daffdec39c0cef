"""The one message of a promotion, edited through its whole story.

A pure function of the record and of live health: the same facts give the same message, so it is edited only when
something has happened.  What is said in each state stands in `progress`, new versions in `announcements`, private
answers in `answers`.
"""

from datetime import datetime
from typing import Final

from bot.domain.chat import Message
from bot.domain.cluster import Health
from bot.domain.json import Json
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion, Ruling, State, Verdict
from bot.domain.registry import Comparison
from bot.rules.wording.blocks import actions, button, confirm, context, link, mention, people, section, sections, when
from bot.rules.wording.comparison import lines as comparison_lines
from bot.rules.wording.escape import mrkdwn, sentence
from bot.rules.wording.progress import Scene, full_stop, saying

APPROVE: Final = "approve"
VETO: Final = "veto"
"""The action_ids of the two buttons; their value is the digest of the change that they are about."""

BODY: Final = 7_000
"""Characters for what is said of the present state; with the rest it stays within what one message may hold."""


def promotion(  # noqa: PLR0913  (each is one thing that people see in the message)
    p: Promotion,
    *,
    health: Health | None,
    rulings: tuple[Ruling, ...],
    comparison: Comparison | None,
    approvers: tuple[str, ...],
    policy: Policy,
    now: datetime | None = None,
    successor: str | None = None,
) -> Message:
    """Return the message of a promotion as it stands.

    `successor` is the address of the message of the promotion that took its place, `approvers` are the user ids of
    those who have approved the present change; `now` only tells whether a step takes long enough to say since when.
    """
    scene = Scene(it=p, health=health, rulings=rulings, policy=policy, now=now, successor=successor)
    said = saying(scene)
    body = sections([f"{said.icon} *{said.headline}*", *said.lines, *_consent(p, approvers, policy)], room=BODY)
    figures = comparison_lines(comparison) if comparison is not None else []
    blocks = [
        section(f"*{title(p)}*\n{_facts(p)}"),
        *body,
        *([section("\n".join([f"*{_against(p)}*", *figures]))] if figures else []),
        *([context(f"⚠️ {sentence(p.record.trouble)}")] if p.record.trouble else []),
        *(_ballot(p, policy) if p.state is State.PROPOSED else []),
    ]
    return Message(text=full_stop(f"{title(p)}: {said.headline}"), blocks=tuple(blocks))


def superseded(p: Promotion, newer: str | None) -> Message:
    """Return what a message says that stands for a change which is another by now.

    `newer` is the address of the message that stands for it now.
    """
    headline = f"{title(p)}: this message stands for an older change, and reactions to it count no longer"
    there = f"Please look at {link(newer, 'the newer message')}, and react there"
    older = f"This message stands for an older change: reactions to it count no longer. {there}."
    return Message(text=f"{headline}.", blocks=(section(f"↩️ *{title(p)}*\n{_facts(p)}"), context(older)))


def title(p: Promotion) -> str:
    """Return "iris-classifier v3 → production", harmless as mrkdwn."""
    back = " (rollback)" if p.kind is Kind.ROLLBACK else ""
    return f"{mrkdwn(p.pair.model, 120)} v{p.version} → {mrkdwn(p.pair.stage, 80)}{back}"


def _facts(p: Promotion) -> str:
    """Return one line: from → to, who asked, where the change is."""
    who = "started by Callboard" if p.automatic else f"asked by {mention(p.requested_by)}"
    pull = [link(p.record.pull_url, f"pull request #{p.record.pull}")] if p.record.pull is not None else []
    return " · ".join([_way(p), who, *pull, f"promotion {p.id}"])


def _way(p: Promotion) -> str:
    if p.previous is None:
        return f"v{p.version}, the first release there"
    if p.previous == p.version:
        return f"back to v{p.version}, the last proven release"
    return f"v{p.previous} → v{p.version}"


def _against(p: Promotion) -> str:
    return "What is known of it" if p.previous is None else "Against what is live"


def _consent(p: Promotion, approvers: tuple[str, ...], policy: Policy) -> list[str]:
    if p.record.merge_commit is not None and any(r.verdict is not Verdict.PASS for r in p.record.rulings):
        return ["⚠️ Merged in GitHub by hand, not approved through Callboard"]
    if not approvers:
        return []
    tally = f" ({len(approvers)} of {_needed(p, policy)})" if p.state is State.PROPOSED else ""
    return [f"✅ Approved by {people(approvers)}{tally}"]


def _needed(p: Promotion, policy: Policy) -> int:
    if p.kind is Kind.PROMOTE:
        return policy.approvals
    return 0 if p.automatic else policy.rollback_approvals


def _ballot(p: Promotion, policy: Policy) -> list[Json]:
    """Return how to say yes or no to exactly this change; nothing while there is no change to speak of."""
    if p.record.digest is None:
        return []
    no = button("Veto", action=VETO, value=p.record.digest, style="danger", confirm=_sure())
    expires = f"expires {when(p.requested_at + policy.expires)}"
    if _needed(p, policy) == 0:
        return [context(f"It needs no approval. ❌ or the button stops it · {expires}"), actions(no)]
    yes = button("Approve", action=APPROVE, value=p.record.digest, style="primary")
    return [context(f"React with ✅ to approve or ❌ to stop it, or use the buttons · {expires}"), actions(yes, no)]


def _sure() -> Json:
    return confirm(
        "Veto this promotion?",
        "One veto stops it and closes the pull request. It can be asked for again.",
        yes="Veto",
        no="Go back",
    )
