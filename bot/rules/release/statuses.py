"""What GitHub is told of the approval, commit by commit.  Pure.

GitHub stores a status at the commit alone: anybody can open another pull request with an approved commit, or reopen the
first one, and merge it.  So an approval that does not hold any more is revoked at its commit before anything else; a
promotion ends only when no approved commit of it is left but the one that was merged.
"""

from typing import Final

from bot.domain.promotion import Approval, ApprovalState, Promotion, State, Verdict
from bot.domain.reason import Name, Reason
from bot.domain.reasons.approval import ApprovedInSlack, BeingRemade, EndedAs, HeadMoved, PromotionEnded
from bot.domain.reasons.lifecycle import PullClosed, PullReplaced
from bot.domain.repository import PullState
from bot.rules.release import gates
from bot.rules.release.closing import elsewhere, why_end
from bot.rules.release.decision import Evidence, PinReview, PullReview, Report, Revoke

HELD: Final = frozenset({State.PROPOSED, State.MERGING})
"""The states in which the approval of a commit can hold; in any other, every approved commit that is left is void."""


def revocation(evidence: Evidence, promotion: Promotion) -> Revoke | Report | None:
    """Return what GitHub must be told of an approved commit at once, one commit at a time."""
    for head in evidence.approved_heads:
        void = _void(evidence, promotion, head)
        if void is not None:
            return Revoke(head=head, reason=void)
    return _withdrawn(evidence) if isinstance(evidence, PullReview) else None


def _void(evidence: Evidence, promotion: Promotion, head: str) -> Reason | None:
    """Return why nobody may merge an approved commit any more, whatever the gates say."""
    if promotion.state is State.CHECKING:
        return BeingRemade()
    if promotion.state not in HELD:
        return PromotionEnded(promotion=promotion.id, state=Name(promotion.state))
    if isinstance(evidence, PinReview):
        return PullReplaced()  # it has no pull request, so this is a commit of an older one
    if not isinstance(evidence, PullReview):
        return None
    if evidence.pull.state is PullState.CLOSED:
        return PullClosed(number=evidence.pull.number)
    return elsewhere(evidence) or (HeadMoved() if evidence.pull.head != head else None)


def _withdrawn(evidence: PullReview) -> Report | None:
    """Return what the head says from now on, if it is approved and the gates do not pass any more."""
    pull = evidence.pull
    if evidence.promotion.state is not State.PROPOSED or pull.state is not PullState.OPEN:
        return None
    if pull.head not in evidence.approved_heads:
        return None
    ending = why_end(evidence)
    now = failure(pull.head, *ending) if ending is not None else approval(evidence)
    return Report(approval=now) if now.state is not ApprovalState.SUCCESS else None


def approval(evidence: PullReview) -> Approval:
    """Return what GitHub is to be told of the pull request's head."""
    head = evidence.pull.head
    missing = [ruling for ruling in gates.consent(evidence) if ruling.verdict is not Verdict.PASS]
    if not missing:
        return Approval(head=head, state=ApprovalState.SUCCESS, reason=ApprovedInSlack())
    return Approval(head=head, state=ApprovalState.PENDING, reason=missing[0].reason)


def failure(head: str, state: State, cause: Reason) -> Approval:
    """Return what GitHub is told of the head of a pull request that is about to be closed."""
    return Approval(head=head, state=ApprovalState.FAILURE, reason=EndedAs(state=Name(state), cause=cause))
