"""What next?  The whole life of a promotion as one pure function: evidence in, decision out.

    CHECKING ─▶ PROPOSED ─▶ MERGING ─▶ SYNCING ─▶ ROLLING_OUT ─▶ PROVING ─▶ RELEASED

Each state has one function, below or (from SYNCING on) in `rollout`, and every state has a way out and a time-out.  A
state that ends the story is entered only when nothing is left to do outside: the pull request is closed *before*
REJECTED is.  So a restart at any point just asks again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.domain.promotion import UNMERGED, FactKind, Kind, Promotion, Request, State, Verdict
from bot.domain.repository import Pull, PullState
from bot.rules.release import gates, rollout
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
    Say,
    Whisper,
)
from bot.rules.release.gates import votes
from bot.rules.release.takeover import because, may_supersede
from bot.rules.wording import escape
from bot.rules.wording.escape import quoted
from bot.rules.wording.typed import typed


def decide(seen: Evidence) -> Decision:
    """Return what to do about the pair now."""
    it = seen.promotion
    if it is None:
        return _idle(seen)
    if _untold(it):  # an ended one too: nobody was told yet
        asked = {"rulings": gates.judge(seen, it)} if it.state is State.PROPOSED else {}
        return Decision(action=Post(), note=asked)
    decision = _too_late(seen, it) or _next(seen, it)
    note = dict(decision.note)
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
    """Answer a veto that nothing can be done about any more."""
    word = votes.late(seen) if it.state not in UNMERGED else None
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
    if _cancelled(seen):
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
    note = {"namespace": seen.place.namespace, "workload": seen.place.workload}
    if seen.change.before == seen.change.after:
        return _already_in_git(seen, it, note)
    return Decision(action=Propose(base=seen.base, change=seen.change, place=seen.place), note=note)


def _already_in_git(seen: Evidence, it: Promotion, note: dict[str, Any]) -> Decision:
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
    closing = _why_close(seen, it) if pull.state is not PullState.MERGED else None
    if closing is not None:
        return _close(seen, it, *closing)
    match pull.state:
        case PullState.MERGED:
            return _merged(pull, f"merged in GitHub by hand, not approved through Callboard (#{pull.number})")
        case PullState.CLOSED:
            return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
        case PullState.OPEN:
            return _waiting(seen, it, pull)


def _merged(pull: Pull, because: str) -> Decision:
    return Decision(state=State.SYNCING, because=because, note={"merge_commit": pull.merge_commit}, wake=timedelta(0))


def _waiting(seen: Evidence, it: Promotion, pull: Pull) -> Decision:
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
    note = {"rulings": rulings, "approved_by": votes.approvals(seen, it)}
    unheard = votes.refused(seen, it)
    if unheard is not None:
        fact, reason = unheard
        return Decision(action=Whisper(fact=fact.id, to=fact.by, text=reason), note=note)
    said = _say(seen, it)
    if it.record.approval != said.mark:
        return Decision(action=said, note=note)
    if gates.verdict(rulings) is Verdict.PASS:
        merge = Merge(number=it.record.pull, head=it.record.head)
        return Decision(state=State.MERGING, because=_consent(seen, it), action=merge, note=note)
    return Decision(note=note, wake=_patience(seen, it))


def _patience(seen: Evidence, it: Promotion) -> timedelta:
    """Return when to look again without a hint: waiting for people may take days, and each look costs requests."""
    if seen.unsure:
        return SHORTLY
    if seen.withheld:
        return LATER
    return min([PATIENTLY, *(end - seen.now for end in gates.ends(seen, it))])


def _say(seen: Evidence, it: Promotion) -> Say:
    """Return what the pull request's head is to say of the approval: its first line is all that GitHub shows."""
    assert seen.pull is not None  # noqa: S101
    missing = [ruling for ruling in gates.consent(seen, it) if ruling.verdict is not Verdict.PASS]
    if not missing:
        return Say(head=seen.pull.head, state="success", because="approved in Slack")
    return Say(head=seen.pull.head, state="pending", because=escape.bare(missing[0].because))


def _consent(seen: Evidence, it: Promotion) -> str:
    people = votes.approvals(seen, it)
    return "approved by " + ", ".join(f"<@{p}>" for p in people) if people else "no approval is needed"


def _why_close(seen: Evidence, it: Promotion) -> tuple[State, str] | None:
    """Return the state in which an open pull request's story must end, and why."""
    if (blocked := gates.blocked(seen, it)) is not None:
        return State.REJECTED, blocked.because
    if _cancelled(seen):
        return State.CANCELLED, "cancelled"
    if seen.now - it.requested_at > seen.policy.expires and (missing := gates.expired(seen, it)):
        return State.EXPIRED, missing
    if seen.refusal is not None:
        return State.BLOCKED, seen.refusal
    if seen.change is not None and seen.change.before == seen.change.after:
        return State.SUPERSEDED, f"the main branch pins v{it.version} already: this pull request was not needed"
    return None


def _close(seen: Evidence, it: Promotion, state: State, because: str) -> Decision:
    assert seen.pull is not None  # noqa: S101
    if not seen.pull.state.ended:
        said = Say(head=seen.pull.head, state="failure", because=f"{state}: {escape.bare(because)}")
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
            return _merged(pull, "merged")
        case PullState.CLOSED if not it.record.pull_closed:
            return Decision(state=State.REJECTED, because=f"pull request #{pull.number} was closed")
        case PullState.CLOSED | PullState.OPEN:
            return _unmerged(seen, it, pull, it.record.head)


def _unmerged(seen: Evidence, it: Promotion, pull: Pull, head: str) -> Decision:
    if seen.overdue:
        reason = it.record.failing_because or it.record.trouble or "it gave no reason"
        decision = _close(seen, it, State.FAILED, f"GitHub would not merge #{pull.number}: {reason}")
        return replace(decision, note={"failing_because": reason})  # the trouble is over with the next write
    if pull.head != head:
        because = "somebody pushed to the branch before it was merged"
        return Decision(state=State.PROPOSED, because=because, wake=timedelta(0))
    if _changed(seen, it) or _stale(seen, it, pull):
        return _again("the main branch moved on, so the change is made again")
    if seen.withheld:
        because = f"GitHub does not let #{pull.number} be merged yet"
        return Decision(state=State.PROPOSED, because=because, wake=timedelta(0))
    return Decision(action=Merge(number=pull.number, head=head))


def _changed(seen: Evidence, it: Promotion) -> bool:
    return seen.change is not None and seen.change.digest != it.record.digest


def _stale(seen: Evidence, it: Promotion, pull: Pull) -> bool:
    """Say whether the branch has to be made anew: it conflicts with, or must not be behind, a base that moved on."""
    moved = seen.base is not None and seen.base.commit != it.record.base
    return moved and (pull.mergeable is False or pull.behind)


def _cancelled(seen: Evidence) -> bool:
    return any(fact.kind is FactKind.CANCEL for fact in seen.facts)


STATES: Final[dict[State, Callable[[Evidence, Promotion], Decision]]] = {
    State.CHECKING: _checking,
    State.PROPOSED: _proposed,
    State.MERGING: _merging,
    State.SYNCING: rollout.syncing,
    State.ROLLING_OUT: rollout.rolling_out,
    State.PROVING: rollout.proving,
}
