"""What next, once a change is merged: the cluster picks it up, rolls it out, and every new pod is verified.

What is seen failing for long enough is rolled back automatically, where the policy says so.  What is not seen, waits
or answers nothing is never rolled back: after the time-out without progress it is STALLED, and people decide.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.cluster import Health, HealthStatus, Served
from bot.domain.policy import OnFailure
from bot.domain.promotion import Advance, Failing, Kind, Promotion, Request, State, StatusChange
from bot.domain.reason import Name, Reason
from bot.domain.reasons.agents import HeldUp
from bot.domain.reasons.configmaps import ChangeUndated, PodsOlder
from bot.domain.reasons.health import PodFailing, SeveralCauses
from bot.domain.reasons.pods import CrashLoop, InContainer, Restarted, Terminated
from bot.domain.reasons.rollout import (
    ChangedByOthers,
    EveryPodReady,
    NamesNoVersion,
    NotPickedUp,
    NotRolledOut,
    NoWorkload,
    PickedUp,
    StillPins,
    Unobserved,
)
from bot.domain.target import Pin
from bot.rules.release import agents, verification
from bot.rules.release.decision import LATER, SHORTLY, SOON, Decision, MoveAlias, Rollout, Tag


def syncing(evidence: Rollout) -> Decision:
    """Wait until the workload's template holds the pin, or its pods confirm the version."""
    if picked_up(evidence):
        return Decision(
            state=State.ROLLING_OUT,
            reason=PickedUp(cluster=cluster(evidence.promotion)),
            note={"waiting": None},
            wake=timedelta(0),
        )
    waiting, found = agents.waiting(evidence), _instead(evidence)
    late = NotPickedUp(
        timeout=evidence.policy.timeout,
        found=HeldUp(found=found, agent=waiting) if waiting is not None else found,
        cluster=cluster(evidence.promotion),
    )
    note: StatusChange = {**_fixed(evidence), "waiting": waiting}
    return replace(_stalled(evidence, late) or Decision(wake=LATER), note=note)


def picked_up(evidence: Rollout) -> bool:
    """Say whether the workload has the change: its pod template, or every pod.

    A ConfigMap's value counts like the template's once the pods have it.  Where that, or the value, is not known, the
    pods have to name the version; if none of them does, a GitOps agent tells.
    """
    health = evidence.health
    if health is None or health.pin not in {None, pin(evidence.promotion)}:
        return False
    if health.pin is not None and health.pending is None:
        return True
    if agents.matters(evidence):  # no pod names its version
        return agents.picked_up(evidence, health)
    return bool(evidence.served) and unverified(evidence) is None


def _fixed(evidence: Rollout) -> StatusChange:
    """Fix the method of verification, if that was not done before the merge: others merged, or Git held it already."""
    promotion = evidence.promotion
    if promotion.status.verified_by is not None:
        return {}
    how = verification.before_merge(evidence.policy.verify, evidence.live, promotion.target.model)
    return {"verified_by": how} if how is not None else {}


def _instead(evidence: Rollout) -> Reason:
    """Return what the cluster says instead of the pin."""
    promotion, health = evidence.promotion, evidence.health
    place, namespace = promotion.status.place, promotion.namespace
    if health is None:
        stage = Name(promotion.target.stage)
        return NoWorkload(stage=stage, namespace=Name(namespace), cluster=cluster(promotion))
    workload = Name(f"{namespace}/{(place.workload if place else None) or promotion.target.model}")
    if health.status is HealthStatus.UNKNOWN:
        return health.reason
    if health.pending is not None and health.pin in {None, pin(promotion)}:
        return health.pending
    if health.pin is None or health.pin.version is None:
        return NamesNoVersion(workload=workload)
    return StillPins(workload=workload, stage=Name(health.pin.stage), version=health.pin.version)


def rolling_out(evidence: Rollout) -> Decision:
    """Wait until every new pod is ready, or find out why not."""
    return going_wrong(evidence) or _rolled_out(evidence)


def _rolled_out(evidence: Rollout) -> Decision:
    calm: StatusChange = {"failing": None}
    health = evidence.health
    if health is not None and health.status is HealthStatus.HEALTHY:
        return complete(health, evidence.now)
    if (advance := _advance(evidence)) is not None:
        return Decision(note={"failing": None, "advance": advance}, wake=LATER)
    late = NotRolledOut(timeout=evidence.policy.timeout, found=health.reason if health else None)
    return _stalled(evidence, late) or Decision(note=calm, wake=LATER)


def counted(promotion: Promotion) -> tuple[str, ...] | None:
    """Return the names of the pods that count, where the rollout was complete once; None: all of the new revision."""
    verified = promotion.state in {State.VERIFYING, State.STALLED}
    return (promotion.status.counted or None) if verified else None


def complete(health: Health, now: datetime) -> Decision:
    """Go on to VERIFYING with the pods that are ready now: what an autoscaler does later is no rollout."""
    ready = tuple(pod.name for pod in health.pods if pod.ready)
    note: StatusChange = {"failing": None, "counted": ready, "healthy_since": now}
    return Decision(state=State.VERIFYING, reason=EveryPodReady(), note=note, wake=timedelta(0))


def _advance(evidence: Rollout) -> Advance | None:
    """Return how far the rollout has come, if it was never as far before."""
    before, health = evidence.promotion.status.advance, evidence.health
    if health is None or health.status is HealthStatus.UNKNOWN or health.ready <= (before.ready if before else 0):
        return None
    return Advance(ready=health.ready, at=evidence.now)


def verifying(evidence: Rollout) -> Decision:
    """Wait until every new pod is verified and has stayed healthy for a while; then conclude."""
    wrong = going_wrong(evidence)
    if wrong is not None:
        return wrong
    health = evidence.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        unseen = Unobserved(timeout=evidence.policy.timeout, cause=health.reason if health is not None else None)
        return _stalled(evidence, unseen) or Decision(note={"failing": None}, wake=SOON)
    return _unready(evidence, health) or _verified(evidence)


def _unready(evidence: Rollout, health: Health) -> Decision | None:
    """Wait for a pod that is not ready any more, or for new pods where all of them are gone."""
    healthy = health.status is HealthStatus.HEALTHY
    if not health.pods and (evidence.promotion.status.counted or not healthy):
        gone: StatusChange = {"counted": (), "healthy_since": None}
        return Decision(state=State.ROLLING_OUT, reason=health.reason, note=gone, wake=LATER)
    if healthy:
        return _recovered(evidence)
    late = NotRolledOut(timeout=evidence.policy.timeout, found=health.reason)
    again: StatusChange = {"failing": None, "healthy_since": None}
    return _stalled(evidence, late) or Decision(reason=health.reason, note=again, wake=LATER)


def _recovered(evidence: Rollout) -> Decision | None:
    """Start the watch anew after a failure that did not last."""
    if evidence.promotion.status.failing is None:
        return None
    note: StatusChange = {"failing": None, "healthy_since": evidence.now}
    return Decision(reason=EveryPodReady(), note=note, wake=timedelta(0))


def _verified(evidence: Rollout) -> Decision:
    """Conclude once every pod is verified and has been ready for as long as the policy says."""
    how, since = evidence.promotion.status.verified_by, evidence.promotion.status.healthy_since
    doubt = unverified(evidence) if how is not None else None
    if doubt is not None:
        return _doubtful(evidence, doubt)
    if since is None:
        note: StatusChange = {"failing": None, "healthy_since": evidence.now}
        return Decision(reason=EveryPodReady(), note=note, wake=timedelta(0))
    left = since + evidence.policy.watch - evidence.now
    if how is None:
        return _method(evidence, left)
    if left > timedelta(0):
        return Decision(wake=left)
    return conclude(evidence, verification.verified(how, evidence.promotion.version))


def _method(evidence: Rollout, left: timedelta) -> Decision:
    """Fix the method by what the new pods answer; there were none before them, or none that could be reached."""
    answers = evidence.served.values()
    how = verification.after_merge(evidence.policy.verify, answers, watched=left <= timedelta(0))
    if how is None:
        return Decision(wake=min(left, SHORTLY))
    return Decision(note={"verified_by": how}, wake=timedelta(0))


def _doubtful(evidence: Rollout, doubt: Reason) -> Decision:
    """Wait; then fail where a pod contradicts, and ask people where one says nothing, or only has to be restarted."""
    pending = evidence.health.pending if evidence.health is not None else None
    if evidence.overdue and isinstance(doubt, verification.CONTRADICTIONS):
        restart = isinstance(pending, PodsOlder | ChangeUndated)
        return Decision(state=State.STALLED, reason=pending, wake=LATER) if restart else fail(evidence, doubt)
    return _stalled(evidence, doubt) or Decision(reason=doubt, wake=SOON)


def conclude(evidence: Rollout, reason: Reason) -> Decision:
    """Move the alias, tag the version, and only then call it released: one write a pass."""
    promotion = evidence.promotion
    registry, pull = promotion.status.registry, promotion.status.pull
    if not registry.alias_moved:
        return Decision(action=MoveAlias(version=promotion.version, previous=evidence.alias))
    if not registry.tagged and pull is not None:
        key = f"callboard.{promotion.target.stage}.pull_request"
        return Decision(action=Tag(version=promotion.version, key=key, value=pull.url))
    digest = next((answer.digest for answer in evidence.served.values() if isinstance(answer, Served)), None)
    return Decision(state=State.RELEASED, reason=reason, released=True, note={"verified_digest": digest})


def unverified(evidence: Rollout) -> Reason | None:
    """Return what is still missing until every new pod is verified, by the promotion's method."""
    promotion, health = evidence.promotion, evidence.health
    how = verification.method_of(promotion, evidence.policy.verify)
    return verification.doubt(how, promotion, health.pods if health is not None else (), evidence.served)


def going_wrong(evidence: Rollout) -> Decision | None:
    """Fail when the cause was seen for as long as it takes to be sure; UNKNOWN never fails anything."""
    promotion, health = evidence.promotion, evidence.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return None
    if health.pin is not None and health.pin != pin(promotion):
        changed = ChangedByOthers(stage=Name(health.pin.stage), version=health.pin.version)
        return Decision(state=State.FAILED, reason=changed)
    if health.status is not HealthStatus.DEGRADED:
        return None
    before = promotion.status.failing
    since = _since(evidence, health)
    failing = Failing(
        since=since.pop(_cause(health.reason)),
        reason=health.reason,
        log=evidence.log or (before.log if before is not None else None),
        also=since,
    )
    left = failing.since + health.patience - evidence.now
    if left > timedelta(0):
        return Decision(note={"failing": failing}, wake=left)
    return fail(evidence, health.reason, {"failing": failing})


def _since(evidence: Rollout, health: Health) -> dict[str, datetime]:
    """Return since when each cause is seen without a break, so that none that comes and goes holds up another."""
    before, unseen = evidence.promotion.status.failing, evidence.promotion.status.trouble is not None
    known = {} if before is None or unseen else {**before.also, _cause(before.reason): before.since}
    causes = map(_cause, (health.reason, *health.lasting))
    return {cause: known.get(cause, evidence.now) for cause in causes}


def _cause(reason: Reason) -> str:
    """Return what a reason says is wrong, apart from where: each cause has to last on its own.

    A container that crashes is seen waiting, restarted and ended in turn, which is one cause.
    """
    match reason:
        case PodFailing(trouble=trouble) | InContainer(trouble=trouble):
            return _cause(trouble)
        case SeveralCauses(causes=(first, *_)):  # the one that counts soonest
            return _cause(first)
        case CrashLoop() | Restarted() | Terminated():
            return CrashLoop.code
        case _:
            return reason.code


def fail(evidence: Rollout, reason: Reason, note: StatusChange | None = None) -> Decision:
    """End in FAILED and roll back to the verified release, or ask people first, as the policy says."""
    back = _rollback(evidence)
    if back is not None and evidence.policy.on_failure is OnFailure.ASK:
        return Decision(state=State.STALLED, reason=reason, note=note or {}, wake=LATER)
    automatic = evidence.policy.on_failure is OnFailure.ROLLBACK
    return Decision(state=State.FAILED, reason=reason, note=note or {}, start=back if automatic else None)


def _rollback(evidence: Rollout) -> Request | None:
    promotion, release = evidence.promotion, evidence.release
    if promotion.kind is Kind.ROLLBACK or release is None:
        return None
    return Request(
        target=promotion.target,
        kind=Kind.ROLLBACK,
        version=release.version,
        by="callboard",
        at=evidence.now,
        automatic=True,
    )


def _stalled(evidence: Rollout, reason: Reason) -> Decision | None:
    """Ask people, once the time-out has passed without progress; nothing was seen to fail."""
    return Decision(state=State.STALLED, reason=reason, wake=LATER) if evidence.overdue else None


def cluster(promotion: Promotion) -> Name | None:
    """Return the name of its cluster, for reasons; the bot's own needs none."""
    return Name(promotion.cluster) if promotion.cluster is not None else None


def pin(promotion: Promotion) -> Pin:
    """Return what the workload must pin."""
    return Pin(stage=promotion.target.stage, version=promotion.version)
