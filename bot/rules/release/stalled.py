"""What next, once a merged change neither rolls out nor is seen to fail: people decide, or it heals by itself.

Callboard goes on watching.  Nothing is rolled back because of what it does not see.
"""

from datetime import timedelta
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.promotion import Fact, FactKind, Kind, Request, State, StatusChange
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.rollout import (
    AcceptedUnverified,
    KeptWaiting,
    MayNotDecide,
    NothingToGoBackTo,
    NotPickedUp,
    PickedUp,
    PodSilent,
    StalledTooLong,
)
from bot.rules.release import agents
from bot.rules.release.decision import LATER, SHORTLY, Decision, Reply, Rollout
from bot.rules.release.rollout import cluster, complete, conclude, counted, going_wrong, picked_up, unverified
from bot.rules.release.takeover import superseded

DECISIONS: Final = frozenset({FactKind.KEEP_WAITING, FactKind.ACCEPT, FactKind.GO_BACK})


def stalled(evidence: Rollout) -> Decision:
    """Do what somebody entitled decided, else what the workload shows by now; end after the time to expire."""
    said = next((fact for fact in evidence.facts if _counts(evidence, fact)), None)
    if said is not None:
        return _decided(evidence, said)
    unseen = isinstance(evidence.promotion.reason, NotPickedUp)  # the old version goes on as it was
    wrong = None if unseen else going_wrong(evidence)
    if wrong is not None and wrong.state is State.FAILED:
        return wrong
    if wrong is None and (healed := _healed(evidence)) is not None:
        return healed
    promotion, within = evidence.promotion, evidence.policy.expires
    if evidence.now - promotion.entered_at > within:
        return Decision(state=State.FAILED, reason=StalledTooLong(within=within, found=promotion.reason))
    note = wrong.note.copy() if wrong is not None else StatusChange(failing=None)
    if unseen:
        note["waiting"] = agents.waiting(evidence)
    return Decision(note=note, wake=LATER)


def _counts(evidence: Rollout, fact: Fact) -> bool:
    """Say whether a fact is a decision about this stall that is still to be followed, or refused."""
    return fact.kind in DECISIONS and not fact.answered and fact.at >= evidence.promotion.entered_at


def _decided(evidence: Rollout, fact: Fact) -> Decision:
    if evidence.voters.unsure is not None:
        return Decision(wake=SHORTLY)
    refused = _why_not(evidence, fact)
    if refused is not None:
        return Decision(action=Reply(fact=fact.id, to=fact.by, reason=refused))
    by = users((fact.by,))[0]
    match fact.kind:
        case FactKind.KEEP_WAITING:
            anew: StatusChange = {"counted": ()}
            return Decision(state=State.SYNCING, reason=KeptWaiting(by=by), note=anew, wake=timedelta(0))
        case FactKind.ACCEPT:
            return conclude(evidence, AcceptedUnverified(by=by, unseen=evidence.promotion.reason))
        case _:
            return _go_back(evidence, fact)


def _why_not(evidence: Rollout, fact: Fact) -> Reason | None:
    """Return why this person's decision does not count.  The requester may always give it more time."""
    policy, voters = evidence.policy, evidence.voters
    going_back = fact.kind is FactKind.GO_BACK
    may = voters.returners if going_back else voters.entitled
    patient = fact.kind is FactKind.KEEP_WAITING and fact.by == evidence.promotion.requested_by
    if not patient and fact.by not in may:
        names = policy.rollback_requesters if going_back else policy.approvers
        people, groups = (tuple(n for n in names if n.startswith("@") is group) for group in (False, True))
        return MayNotDecide(people=users(people), groups=tuple(map(Name, groups)))
    nowhere = evidence.release is None or evidence.release.version == evidence.promotion.version
    return NothingToGoBackTo() if going_back and nowhere else None


def _go_back(evidence: Rollout, fact: Fact) -> Decision:
    version = evidence.release.version if evidence.release is not None else evidence.promotion.version
    back = Request(target=evidence.target, kind=Kind.ROLLBACK, version=version, by=fact.by, at=fact.at)
    return Decision(state=State.SUPERSEDED, reason=superseded(back), start=back, wake=timedelta(0))


def _method_open(evidence: Rollout) -> bool:
    """Say whether the method of verification is still to be chosen, and no pod was waited for in vain."""
    promotion = evidence.promotion
    return promotion.status.verified_by is None and not isinstance(promotion.reason, PodSilent)


def _healed(evidence: Rollout) -> Decision | None:
    """Go on where it stopped, once the workload shows what was missing."""
    promotion, health = evidence.promotion, evidence.health
    if health is None or not picked_up(evidence):
        return None
    if counted(promotion) is not None and not health.pods:  # those that were verified are gone: all others count
        return Decision(note={"counted": ()}, wake=timedelta(0))
    if isinstance(promotion.reason, NotPickedUp):
        came = PickedUp(cluster=cluster(promotion))
        return Decision(state=State.ROLLING_OUT, reason=came, note={"waiting": None}, wake=timedelta(0))
    if health.status is HealthStatus.HEALTHY and (_method_open(evidence) or unverified(evidence) is None):
        return complete(health, evidence.now)
    return None
