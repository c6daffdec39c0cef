"""PROPOSED without a pull request: Git pins the version already, and people decide whether it is released.  Pure.

Somebody set the pin by hand, or an earlier promotion merged it and failed.  Every gate is asked all the same, except
for what is about pull requests.  Approvals are for the file as it stood in Git when it was shown.
"""

from datetime import timedelta

from bot.domain.promotion import Consent, State, StatusChange, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.lifecycle import AlreadyPinned, PinChanged
from bot.rules.release import gates
from bot.rules.release.closing import why_end
from bot.rules.release.decision import Decision, Editable, PinReview, Reply
from bot.rules.release.gates import votes


def by_hand(evidence: PinReview) -> Decision:
    """End, check again what changed in Git, or follow the pin once every gate passes."""
    if (ending := why_end(evidence)) is not None:
        state, reason = ending
        return Decision(state=state, reason=reason)
    return _changed(evidence) or _judged(evidence)


def _changed(evidence: PinReview) -> Decision | None:
    """Check again what is not in Git any more as it was shown; then people are asked anew."""
    manifest, promotion = evidence.manifest, evidence.promotion
    if not isinstance(manifest, Editable) or manifest.change.digest == evidence.pinned.digest:
        return None
    changed = PinChanged(stage=Name(promotion.target.stage), version=promotion.version, kept=manifest.change.empty)
    return Decision(state=State.CHECKING, reason=changed, note={"pinned": None}, wake=timedelta(0))


def _judged(evidence: PinReview) -> Decision:
    rulings = gates.judge(evidence)
    note: StatusChange = {"consent": Consent(rulings=rulings, approved_by=votes.approvals(evidence))}
    if (refused := votes.refused(evidence)) is not None:
        fact, reason = refused
        return Decision(action=Reply(fact=fact.id, to=fact.by, reason=reason), note=note)
    if gates.verdict(rulings) is not Verdict.PASS:
        return Decision(note=note, wake=gates.patience(evidence))
    pinned = AlreadyPinned(version=evidence.promotion.version)
    return Decision(state=State.SYNCING, reason=pinned, note=note, adopts=True, wake=timedelta(0))
