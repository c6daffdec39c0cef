"""What next?  The whole life of a promotion as one pure function: evidence in, decision out.

    CHECKING ─▶ PROPOSED ─▶ MERGING ─▶ SYNCING ─▶ ROLLING_OUT ─▶ VERIFYING ─▶ RELEASED
                                          └───────────┴── STALLED ───┘

Each state has one function: in `checking` and `merging` until the merge, in `rollout` and `stalled` after it; what
Git pins already is proposed in `by_hand`.  Every state has a way out and a time-out.  A state that ends the promotion
is entered only when nothing is left to do outside: the pull request is closed *before* REJECTED is.  So a restart at
any point just asks again.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.promotion import UNMERGED, Consent, Kind, Promotion, Request, State, StatusChange
from bot.domain.reason import Name
from bot.domain.reasons.approval import VetoTooLate
from bot.domain.reasons.lifecycle import PullOpened
from bot.domain.target import Place
from bot.rules.parsing.typed import typed
from bot.rules.release import gates, merging, rollout, statuses
from bot.rules.release.by_hand import by_hand
from bot.rules.release.checking import checking
from bot.rules.release.decision import (
    Decision,
    Editable,
    Evidence,
    PinReview,
    Post,
    Proposal,
    PullReview,
    Reply,
    Review,
    Rollout,
)
from bot.rules.release.gates import votes
from bot.rules.release.stalled import stalled
from bot.rules.release.takeover import may_supersede, superseded

ROLLOUT: Final[Mapping[State, Callable[[Rollout], Decision]]] = {
    State.SYNCING: rollout.syncing,
    State.ROLLING_OUT: rollout.rolling_out,
    State.VERIFYING: rollout.verifying,
    State.STALLED: stalled,
}


def decide(evidence: Evidence) -> Decision:
    """Return what to do about the target now."""
    promotion = evidence.promotion
    if promotion is None:
        return _idle(evidence)
    revocation = statuses.revocation(evidence, promotion)  # comes first: until then anybody may merge it
    if revocation is None and _needs_message(promotion):  # also when it is over: nobody was told yet
        return Decision(action=Post(), note=_first_rulings(evidence))
    decision = (
        Decision(action=revocation)
        if revocation is not None
        else _too_late(evidence, promotion) or _overtaken(evidence, promotion) or _next(evidence, promotion)
    )
    note = decision.note.copy()
    if isinstance(evidence, Proposal | Review | Rollout) and evidence.comparison is not None:  # metrics may come late
        note["comparison"] = evidence.comparison
    if (place := _place(evidence)) is not None and promotion.status.place not in {None, place}:
        note["place"] = place
    if promotion.status.trouble is not None and promotion.state is not State.MERGING:  # blind time is not counted
        note["clear_since"] = evidence.now
    return replace(decision, note=note)


def _place(evidence: Evidence) -> Place | None:
    """Return where the pin takes effect by now: app.yaml may name another cluster, until the change is merged."""
    if isinstance(evidence, Review) and isinstance(evidence.manifest, Editable):
        return evidence.manifest.place
    return None


def _next(evidence: Evidence, promotion: Promotion) -> Decision:
    match evidence:
        case Proposal():
            return checking(evidence)
        case PinReview():
            return by_hand(evidence)
        case PullReview():
            return merging.merging(evidence) if promotion.state is State.MERGING else merging.proposed(evidence)
        case Rollout():
            return ROLLOUT[promotion.state](evidence)
        case _ if promotion.state is State.CHECKING and promotion.status.pull is not None:
            return Decision(
                state=State.PROPOSED, reason=PullOpened(number=promotion.status.pull.number), wake=timedelta(0)
            )
        case _:
            return _idle(evidence)


def _needs_message(promotion: Promotion) -> bool:
    """Say whether no message shows the change as it is now."""
    if promotion.state is State.CHECKING:
        return False
    message = promotion.status.message
    return message is None or (promotion.state.open and message.digest not in {None, promotion.digest})


def _first_rulings(evidence: Evidence) -> StatusChange:
    if not isinstance(evidence, Review) or evidence.promotion.state is not State.PROPOSED:
        return {}
    return {
        "consent": Consent(rulings=gates.judge(evidence), approved_by=evidence.promotion.status.consent.approved_by)
    }


def _too_late(evidence: Evidence, promotion: Promotion) -> Decision | None:
    """Answer a veto that comes after the merge; while a merge is being tried it still counts."""
    veto = votes.late(evidence) if promotion.state not in {*UNMERGED, State.MERGING} else None
    if veto is None:
        return None
    rollback = typed("/rollback", promotion.target.model, promotion.target.stage)
    reason = VetoTooLate(over=not promotion.state.open, version=promotion.version, rollback=Name(rollback))
    return Decision(action=Reply(fact=veto.id, to=veto.by, reason=reason))


def _overtaken(evidence: Evidence, promotion: Promotion) -> Decision | None:
    """Let a newer version take over from one that nobody asked for by name."""
    if not promotion.automatic or not promotion.state.open or (request := _wanted(evidence)) is None:
        return None
    if request.version <= promotion.version or not may_supersede(request, promotion):
        return None
    return Decision(state=State.SUPERSEDED, reason=superseded(request), start=request, wake=timedelta(0))


def _idle(evidence: Evidence) -> Decision:
    """Start what policy wants by itself: a new version on an `auto` stage, once."""
    request = _wanted(evidence)
    return Decision(start=request, wake=timedelta(0)) if request is not None else Decision()


def _wanted(evidence: Evidence) -> Request | None:
    """Return what policy wants by itself; never what was tried before, also not after a rollback."""
    newest = evidence.newest
    if not evidence.policy.auto or newest is None or newest <= evidence.attempted:
        return None
    if evidence.release is not None and newest <= evidence.release.version:
        return None
    return Request(
        target=evidence.target, kind=Kind.PROMOTE, version=newest, by="callboard", at=evidence.now, automatic=True
    )
