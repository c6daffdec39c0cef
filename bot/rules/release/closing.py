"""Whether, and why, the story of a pull request must end before anything of it is merged.  Pure."""

from bot.domain.promotion import FactKind, Promotion, State
from bot.domain.repository import PullState
from bot.rules.release import gates
from bot.rules.release.decision import Evidence
from bot.rules.wording.escape import quoted


def why_close(seen: Evidence, it: Promotion) -> tuple[State, str] | None:
    """Return the state in which an open pull request's story must end, and why."""
    if (blocked := gates.blocked(seen, it)) is not None:
        return State.REJECTED, blocked.because
    if cancelled(seen):
        return State.CANCELLED, "cancelled"
    if seen.now - it.requested_at > seen.policy.expires and (missing := gates.expired(seen, it)):
        return State.EXPIRED, missing
    if seen.refusal is not None:
        return State.BLOCKED, seen.refusal
    if seen.change is not None and seen.change.before == seen.change.after:
        return State.SUPERSEDED, f"the main branch pins v{it.version} already: this pull request was not needed"
    return None


def cancelled(seen: Evidence) -> bool:
    """Say whether somebody has taken the request back."""
    return any(fact.kind is FactKind.CANCEL for fact in seen.facts)


def elsewhere(seen: Evidence) -> str | None:
    """Return the sentence that tells of a merge into another branch than the main one, which releases nothing."""
    pull, base = seen.pull, seen.base
    if pull is None or base is None or pull.state is not PullState.MERGED or pull.base == base.branch:
        return None
    into = f"{quoted(pull.base, 80)} and not into {quoted(base.branch, 80)}"
    what = f"#{pull.number} was retargeted and merged into {into}"
    return f"{what}, so nothing is released: revert it there, unless it is wanted"
