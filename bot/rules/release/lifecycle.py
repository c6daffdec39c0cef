"""What next?  The whole life of a promotion as one pure function: evidence in, decision out.

    CHECKING ─▶ PROPOSED ─▶ MERGING ─▶ SYNCING ─▶ ROLLING_OUT ─▶ PROVING ─▶ RELEASED

Each state has one function, below or (from SYNCING on) in `rollout`, and every state has a way out and a time-out.  A
state that ends the story is entered only when nothing is left to do outside: the pull request is closed *before*
REJECTED is.  So a restart at any point just asks again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.promotion import UNMERGED, Kind, Promotion, RecordChange, Request, State, Verdict
from bot.domain.repository import Pull, PullState
from bot.rules.release import gates, rollout, statuses
from bot.rules.release.closing import cancelled, elsewhere, why_close
from bot.rules.release.decision import (
    LATER,
    PATIENTLY,
    SHORTLY,
    SOON,
    ClosePull,
    Decision,
    Evidence,
    Merge,
    Post,
    Propose,
    Whisper,
)
from bot.rules.release.gates import base_branch, votes
from bot.rules.release.takeover import because, may_supersede
from bot.rules.wording.escape import quoted
from bot.rules.wording.typed import typed


def decide(seen: Evidence) -> Decision:
    """Return what to do about the pair now."""
    it = seen.promotion
    if it is None:
        return _idle(seen)
    void = statuses.revocation(seen, it)  # comes first: until then anybody may merge it
    if void is None and _untold(it):  # an ended one too: nobody was told yet
        asked: RecordChange = {"rulings": gates.judge(seen, it)} if it.state is State.PROPOSED else {}
        return Decision(action=Post(), note=asked)
    decision = Decision(action=void) if void is not None else _too_late(seen, it) or _next(seen, it)
    note = decision.note.copy()
    if seen.comparison is not None:  # metrics may come late
        note["comparison"] = seen.comparison
    if it.record.trouble is not None and it.state is not State.MERGING:  # nobody could look, so nobody was slow
        note["clear_since"] = seen.now
    return replace(decision, note=note)


def _next(seen: Evidence, it: Promotion) -> Decision:
    step = STATES.get(it.state)
    return _overtaken(seen, it) or (step(seen, it) if step else _idle(seen))


def _untold(it: Promotion) -> bool:
    """Say whether no message stands for the change as it is now."""
    if it.state is State.CHECKING:
        return False
    return it.record.message is None or (it.state.open and it.record.message_for not in {None, it.record.digest})


def _too_late(seen: Evidence, it: Promotion) -> Decision | None:
    """Answer a veto that nothing can be done about any more; while a merge is being tried it still counts."""
    word = votes.late(seen) if it.state not in {*UNMERGED, State.MERGING} else None
    if word is None:
        return None
    over = "this promotion is over" if not it.state.open else f"v{it.version} is being merged or rolled out already"
    instead = typed("/rollback", it.pair.model, it.pair.stage)
    text = f"Your ❌ comes too late: {over}. To go back, type {quoted(instead)}."
    return Decision(action=Whisper(fact=word.id, to=word.by, text=text))


def _overtaken(seen: Evidence, it: Promotion) -> Decision | None:
    """Let a newer version take over from one that nobody asked for by name."""
    if not it.automatic or not it.state.open or (request := _wanted(seen)) is None:
        return None
    if request.version <= it.version or not may_supersede(request, it):
        return None
    return Decision(state=State.SUPERSEDED, because=because(request), start=request, wake=timedelta(0))


def _idle(seen: Evidence) -> Decision:
    """Start what policy wants by itself: a new version on an `auto` stage, once."""
    request = _wanted(seen)
    return Decision(start=request, wake=timedelta(0)) if request is not None else Decision()


def _wanted(seen: Evidence) -> Request | None:
    """Return what policy wants by itself.  What was tried before it never tries again: not after a rollback, either."""
    newest = seen.newest
    if not seen.policy.auto or newest is None or newest <= seen.attempted:
        return None
    if seen.release is not None and newest <= seen.release.version:
        return None
    return Request(pair=seen.pair, kind=Kind.PROMOTE, version=newest, by="callboard", at=seen.now, automatic=True)


def _checking(seen: Evidence, it: Promotion) -> Decision:  # noqa: PLR0911  (one return for each way out)
    if it.record.digest is not None and it.record.pull is not None:
        return Decision(state=State.PROPOSED, because="the pull request is open", wake=timedelta(0))
    if cancelled(seen):
        return _drop(it, State.CANCELLED, "cancelled")
    if seen.now - it.requested_at > seen.policy.expires:
        return _drop(it, State.EXPIRED, "it could not be proposed in time")
    refusal = f"the registry has no {it.pair.model} v{it.version}" if seen.card is None else seen.refusal
    if refusal is not None:
        return _drop(it, State.BLOCKED, refusal)
    if it.kind is Kind.ROLLBACK and it.record.pull is not None and not it.record.pull_closed:
        return _drop(it, State.CHECKING, "")  # what it takes over may be merging: that ends first
    if seen.card is not None and not seen.card.ready:
        late = "the registry never finished registering the version"
        return _drop(it, State.FAILED, late) if seen.overdue else Decision(wake=SOON)
    return _propose(seen, it)


def _drop(it: Promotion, state: State, because: str) -> Decision:
    """End the story before anything was proposed; what another promotion, or an older change, left open is closed."""
    if it.record.pull is not None and not it.record.pull_closed:
        return Decision(action=ClosePull(number=it.record.pull, because=because or "another change takes its place"))
    return Decision(state=state, because=because, wake=timedelta(0))  # nobody was told of it yet


def _propose(seen: Evidence, it: Promotion) -> Decision:
    if seen.change is None or seen.base is None or seen.place is None:
        return Decision(wake=SOON)
    note: RecordChange = {"namespace": seen.place.namespace, "workload": seen.place.workload}
    if seen.change.before == seen.change.after:
        return _already_in_git(seen, it, note)
    return Decision(action=Propose(base=seen.base, change=seen.change, place=seen.place), note=note)


def _already_in_git(seen: Evidence, it: Promotion, note: RecordChange) -> Decision:
    if seen.release is not None and seen.release.version == it.version:
        return _drop(it, State.BLOCKED, f"v{it.version} is what {it.pair.stage} runs already")
    because = f"Git pins v{it.version} already: nothing to merge"
    if it.record.pull is not None and not it.record.pull_closed:
        return _drop(it, State.SYNCING, because)
    return Decision(state=State.SYNCING, because=because, note=note, wake=timedelta(0))


def _proposed(seen: Evidence, it: Promotion) -> Decision:
    pull = seen.pull
    if pull is None:
        return Decision(wake=SOON)
    closing = why_close(seen, it) if pull.state is not PullState.MERGED else None
    if closing is not None:
        return _close(seen, it, *closing)
    match pull.state:
        case PullState.MERGED:
            return _merged(seen, pull, _by_whom(it, pull))
        case PullState.CLOSED:
            return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
        case PullState.OPEN:
            return _waiting(seen, it, pull)


def _by_whom(it: Promotion, pull: Pull) -> str:
    if it.record.tried == pull.head:  # the answer to that try was lost, and the approval did not hold any more then
        return f"merged by an earlier try that GitHub had not answered, or by hand (#{pull.number})"
    return f"merged in GitHub by hand, not approved through Callboard (#{pull.number})"


def _merged(seen: Evidence, pull: Pull, because: str) -> Decision:
    if (lost := elsewhere(seen)) is not None:
        return Decision(state=State.REJECTED, because=lost)
    note: RecordChange = {"merge_commit": pull.merge_commit}
    return Decision(state=State.SYNCING, because=because, note=note, merged=pull.head, wake=timedelta(0))


def _waiting(seen: Evidence, it: Promotion, pull: Pull) -> Decision:
    if base_branch.GATE.ask(seen, it).verdict is not Verdict.PASS:  # what it conflicts with is another branch's matter
        return _gate(seen, it)
    if _changed(seen, it):
        return _again("the manifest changed on the main branch, so the change is made again")
    if _stale(seen, it, pull):
        return _again("the main branch moved on, so the change is made again")
    return _gate(seen, it)


def _again(because: str) -> Decision:
    """Make the change again on the base as it is now; approvals stay if it turns out to be the same change."""
    return Decision(state=State.CHECKING, because=because, note={"digest": None}, wake=timedelta(0))


def _gate(seen: Evidence, it: Promotion) -> Decision:
    assert it.record.pull is not None and it.record.head is not None  # noqa: S101  (PROPOSED has both)
    rulings = gates.judge(seen, it)
    note: RecordChange = {"rulings": rulings, "approved_by": votes.approvals(seen, it)}
    unheard = votes.refused(seen, it)
    if unheard is not None:
        fact, reason = unheard
        return Decision(action=Whisper(fact=fact.id, to=fact.by, text=reason), note=note)
    said = statuses.status(seen, it)
    if it.record.approval != said.mark:
        return Decision(action=said, note=note)
    if gates.verdict(rulings) is Verdict.PASS:
        merge = Merge(number=it.record.pull, head=it.record.head)
        note["tried"] = it.record.head
        return Decision(state=State.MERGING, because=_consent(seen, it), action=merge, note=note)
    return Decision(note=note, wake=_patience(seen, it))


def _patience(seen: Evidence, it: Promotion) -> timedelta:
    """Return when to look again without a hint: waiting for people may take days, and each look costs requests."""
    if seen.unsure:
        return SHORTLY
    if seen.withheld:
        return LATER
    return min([PATIENTLY, *(end - seen.now for end in gates.ends(seen, it))])


def _consent(seen: Evidence, it: Promotion) -> str:
    people = votes.approvals(seen, it)
    return "approved by " + ", ".join(f"<@{p}>" for p in people) if people else "no approval is needed"


def _close(seen: Evidence, it: Promotion, state: State, because: str) -> Decision:
    assert seen.pull is not None  # noqa: S101
    if not seen.pull.state.ended:
        said = statuses.failure(seen.pull.head, state, because)
        if it.record.approval != said.mark:
            return Decision(action=said)
    if not seen.pull.state.ended or not it.record.pull_closed:
        return Decision(action=ClosePull(number=seen.pull.number, because=because))
    return Decision(state=state, because=because)


def _merging(seen: Evidence, it: Promotion) -> Decision:
    pull = seen.pull
    if pull is None or it.record.head is None:
        return Decision(wake=SOON)
    match pull.state:
        case PullState.MERGED:
            return _merged(seen, pull, "merged")
        case PullState.CLOSED if not it.record.pull_closed:
            return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
        case PullState.CLOSED | PullState.OPEN:
            return _unmerged(seen, it, pull, it.record.head)


def _unmerged(seen: Evidence, it: Promotion, pull: Pull, head: str) -> Decision:
    if seen.overdue:
        reason = it.record.failing_because or it.record.trouble or "it gave no reason"
        decision = _close(seen, it, State.FAILED, f"GitHub would not merge #{pull.number}: {reason}")
        note: RecordChange = {"failing_because": reason}
        return replace(decision, note=note)  # the trouble is over with the next write
    rulings = gates.judge(seen, it)  # before each try: much may have happened since the last one
    if (lacking := max(rulings, key=lambda ruling: ruling.verdict)).verdict is not Verdict.PASS:
        because = lacking.because
        return Decision(state=State.PROPOSED, because=because, note={"rulings": rulings}, wake=timedelta(0))
    if _changed(seen, it) or _stale(seen, it, pull):
        return _again("the main branch moved on, so the change is made again")
    return Decision(action=Merge(number=pull.number, head=head))


def _changed(seen: Evidence, it: Promotion) -> bool:
    return seen.change is not None and seen.change.digest != it.record.digest


def _stale(seen: Evidence, it: Promotion, pull: Pull) -> bool:
    """Say whether the branch has to be made anew: it conflicts with, or must not be behind, a base that moved on."""
    moved = seen.base is not None and seen.base.commit != it.record.base
    return moved and (pull.mergeable is False or pull.behind)


STATES: Final[dict[State, Callable[[Evidence, Promotion], Decision]]] = {
    State.CHECKING: _checking,
    State.PROPOSED: _proposed,
    State.MERGING: _merging,
    State.SYNCING: rollout.syncing,
    State.ROLLING_OUT: rollout.rolling_out,
    State.PROVING: rollout.proving,
}
