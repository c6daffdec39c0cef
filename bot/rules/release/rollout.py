"""What next, once a change is merged: the cluster takes it up, rolls it out, and every new pod proves itself.

The second half of `lifecycle`.  What is seen failing for long enough goes back by itself, where the policy says so;
what is not seen is never rolled back.
"""

from datetime import timedelta

from bot.domain.cluster import HealthStatus, Served
from bot.domain.promotion import Kind, Promotion, RecordChange, Request, State
from bot.domain.target import Pin
from bot.rules.release.decision import LATER, SOON, Decision, Evidence, MoveAlias, Tag


def syncing(seen: Evidence, it: Promotion) -> Decision:
    """Wait until the workload's template says the pin."""
    health = seen.health
    if health is not None and health.pin == _pin(it):
        return Decision(state=State.ROLLING_OUT, because="the cluster took the change up", wake=timedelta(0))
    where = f"{it.record.namespace or 'default'}/{it.record.workload or it.pair.model}"
    if health is None:
        saw = f"no workload that carries MODEL_STAGE={it.pair.stage} is to be seen in {where.partition('/')[0]}"
    elif health.pin is None or health.pin.version is None:
        saw = f"{where} names no version"
    else:
        saw = f"{where} still says {health.pin.stage} v{health.pin.version}"
    late = _overdue(seen, it, f"the cluster did not take the change up within {seen.policy.timeout}: {saw}")
    return late or Decision(wake=LATER)


def rolling_out(seen: Evidence, it: Promotion) -> Decision:
    """Wait until every new pod is ready, or find out why not."""
    return _going_wrong(seen, it) or _rolled_out(seen, it)


def _rolled_out(seen: Evidence, it: Promotion) -> Decision:
    calm: RecordChange = {"failing_since": None, "failing_because": None}
    health = seen.health
    if health is not None and health.status is HealthStatus.HEALTHY:
        note: RecordChange = {**calm, "healthy_since": seen.now}
        return Decision(state=State.PROVING, because="every pod is ready", note=note, wake=timedelta(0))
    because = f"not rolled out within {seen.policy.timeout}: {health.because if health else 'unseen'}"
    if health is None or health.status is HealthStatus.UNKNOWN:
        return _unseen(seen, it, because) or Decision(note=calm, wake=LATER)
    return _overdue(seen, it, because) or Decision(note=calm, wake=LATER)


def proving(seen: Evidence, it: Promotion) -> Decision:
    """Wait until every new pod has said that it serves the version, and has done so for a while; then conclude."""
    wrong = _going_wrong(seen, it)
    if wrong is not None:
        return wrong
    health = seen.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        because = f"what became of it was not to be seen for {seen.policy.timeout}"
        return _unseen(seen, it, because) or Decision(wake=SOON)
    if health.status is not HealthStatus.HEALTHY:
        return Decision(state=State.ROLLING_OUT, because=health.because, note={"healthy_since": None}, wake=LATER)
    doubt = _unproven(seen, it)
    if doubt is not None:
        return _overdue(seen, it, doubt) or Decision(because=doubt, wake=SOON)
    left = (it.record.healthy_since or seen.now) + seen.policy.watch - seen.now
    if left > timedelta(0):
        return Decision(wake=left)
    return _conclude(seen, it)


def _conclude(seen: Evidence, it: Promotion) -> Decision:
    """Move the alias, tag the version, and only then call it released: one write a turn."""
    if not it.record.alias_moved:
        return Decision(action=MoveAlias(version=it.version, previous=seen.alias))
    if not it.record.tagged and it.record.pull_url is not None:
        key = f"callboard.{it.pair.stage}.pull_request"
        return Decision(action=Tag(version=it.version, key=key, value=it.record.pull_url))
    digest = next((word.digest for word in seen.served.values() if isinstance(word, Served)), None)
    because = "every new pod serves it"
    return Decision(state=State.RELEASED, because=because, released=True, note={"proven_digest": digest})


def _unproven(seen: Evidence, it: Promotion) -> str | None:
    """Return what is still missing until every new pod has said that it serves the version."""
    if seen.health is None or not seen.health.pods:
        return "no pod of the new revision is to be seen"
    files: dict[str | None, str] = {}
    for pod in seen.health.pods:
        word = seen.served.get(pod.name, "was not asked yet")
        if isinstance(word, str):
            return f"pod {pod.name} does not say which version it serves: {word}"
        if (word.model, word.version) != (it.pair.model, it.version):
            return f"pod {pod.name} serves {word.model} v{word.version}, not v{it.version}"
        files.setdefault(word.digest, pod.name)
    if len(files) > 1:
        one, other = [*files.values()][:2]
        return f"pods {one} and {other} serve different files as v{it.version}: they changed in the registry between"
    return None


def _going_wrong(seen: Evidence, it: Promotion) -> Decision | None:
    """Fail when the cause has lasted as long as it takes to be sure; UNKNOWN never fails anything."""
    health = seen.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return None
    if health.pin is not None and health.pin != _pin(it):
        because = f"the workload says {health.pin.stage} v{health.pin.version} now: somebody else changed it"
        return Decision(state=State.FAILED, because=because)
    if health.status is not HealthStatus.DEGRADED:
        return None
    since = it.record.failing_since or seen.now
    note: RecordChange = {"failing_since": since, "failing_because": health.because, "log": seen.log or it.record.log}
    left = since + health.patience - seen.now
    if left > timedelta(0):
        return Decision(note=note, wake=left)
    return _fail(seen, it, health.because, note)


def _fail(seen: Evidence, it: Promotion, because: str, note: RecordChange | None = None) -> Decision:
    """End in FAILED and, where policy says so, go back to the proven release by itself."""
    return Decision(state=State.FAILED, because=because, note=note or {}, start=_way_back(seen, it))


def _way_back(seen: Evidence, it: Promotion) -> Request | None:
    in_git = it.state in {State.SYNCING, State.ROLLING_OUT, State.PROVING}
    if not in_git or it.kind is Kind.ROLLBACK or not seen.policy.rollback_automatic or seen.release is None:
        return None
    return Request(
        pair=it.pair, kind=Kind.ROLLBACK, version=seen.release.version, by="callboard", at=seen.now, automatic=True
    )


def _overdue(seen: Evidence, it: Promotion, because: str) -> Decision | None:
    """Fail a state that has lasted longer than the policy's time-out."""
    return _fail(seen, it, because) if seen.overdue else None


def _unseen(seen: Evidence, it: Promotion, because: str) -> Decision | None:
    """End a state that has lasted too long without a sight of the workload; what is not seen is never rolled back."""
    return Decision(state=State.FAILED, because=because) if seen.overdue else None


def _pin(it: Promotion) -> Pin:
    return Pin(stage=it.pair.stage, version=it.version)
