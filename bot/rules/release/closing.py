"""Whether, and why, the story of a pull request must end before anything of it is merged.  Pure."""

from bot.domain.promotion import FactKind, State
from bot.domain.reason import Name, Reason
from bot.domain.reasons.lifecycle import Cancelled, MergedElsewhere, PullNotNeeded
from bot.domain.repository import PullState
from bot.rules.release import gates
from bot.rules.release.decision import Evidence, Review, Uneditable


def why_close(evidence: Review) -> tuple[State, Reason] | None:
    """Return the state in which an open pull request's story must end, and why."""
    promotion = evidence.promotion
    if (blocked := gates.blocked(evidence)) is not None:
        return State.REJECTED, blocked.reason
    if cancelled(evidence):
        return State.CANCELLED, Cancelled()
    if evidence.now - promotion.requested_at > evidence.policy.expires and (missing := gates.expired(evidence)):
        return State.EXPIRED, missing
    if isinstance(evidence.manifest, Uneditable):
        return State.BLOCKED, evidence.manifest.reason
    if evidence.manifest.change.before == evidence.manifest.change.after:
        return State.SUPERSEDED, PullNotNeeded(version=promotion.version)
    return None


def cancelled(evidence: Evidence) -> bool:
    """Say whether somebody has cancelled the request."""
    return any(fact.kind is FactKind.CANCEL for fact in evidence.facts)


def elsewhere(evidence: Review) -> Reason | None:
    """Return why a merge releases nothing: it went into another branch than the main one."""
    pull, main = evidence.pull, evidence.manifest.base.branch
    if pull.state is not PullState.MERGED or pull.base == main:
        return None
    return MergedElsewhere(number=pull.number, into=Name(pull.base), main=Name(main))
