"""What next, once a change is merged: the cluster picks it up, rolls it out, and every new pod is verified.

What is seen failing for long enough is rolled back automatically, where the policy says so; what is not seen is never
rolled back.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from bot.domain.cluster import HealthStatus, Served
from bot.domain.promotion import Failing, Kind, Promotion, Request, State, StatusChange
from bot.domain.reason import Name, Reason
from bot.domain.reasons.rollout import (
    ChangedByOthers,
    DifferentFiles,
    EveryPodReady,
    EveryPodServes,
    NamesNoVersion,
    NoNewPod,
    NotAskedYet,
    NotPickedUp,
    NotRolledOut,
    NoWorkload,
    PickedUp,
    PodSilent,
    ServesOther,
    StillPins,
    Unobserved,
)
from bot.domain.target import Pin
from bot.rules.release.decision import LATER, SOON, Decision, MoveAlias, Rollout, Tag


def syncing(evidence: Rollout) -> Decision:
    """Wait until the workload's template holds the pin."""
    if evidence.health is not None and evidence.health.pin == _pin(evidence.promotion):
        return Decision(state=State.ROLLING_OUT, reason=PickedUp(), wake=timedelta(0))
    late = NotPickedUp(timeout=evidence.policy.timeout, found=_instead(evidence))
    return _overdue(evidence, late) or Decision(wake=LATER)


def _instead(evidence: Rollout) -> Reason:
    """Return what the cluster says instead of the pin."""
    promotion, health = evidence.promotion, evidence.health
    place = promotion.status.place
    namespace = (place.namespace if place else None) or "default"
    if health is None:
        return NoWorkload(stage=Name(promotion.target.stage), namespace=Name(namespace))
    workload = Name(f"{namespace}/{(place.workload if place else None) or promotion.target.model}")
    if health.pin is None or health.pin.version is None:
        return NamesNoVersion(workload=workload)
    return StillPins(workload=workload, stage=Name(health.pin.stage), version=health.pin.version)


def rolling_out(evidence: Rollout) -> Decision:
    """Wait until every new pod is ready, or find out why not."""
    return _going_wrong(evidence) or _rolled_out(evidence)


def _rolled_out(evidence: Rollout) -> Decision:
    calm: StatusChange = {"failing": None}
    health = evidence.health
    if health is not None and health.status is HealthStatus.HEALTHY:
        note: StatusChange = {"failing": None, "healthy_since": evidence.now}
        return Decision(state=State.VERIFYING, reason=EveryPodReady(), note=note, wake=timedelta(0))
    late = NotRolledOut(timeout=evidence.policy.timeout, found=health.reason if health else None)
    if health is None or health.status is HealthStatus.UNKNOWN:
        return _unobserved(evidence, late) or Decision(note=calm, wake=LATER)
    return _overdue(evidence, late) or Decision(note=calm, wake=LATER)


def verifying(evidence: Rollout) -> Decision:
    """Wait until every new pod answers with the version and has stayed healthy for a while; then conclude."""
    wrong = _going_wrong(evidence)
    if wrong is not None:
        return wrong
    health = evidence.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return _unobserved(evidence, Unobserved(timeout=evidence.policy.timeout)) or Decision(wake=SOON)
    if health.status is not HealthStatus.HEALTHY:
        return Decision(state=State.ROLLING_OUT, reason=health.reason, note={"healthy_since": None}, wake=LATER)
    doubt = _doubt(evidence)
    if doubt is not None:
        return _overdue(evidence, doubt) or Decision(reason=doubt, wake=SOON)
    left = (evidence.promotion.status.healthy_since or evidence.now) + evidence.policy.watch - evidence.now
    if left > timedelta(0):
        return Decision(wake=left)
    return _conclude(evidence)


def _conclude(evidence: Rollout) -> Decision:
    """Move the alias, tag the version, and only then call it released: one write a pass."""
    promotion = evidence.promotion
    registry, pull = promotion.status.registry, promotion.status.pull
    if not registry.alias_moved:
        return Decision(action=MoveAlias(version=promotion.version, previous=evidence.alias))
    if not registry.tagged and pull is not None:
        key = f"callboard.{promotion.target.stage}.pull_request"
        return Decision(action=Tag(version=promotion.version, key=key, value=pull.url))
    digest = next((answer.digest for answer in evidence.served.values() if isinstance(answer, Served)), None)
    serves = EveryPodServes(version=promotion.version)
    return Decision(state=State.RELEASED, reason=serves, released=True, note={"verified_digest": digest})


def _doubt(evidence: Rollout) -> Reason | None:
    """Return what is still missing until every new pod has answered that it serves the version."""
    promotion = evidence.promotion
    if evidence.health is None or not evidence.health.pods:
        return NoNewPod()
    files: dict[str | None, str] = {}
    for pod in evidence.health.pods:
        answer = evidence.served.get(pod.name, NotAskedYet())
        if isinstance(answer, Reason):
            return PodSilent(pod=Name(pod.name), cause=answer)
        if (answer.model, answer.version) != (promotion.target.model, promotion.version):
            return ServesOther(
                pod=Name(pod.name), model=Name(answer.model), version=answer.version, wanted=promotion.version
            )
        files.setdefault(answer.digest, pod.name)
    if len(files) > 1:
        one, other = [*files.values()][:2]
        return DifferentFiles(one=Name(one), other=Name(other), version=promotion.version)
    return None


def _going_wrong(evidence: Rollout) -> Decision | None:
    """Fail when the cause has lasted as long as it takes to be sure; UNKNOWN never fails anything."""
    promotion, health = evidence.promotion, evidence.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return None
    if health.pin is not None and health.pin != _pin(promotion):
        changed = ChangedByOthers(stage=Name(health.pin.stage), version=health.pin.version)
        return Decision(state=State.FAILED, reason=changed)
    if health.status is not HealthStatus.DEGRADED:
        return None
    before = promotion.status.failing
    failing = Failing(
        since=before.since if before else evidence.now,
        reason=health.reason,
        log=evidence.log or (before.log if before else None),
    )
    left = failing.since + health.patience - evidence.now
    if left > timedelta(0):
        return Decision(note={"failing": failing}, wake=left)
    return _fail(evidence, health.reason, {"failing": failing})


def _fail(evidence: Rollout, reason: Reason, note: StatusChange | None = None) -> Decision:
    """End in FAILED and, where policy says so, roll back to the verified release automatically."""
    return Decision(state=State.FAILED, reason=reason, note=note or {}, start=_rollback(evidence))


def _rollback(evidence: Rollout) -> Request | None:
    promotion, release = evidence.promotion, evidence.release
    if promotion.kind is Kind.ROLLBACK or not evidence.policy.rollback_automatic or release is None:
        return None
    return Request(
        target=promotion.target,
        kind=Kind.ROLLBACK,
        version=release.version,
        by="callboard",
        at=evidence.now,
        automatic=True,
    )


def _overdue(evidence: Rollout, reason: Reason) -> Decision | None:
    """Fail a state that has lasted longer than the policy's time-out."""
    return _fail(evidence, reason) if evidence.overdue else None


def _unobserved(evidence: Rollout, reason: Reason) -> Decision | None:
    """End a state in which the workload was out of sight for too long; what is not seen is never rolled back."""
    return Decision(state=State.FAILED, reason=reason) if evidence.overdue else None


def _pin(promotion: Promotion) -> Pin:
    return Pin(stage=promotion.target.stage, version=promotion.version)


STATES: Final[Mapping[State, Callable[[Rollout], Decision]]] = {
    State.SYNCING: syncing,
    State.ROLLING_OUT: rolling_out,
    State.VERIFYING: verifying,
}
