"""PROPOSED and MERGING: the open pull request, until it is merged or closed.  Pure."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.promotion import Consent, Failing, State, StatusChange, Verdict
from bot.domain.reason import Reason, users
from bot.domain.reasons.lifecycle import (
    ApprovedBy,
    MainMoved,
    ManifestChanged,
    Merged,
    MergedByHand,
    MergedUnconfirmed,
    MergeRefused,
    NoApprovalNeeded,
    PullClosed,
    PullNotNeeded,
)
from bot.domain.repository import PullState
from bot.domain.verification import Verify
from bot.rules.release import gates, statuses
from bot.rules.release.closing import elsewhere, needless, why_end
from bot.rules.release.decision import (
    LATER,
    ClosePull,
    Decision,
    Editable,
    Merge,
    PullReview,
    Reply,
    Report,
)
from bot.rules.release.gates import base_branch, votes
from bot.rules.release.verification import before_merge


def proposed(evidence: PullReview) -> Decision:
    """Close, remake, report, merge or wait, as the gates and the pull request demand."""
    pull = evidence.pull
    ending = why_end(evidence) if pull.state is not PullState.MERGED else None
    if ending is not None:
        return _close(evidence, *ending)
    match pull.state:
        case PullState.MERGED:
            return _merged(evidence, _merged_by(evidence))
        case PullState.CLOSED if evidence.ours.closed and needless(evidence):
            return _make_way(evidence)
        case PullState.CLOSED:
            return Decision(state=State.REJECTED, reason=PullClosed(number=pull.number))
        case PullState.OPEN:
            return _open(evidence)


def merging(evidence: PullReview) -> Decision:
    """See the merge through: try again until it is done, void, or overdue."""
    pull = evidence.pull
    match pull.state:
        case PullState.MERGED:
            return _merged(evidence, Merged())
        case PullState.CLOSED if not evidence.ours.closed:
            return Decision(state=State.REJECTED, reason=PullClosed(number=pull.number))
        case PullState.CLOSED | PullState.OPEN:
            return _unmerged(evidence)


def _merged_by(evidence: PullReview) -> Reason:
    if evidence.ours.tried == evidence.pull.head:  # the answer was lost, and the approval does not hold any more
        return MergedUnconfirmed(number=evidence.pull.number)
    return MergedByHand(number=evidence.pull.number)


def _merged(evidence: PullReview, reason: Reason) -> Decision:
    if (lost := elsewhere(evidence)) is not None:
        return Decision(state=State.REJECTED, reason=lost)
    pull = evidence.pull
    note: StatusChange = {"pull": replace(evidence.ours, merge_commit=pull.merge_commit, merged_at=pull.merged_at)}
    return Decision(state=State.SYNCING, reason=reason, note=note, merged=pull.head, wake=timedelta(0))


def _open(evidence: PullReview) -> Decision:
    if needless(evidence):
        return _make_way(evidence)
    if (
        base_branch.GATE.ask(evidence).verdict is not Verdict.PASS
    ):  # a conflict with another branch is no matter of ours
        return _gate(evidence)
    if _changed(evidence):
        return _remake(evidence, ManifestChanged())
    if _stale(evidence):
        return _remake(evidence, MainMoved())
    return _gate(evidence)


def _make_way(evidence: PullReview) -> Decision:
    """Close the pull request of what Git pins already; then the pin is judged as it stands.

    GitHub is asked again after each step, so a merge whose answer was lost is found before that.
    """
    reason = PullNotNeeded(version=evidence.promotion.version)
    closing = _close(evidence, State.SUPERSEDED, reason)
    return closing if closing.action is not None else _remake(evidence, reason)


def _remake(evidence: PullReview, reason: Reason) -> Decision:
    """Make the change again on the base as it is now; approvals stay if it turns out to be the same change."""
    note: StatusChange = {"pull": replace(evidence.ours, digest=None)}
    return Decision(state=State.CHECKING, reason=reason, note=note, wake=timedelta(0))


def _gate(evidence: PullReview) -> Decision:
    rulings = gates.judge(evidence)
    note: StatusChange = {"consent": Consent(rulings=rulings, approved_by=votes.approvals(evidence))}
    if (refused := votes.refused(evidence)) is not None:
        fact, reason = refused
        return Decision(action=Reply(fact=fact.id, to=fact.by, reason=reason), note=note)
    report = statuses.approval(evidence)
    if evidence.ours.approval != report:
        return Decision(action=Report(approval=report), note=note)
    if gates.verdict(rulings) is Verdict.PASS and evidence.ours.head is not None:
        note["pull"] = replace(evidence.ours, tried=evidence.ours.head)
        note["verified_by"] = _verified_by(evidence)
        merge = Merge(number=evidence.ours.number, head=evidence.ours.head)
        return Decision(state=State.MERGING, reason=_consent(evidence), action=merge, note=note)
    return Decision(note=note, wake=_patience(evidence))


def _verified_by(evidence: PullReview) -> Verify | None:
    """Return how the release will be verified, by what the pods answer that run now."""
    promotion = evidence.promotion
    found = before_merge(evidence.policy.verify, evidence.live, promotion.target.model)
    return found or promotion.status.verified_by


def _patience(evidence: PullReview) -> timedelta:
    patience = gates.patience(evidence)
    return min(LATER, patience) if evidence.withheld else patience


def _consent(evidence: PullReview) -> Reason:
    people = votes.approvals(evidence)
    return ApprovedBy(people=users(people)) if people else NoApprovalNeeded()


def _close(evidence: PullReview, state: State, reason: Reason) -> Decision:
    pull = evidence.pull
    if not pull.state.ended:
        report = statuses.failure(pull.head, state, reason)
        if evidence.ours.approval != report:
            return Decision(action=Report(approval=report))
    if not pull.state.ended or not evidence.ours.closed:
        return Decision(action=ClosePull(number=pull.number, reason=reason))
    return Decision(state=state, reason=reason)


def _unmerged(evidence: PullReview) -> Decision:
    status = evidence.promotion.status
    if evidence.overdue:
        cause = status.failing.reason if status.failing is not None else status.trouble
        decision = _close(evidence, State.FAILED, MergeRefused(number=evidence.pull.number, cause=cause))
        if cause is None:
            return decision
        note: StatusChange = {
            "failing": Failing(since=evidence.now, reason=cause)
        }  # the trouble ends with the next write
        return replace(decision, note=note)
    rulings = gates.judge(evidence)  # before each try: much may have happened since the last one
    lacking = max(rulings, key=lambda ruling: ruling.verdict)
    if lacking.verdict is not Verdict.PASS:
        note = {"consent": replace(status.consent, rulings=rulings)}
        return Decision(state=State.PROPOSED, reason=lacking.reason, note=note, wake=timedelta(0))
    if needless(evidence):
        return _make_way(evidence)
    if _changed(evidence) or _stale(evidence) or evidence.ours.head is None:
        return _remake(evidence, MainMoved())
    return Decision(action=Merge(number=evidence.pull.number, head=evidence.ours.head))


def _changed(evidence: PullReview) -> bool:
    return isinstance(evidence.manifest, Editable) and evidence.manifest.change.digest != evidence.ours.digest


def _stale(evidence: PullReview) -> bool:
    """Say whether the branch has to be made anew: it conflicts with, or must not be behind, a base that moved on."""
    moved = evidence.manifest.base.commit != evidence.ours.base
    return moved and (evidence.pull.mergeable is False or evidence.pull.behind)
