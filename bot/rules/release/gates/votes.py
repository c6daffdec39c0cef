"""Who voted on the change as it is now, and whose vote counts.  Pure."""

from bot.domain.promotion import Fact, FactKind, Kind
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.approval import NotAnApprover, OlderChange, OwnApproval, VetoNotCounted
from bot.rules.parsing import emoji
from bot.rules.release.decision import Evidence, Review


def approvals(review: Review) -> tuple[str, ...]:
    """Return who approves the change as it is now, in the order in which they did."""
    promotion = review.promotion
    approving = _standing(review, FactKind.APPROVE, FactKind.WITHDRAW)
    given = [by for by in approving if why_not(review, by) is None]
    requester = promotion.requested_by
    if promotion.kind is Kind.ROLLBACK and requester in review.voters.entitled and requester not in given:
        given.insert(0, requester)  # an approver's own request to roll back counts as an approval
    return tuple(given)


def vetoes(review: Review) -> tuple[str, ...]:
    """Return who objects: approvers, and the requester, who may always take the request back."""
    against = _standing(review, FactKind.VETO, FactKind.UNVETO)
    return tuple(by for by in against if _may_veto(review, by))


def why_not(review: Review, by: str) -> Reason | None:
    """Return why this person's approval does not count here, or None when it does."""
    promotion = review.promotion
    own = by == promotion.requested_by and promotion.kind is Kind.PROMOTE
    if own and not review.policy.requester_may_approve:
        return OwnApproval()
    if by not in review.voters.entitled:
        model, stage = Name(promotion.target.model), Name(promotion.target.stage)
        return NotAnApprover(approvers=users(review.policy.approvers), model=model, stage=stage)
    return None


def _may_veto(review: Review, by: str) -> bool:
    return by in review.voters.entitled or by == review.promotion.requested_by


def _standing(review: Review, give: FactKind, take: FactKind) -> list[str]:
    """Replay the facts about the present change: each person's last vote counts.

    Where the message was just read, its reactions outweigh the events, which may be lost or come late.
    """
    standing: dict[str, bool] = {}
    digest = review.promotion.digest
    for fact in review.facts:
        if fact.digest != digest or digest is None:
            continue
        if fact.kind is give:
            standing[fact.by] = fact.by_reaction or standing.get(fact.by, False)
        elif fact.kind is take:
            standing.pop(fact.by, None)
    if review.voters.reactions is None:
        return list(standing)
    now = review.voters.reactions.get(emoji.OF[give], frozenset())
    kept = [by for by, by_reaction in standing.items() if by in now or not by_reaction]
    return kept if give is FactKind.APPROVE else list(dict.fromkeys((*kept, *sorted(now))))


def refused(review: Review) -> tuple[Fact, Reason] | None:
    """Return the first vote that does not count and was not answered yet, and why it does not."""
    for fact in review.facts:
        if fact.answered or fact.by == "callboard":
            continue
        reason = _why_refused(review, fact)
        if reason is not None:
            return fact, reason
    return None


def _why_refused(review: Review, fact: Fact) -> Reason | None:
    unsure = review.voters.unsure is not None
    match fact.kind:
        case FactKind.APPROVE if fact.digest != review.promotion.digest:
            return OlderChange()
        case FactKind.APPROVE if not unsure:
            return why_not(review, fact.by)
        case FactKind.VETO if not unsure and not _may_veto(review, fact.by):
            return VetoNotCounted()
        case _:
            return None


def late(evidence: Evidence) -> Fact | None:
    """Return the first veto that came when nothing could be stopped any more."""
    return next((f for f in evidence.facts if f.kind is FactKind.VETO and not f.answered), None)
