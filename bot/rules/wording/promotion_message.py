"""The one message of a promotion, edited through its whole story.

A pure function of the promotion and of live health: the same facts give the same message, so it is edited only when
something has happened.  The text of each state is in `progress`, new versions are in `announcements`, private answers
in `answers`.
"""

from datetime import datetime
from typing import Final

from bot.domain.chat import Message
from bot.domain.cluster import Health
from bot.domain.json import Json
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion, State, Verdict
from bot.rules.wording.blocks import actions, button, confirm, context, link, mention, people, section, sections, when
from bot.rules.wording.comparison import lines as comparison_lines
from bot.rules.wording.escape import mrkdwn
from bot.rules.wording.progress import Scene, describe
from bot.rules.wording.reasons import reply
from bot.rules.wording.sentences import full_stop

APPROVE: Final = "approve"
VETO: Final = "veto"
"""The action_ids of the two buttons; their value is the digest of the change that they are about."""
KEEP_WAITING: Final = "keep_waiting"
ACCEPT: Final = "accept"
GO_BACK: Final = "go_back"
"""The action_ids of a stalled promotion's buttons; their value is its number."""

BODY: Final = 7_000
"""Characters for the present state; with the rest, the message stays within what Slack takes."""


def message(
    promotion: Promotion,
    *,
    health: Health | None,
    policy: Policy,
    now: datetime | None = None,
    successor: str | None = None,
) -> Message:
    """Return the message of a promotion as it is now.

    `successor` is the address of the message of the promotion that took its place, or rolls it back; `now` only tells
    whether a step takes long enough to say since when.
    """
    scene = Scene(promotion=promotion, health=health, policy=policy, now=now, successor=successor)
    progress, status = describe(scene), promotion.status
    body = sections(
        [f"{progress.icon} *{progress.headline}*", *progress.lines, *_consent(promotion, policy)], room=BODY
    )
    figures = comparison_lines(status.comparison) if status.comparison is not None else []
    blocks = [
        section(f"*{title(promotion)}*\n{_origin(promotion)}"),
        *body,
        *([section("\n".join([f"*{_compared(promotion)}*", *figures]))] if figures else []),
        *([context(f"⚠️ {reply(status.trouble)}")] if status.trouble is not None else []),
        *(_ballot(promotion, policy) if promotion.state is State.PROPOSED else []),
        *(_ways_out(promotion, policy) if promotion.state is State.STALLED else []),
    ]
    return Message(text=full_stop(f"{title(promotion)}: {progress.headline}"), blocks=tuple(blocks))


def superseded(promotion: Promotion, newer: str | None) -> Message:
    """Return what a message says that shows an older change; `newer` is the address of the message that took over."""
    headline = f"{title(promotion)}: this message shows an older change, and reactions to it no longer count"
    there = f"Please read {link(newer, 'the newer message')}, and react there"
    older = f"This message shows an older change: reactions to it no longer count. {there}."
    return Message(
        text=f"{headline}.", blocks=(section(f"↩️ *{title(promotion)}*\n{_origin(promotion)}"), context(older))
    )


def title(promotion: Promotion) -> str:
    """Return "iris-classifier v3 → production", harmless as mrkdwn."""
    rollback = " (rollback)" if promotion.kind is Kind.ROLLBACK else ""
    target = promotion.target
    return f"{mrkdwn(target.model, 120)} v{promotion.version} → {mrkdwn(target.stage, 80)}{rollback}"


def requester(promotion: Promotion) -> str:
    """Return who requested a promotion."""
    return "started by Callboard" if promotion.automatic else f"requested by {mention(promotion.requested_by)}"


def _origin(promotion: Promotion) -> str:
    """Return one line: from → to, who requested it, where the change is."""
    pull, pinned = promotion.status.pull, promotion.status.pinned
    where = [link(pull.url, f"pull request #{pull.number}")] if pull is not None else []
    if pinned is not None:
        where = ["pinned by hand" if pinned.promotion is None else f"merged by promotion {pinned.promotion}"]
    return " · ".join([_way(promotion), requester(promotion), *where, f"promotion {promotion.id}"])


def _way(promotion: Promotion) -> str:
    if promotion.previous is None:
        return f"v{promotion.version}, the first release there"
    if promotion.previous == promotion.version:
        return f"back to v{promotion.version}, the last verified release"
    return f"v{promotion.previous} → v{promotion.version}"


def _compared(promotion: Promotion) -> str:
    if promotion.previous is None:
        return "About this version"
    return f"Compared with {mrkdwn(promotion.target.stage, 80)} v{promotion.previous}"


def _consent(promotion: Promotion, policy: Policy) -> list[str]:
    consent = promotion.status.consent
    unapproved = any(ruling.verdict is not Verdict.PASS for ruling in consent.rulings)
    if promotion.merge_commit is not None and unapproved:
        return ["⚠️ Merged by hand on GitHub, not approved through Callboard"]
    if not consent.approved_by:
        return []
    of = f" ({len(consent.approved_by)} of {_needed(promotion, policy)})"
    tally = of if promotion.state is State.PROPOSED else ""
    return [f"✅ Approved by {people(consent.approved_by)}{tally}"]


def _needed(promotion: Promotion, policy: Policy) -> int:
    if promotion.kind is Kind.PROMOTE:
        return policy.approvals
    return 0 if promotion.automatic else policy.rollback_approvals


def _ballot(promotion: Promotion, policy: Policy) -> list[Json]:
    """Return how to say yes or no to exactly this change; nothing while there is no change to speak of."""
    digest = promotion.digest
    if digest is None:
        return []
    no = button("Veto", action=VETO, value=digest, style="danger", confirm=_sure(promotion))
    expires = f"expires {when(promotion.requested_at + policy.expires)}"
    if _needed(promotion, policy) == 0:
        return [context(f"No approval needed. React with ❌ or press Veto to stop it · {expires}"), actions(no)]
    yes = button("Approve", action=APPROVE, value=digest, style="primary")
    return [context(f"React with ✅ to approve or ❌ to stop it, or use the buttons · {expires}"), actions(yes, no)]


def _ways_out(promotion: Promotion, policy: Policy) -> list[Json]:
    """Return what people can decide about a stalled promotion, and until when."""
    number, version = str(promotion.id), promotion.version
    accept = confirm(
        f"Accept v{version} without verification?",
        f"Callboard has not seen that every pod serves v{version}. It will count as released, and the alias moves.",
        yes="Accept",
        no="Cancel",
    )
    back = confirm(
        f"Roll back to v{promotion.previous}?", "This opens a pull request that reverts Git.", yes="Roll back", no="No"
    )
    buttons = [
        *([button("Keep waiting", action=KEEP_WAITING, value=number)] if promotion.status.failing is None else []),
        button("Accept unverified", action=ACCEPT, value=number, confirm=accept),
    ]
    if promotion.kind is Kind.PROMOTE and promotion.previous not in {None, version}:
        buttons.insert(0, button("Roll back", action=GO_BACK, value=number, style="danger", confirm=back))
    return [
        context(f"Callboard goes on watching until {when(promotion.entered_at + policy.expires)}"),
        actions(*buttons),
    ]


def _sure(promotion: Promotion) -> Json:
    pinned = promotion.status.pinned is not None
    effect = f"; Git goes on pinning v{promotion.version}" if pinned else " and closes the pull request"
    return confirm(
        "Veto this promotion?",
        f"One veto stops it{effect}. It can be requested again.",
        yes="Veto",
        no="Cancel",
    )
