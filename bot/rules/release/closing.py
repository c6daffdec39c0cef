"""Whether, and why, a proposal must end before anything of it is released.  Pure."""

from bot.domain.promotion import FactKind, State
from bot.domain.reason import Name, Reason
from bot.domain.reasons.lifecycle import Cancelled, MergedElsewhere
from bot.domain.repository import PullState
from bot.rules.release import gates
from bot.rules.release.decision import Editable, Evidence, PullReview, Review, Uneditable


def why_end(evidence: Review) -> tuple[State, Reason] | None:
    """Return the state in which a proposal must end, and why."""
    promotion = evidence.promotion
    if (blocked := gates.blocked(evidence)) is not None:
        return State.REJECTED, blocked.reason
    if cancelled(evidence):
        return State.CANCELLED, Cancelled()
    if evidence.now - promotion.requested_at > evidence.policy.expires and (missing := gates.expired(evidence)):
        return State.EXPIRED, missing
    if isinstance(evidence.manifest, Uneditable):
        return State.BLOCKED, evidence.manifest.reason
    return None


def needless(evidence: PullReview) -> bool:
    """Say whether the main branch came to pin the version while the pull request was open."""
    return isinstance(evidence.manifest, Editable) and evidence.manifest.change.empty


def cancelled(evidence: Evidence) -> bool:
    """Say whether somebody has cancelled the request."""
    return any(fact.kind is FactKind.CANCEL for fact in evidence.facts)


def elsewhere(evidence: PullReview) -> Reason | None:
    """Return why a merge releases nothing: it went into another branch than the main one."""
    pull, main = evidence.pull, evidence.manifest.base.branch
    if pull.state is not PullState.MERGED or pull.base == main:
        return None
    return MergedElsewhere(number=pull.number, into=Name(pull.base), main=Name(main))
