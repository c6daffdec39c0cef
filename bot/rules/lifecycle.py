"""What next?  The whole life of a promotion as one pure function: evidence in, decision out.

    CHECKING ─▶ PROPOSED ─▶ MERGING ─▶ SYNCING ─▶ ROLLING_OUT ─▶ PROVING ─▶ RELEASED

Each state has one function below, and every state has a way out and a time-out.  A state that ends the story is
entered only when nothing is left to do outside: the pull request is closed *before* REJECTED is.  So a restart
at any point just asks again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.domain import HealthStatus, Pin, PullState, Served
from bot.promotion import FactKind, Kind, Promotion, Request, State, Verdict
from bot.rules import gates
from bot.rules.decision import (
    ClosePull,
    Decision,
    Evidence,
    Merge,
    MoveAlias,
    Post,
    Propose,
    Tag,
    Whisper,
)

SOON: Final = timedelta(seconds=2)
LATER: Final = timedelta(seconds=30)
"""A look without a hint, in case the hint was lost."""


def decide(seen: Evidence) -> Decision:
    """Return what to do about the pair now."""
    it = seen.promotion
    if it is None:
        return _idle(seen)
    if it.state is not State.CHECKING and it.record.message is None:  # an ended one too: nobody was told yet
        asked = {"rulings": gates.judge(seen, it)} if it.state is State.PROPOSED else {}
        return Decision(action=Post(), note=asked)
    step = STATES.get(it.state)
    decision = step(seen, it) if step else Decision()
    if seen.comparison is None:
        return decision
    return replace(decision, note={**decision.note, "comparison": seen.comparison})  # metrics may come late


def _idle(seen: Evidence) -> Decision:
    """Start what policy wants by itself: a new version on an `auto` stage, once."""
    wanted = seen.newest
    if not seen.policy.auto or wanted is None or wanted <= seen.attempted:
        return Decision()
    if seen.release is not None and wanted <= seen.release.version:
        return Decision()
    request = Request(pair=seen.pair, kind=Kind.PROMOTE, version=wanted, by="callboard", at=seen.now, automatic=True)
    return Decision(start=request, wake=timedelta(0))


def _checking(seen: Evidence, it: Promotion) -> Decision:
    if it.record.digest is not None and it.record.pull is not None:
        return Decision(state=State.PROPOSED, because="the pull request is open", wake=timedelta(0))
    if _cancelled(seen):
        return _end(State.CANCELLED, "cancelled")
    refusal = f"the registry has no {it.pair.model} v{it.version}" if seen.card is None else seen.refusal
    if refusal is not None:
        return _end(State.BLOCKED, refusal)
    if seen.card is not None and not seen.card.ready:
        return _overdue(seen, it, "the registry never finished registering the version") or Decision(wake=SOON)
    return _propose(seen, it)


def _propose(seen: Evidence, it: Promotion) -> Decision:
    if seen.change is None or seen.base is None or seen.place is None:
        return Decision(wake=SOON)
    note = {"namespace": seen.place.namespace, "workload": seen.place.workload}
    if seen.change.before == seen.change.after:
        return _already_in_git(seen, it, note)
    return Decision(action=Propose(base=seen.base, change=seen.change, place=seen.place), note=note)


def _already_in_git(seen: Evidence, it: Promotion, note: dict[str, Any]) -> Decision:
    if seen.release is not None and seen.release.version == it.version:
        return _end(State.BLOCKED, f"v{it.version} is what {it.pair.stage} runs already")
    because = f"Git pins v{it.version} already: nothing to merge"
    return Decision(state=State.SYNCING, because=because, note=note, wake=timedelta(0))


def _proposed(seen: Evidence, it: Promotion) -> Decision:
    pull = seen.pull
    if pull is None:
        return Decision(wake=SOON)
    if pull.state is PullState.MERGED:
        because = f"merged in GitHub by hand, not approved through Callboard (#{pull.number})"
        note = {"merge_commit": pull.merge_commit}
        return Decision(state=State.SYNCING, because=because, note=note, wake=timedelta(0))
    closing = _why_close(seen, it)
    if closing is not None:
        return _close(seen, it, *closing)
    if pull.state is PullState.CLOSED:
        return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
    if _changed(seen, it):
        because = "the manifest changed on the main branch, so the change is made again"
        return Decision(
            state=State.CHECKING, because=because, note={"digest": None, "message": None}, wake=timedelta(0)
        )
    return _gate(seen, it)


def _gate(seen: Evidence, it: Promotion) -> Decision:
    assert it.record.pull is not None and it.record.head is not None  # noqa: S101  (PROPOSED has both)
    rulings = gates.judge(seen, it)
    note = {"rulings": rulings, "approved_by": gates.approvals(seen, it)}
    unheard = gates.refused(seen, it)
    if unheard is not None:
        fact, reason = unheard
        return Decision(action=Whisper(fact=fact.id, to=fact.by, text=reason), note=note)
    if gates.verdict(rulings) is Verdict.PASS:
        merge = Merge(number=it.record.pull, head=it.record.head)
        return Decision(state=State.MERGING, because=_consent(seen, it), action=merge, note=note)
    return Decision(note=note, wake=SOON if seen.unsure else LATER)


def _consent(seen: Evidence, it: Promotion) -> str:
    people = gates.approvals(seen, it)
    return "approved by " + ", ".join(f"<@{p}>" for p in people) if people else "no approval is needed"


def _why_close(seen: Evidence, it: Promotion) -> tuple[State, str] | None:
    """Return the state in which an open pull request's story must end, and why."""
    against = gates.unopposed(seen, it)
    if against.verdict is Verdict.BLOCK:
        return State.REJECTED, against.because
    if _cancelled(seen):
        return State.CANCELLED, "cancelled"
    if seen.now - it.requested_at > seen.policy.expires:
        return State.EXPIRED, "nobody decided in time"
    if seen.refusal is not None:
        return State.BLOCKED, seen.refusal
    if seen.change is not None and seen.change.before == seen.change.after:
        return State.SUPERSEDED, f"the main branch pins v{it.version} already: this pull request was not needed"
    return None


def _close(seen: Evidence, it: Promotion, state: State, because: str) -> Decision:
    assert seen.pull is not None  # noqa: S101
    if seen.pull.state is PullState.OPEN or not it.record.pull_closed:
        return Decision(action=ClosePull(number=seen.pull.number, because=because))
    return _end(state, because)


def _merging(seen: Evidence, it: Promotion) -> Decision:
    pull = seen.pull
    if pull is None or it.record.head is None:
        return Decision(wake=SOON)
    if pull.state is PullState.MERGED:
        note = {"merge_commit": pull.merge_commit}
        return Decision(state=State.SYNCING, because="merged", note=note, wake=timedelta(0))
    if pull.state is PullState.CLOSED:
        return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
    if pull.head != it.record.head:
        because = "somebody pushed to the branch before it was merged"
        return Decision(state=State.PROPOSED, because=because, wake=timedelta(0))
    if _changed(seen, it) or pull.mergeable is False:
        because = "the main branch moved on, so the change is made again"
        return Decision(
            state=State.CHECKING, because=because, note={"digest": None, "message": None}, wake=timedelta(0)
        )
    late = _overdue(seen, it, f"GitHub would not merge #{pull.number}: {it.record.trouble or 'no reason given'}")
    return late or Decision(action=Merge(number=pull.number, head=it.record.head))


def _syncing(seen: Evidence, it: Promotion) -> Decision:
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


def _rolling_out(seen: Evidence, it: Promotion) -> Decision:
    return _going_wrong(seen, it) or _rolled_out(seen, it)


def _rolled_out(seen: Evidence, it: Promotion) -> Decision:
    calm = {"failing_since": None, "failing_because": None}
    health = seen.health
    if health is not None and health.status is HealthStatus.HEALTHY:
        note = {**calm, "healthy_since": seen.now}
        return Decision(state=State.PROVING, because="every pod is ready", note=note, wake=timedelta(0))
    late = _overdue(seen, it, f"not rolled out within {seen.policy.timeout}: {health.because if health else 'unseen'}")
    return late or Decision(note=calm, wake=LATER)


def _proving(seen: Evidence, it: Promotion) -> Decision:
    wrong = _going_wrong(seen, it)
    if wrong is not None:
        return wrong
    health = seen.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return Decision(wake=SOON)
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
    return Decision(state=State.RELEASED, because="every new pod serves it", released=True)


def _unproven(seen: Evidence, it: Promotion) -> str | None:
    """Return what is still missing until every new pod has said that it serves the version."""
    if seen.health is None or not seen.health.pods:
        return "no pod of the new revision is to be seen"
    for pod in seen.health.pods:
        word = seen.served.get(pod.name, "was not asked yet")
        if isinstance(word, str):
            return f"pod {pod.name} does not say which version it serves: {word}"
        if word != Served(model=it.pair.model, version=it.version):
            return f"pod {pod.name} serves {word.model} v{word.version}, not v{it.version}"
    return None


def _going_wrong(seen: Evidence, it: Promotion) -> Decision | None:
    """Fail when the cause has lasted as long as it takes to be sure; UNKNOWN never fails anything."""
    health = seen.health
    if health is None or health.status is HealthStatus.UNKNOWN:
        return None
    if health.pin is not None and health.pin != _pin(it):
        because = f"the workload says {health.pin.stage} v{health.pin.version} now: somebody else changed it"
        return _end(State.FAILED, because)
    if health.status is not HealthStatus.DEGRADED:
        return None
    since = it.record.failing_since or seen.now
    note = {"failing_since": since, "failing_because": health.because, "log": seen.log or it.record.log}
    left = since + health.patience - seen.now
    if left > timedelta(0):
        return Decision(note=note, wake=left)
    return _fail(seen, it, health.because, note)


def _fail(seen: Evidence, it: Promotion, because: str, note: dict[str, Any] | None = None) -> Decision:
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
    return _fail(seen, it, because) if seen.now - it.entered_at > seen.policy.timeout else None


def _end(state: State, because: str) -> Decision:
    """End the story in `state`."""
    return Decision(state=state, because=because)


def _pin(it: Promotion) -> Pin:
    return Pin(stage=it.pair.stage, version=it.version)


def _changed(seen: Evidence, it: Promotion) -> bool:
    return seen.change is not None and seen.change.digest != it.record.digest


def _cancelled(seen: Evidence) -> bool:
    return any(fact.kind is FactKind.CANCEL for fact in seen.facts)


STATES: Final[dict[State, Callable[[Evidence, Promotion], Decision]]] = {
    State.CHECKING: _checking,
    State.PROPOSED: _proposed,
    State.MERGING: _merging,
    State.SYNCING: _syncing,
    State.ROLLING_OUT: _rolling_out,
    State.PROVING: _proving,
}
