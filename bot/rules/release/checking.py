"""CHECKING: what would be released, and whether a pull request can be opened for it.  Pure."""

from datetime import timedelta

from bot.domain.promotion import Kind, PinnedStatus, Promotion, PullStatus, State
from bot.domain.reason import Name, Reason
from bot.domain.reasons.lifecycle import (
    AlreadyPinned,
    AlreadyReleased,
    Cancelled,
    FoundPinned,
    NotProposedInTime,
    PullReplaced,
    RegistrationUnfinished,
    UnknownVersion,
)
from bot.rules.release.closing import cancelled
from bot.rules.release.decision import SOON, ClosePull, Decision, Editable, Proposal, Propose, Uneditable


def checking(evidence: Proposal) -> Decision:
    """Propose the change, wait for the registry, or end the promotion."""
    promotion, manifest = evidence.promotion, evidence.manifest
    if (ending := _ending(evidence)) is not None:
        return _end(promotion, *ending)
    if isinstance(manifest, Uneditable):
        return _end(promotion, State.BLOCKED, manifest.reason)
    pull = promotion.status.pull
    if promotion.kind is Kind.ROLLBACK and pull is not None and not pull.closed:
        return _close(pull, PullReplaced())  # what it takes over may be merging: that ends first
    if evidence.details is not None and not evidence.details.ready:
        late = RegistrationUnfinished()
        return _end(promotion, State.FAILED, late) if evidence.overdue else Decision(wake=SOON)
    return _propose(evidence, manifest)


def _ending(evidence: Proposal) -> tuple[State, Reason] | None:
    """Return in which state the promotion must end before anything is proposed, and why."""
    promotion = evidence.promotion
    if cancelled(evidence):
        return State.CANCELLED, Cancelled()
    if evidence.now - promotion.requested_at > evidence.policy.expires:
        return State.EXPIRED, NotProposedInTime()
    if evidence.details is None:
        return State.BLOCKED, UnknownVersion(model=Name(promotion.target.model), version=promotion.version)
    return None


def _propose(evidence: Proposal, found: Editable) -> Decision:
    if found.change.empty:
        return _already_in_git(evidence, found)
    propose = Propose(base=found.base, change=found.change, place=found.place)
    return Decision(action=propose, note={"place": found.place})


def _already_in_git(evidence: Proposal, found: Editable) -> Decision:
    """Propose the pin as it stands in Git: nothing is merged, and every gate is asked all the same."""
    promotion, release, pull = evidence.promotion, evidence.release, evidence.promotion.status.pull
    if release is not None and release.version == promotion.version:
        there = AlreadyReleased(stage=Name(promotion.target.stage), version=promotion.version)
        return _end(promotion, State.BLOCKED, there)
    if pull is not None and not pull.closed:
        return _close(pull, AlreadyPinned(version=promotion.version))
    pinned = PinnedStatus(digest=found.change.digest, commit=found.base.commit, promotion=_merged_by(evidence))
    return Decision(
        state=State.PROPOSED,
        reason=FoundPinned(stage=Name(promotion.target.stage), version=promotion.version, promotion=pinned.promotion),
        note={"place": found.place, "pull": None, "pinned": pinned},
        wake=timedelta(0),
    )


def _merged_by(evidence: Proposal) -> int | None:
    """Return the earlier promotion that merged the pin; None: somebody set it by hand."""
    last = evidence.merged_last
    merged = last is not None and last.merge_commit is not None and last.version == evidence.promotion.version
    return last.id if last is not None and merged else None


def _end(promotion: Promotion, state: State, reason: Reason) -> Decision:
    """Leave CHECKING with nothing proposed; first close what another promotion, or an older change, left open."""
    pull = promotion.status.pull
    if pull is not None and not pull.closed:
        return _close(pull, reason)
    return Decision(state=state, reason=reason, wake=timedelta(0))  # at once: nobody was told of it yet


def _close(pull: PullStatus, reason: Reason) -> Decision:
    return Decision(action=ClosePull(number=pull.number, reason=reason))
