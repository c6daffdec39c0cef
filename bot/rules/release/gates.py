"""May this promotion go ahead?  Pure: evidence in, rulings out.

A gate is a function that looks at the evidence and rules on one demand.  It reads no clock, no network and no
settings; whatever it needs is in the `Evidence`.  All gates are asked, so that people see everything that is
missing at once; the verdict is the worst of them.

To add a gate, write one function here and name it in `GATES`.
"""

from collections.abc import Callable, Iterable
from datetime import UTC
from typing import Final, TypeAlias

from bot.domain.promotion import Fact, FactKind, Kind, Promotion, Ruling, Verdict
from bot.rules.parsing import emoji
from bot.rules.release import freezes
from bot.rules.release.decision import Evidence
from bot.rules.wording.blocks import mention
from bot.rules.wording.escape import bare, quoted


def unopposed(seen: Evidence, it: Promotion) -> Ruling:
    """One veto is enough to stop a promotion, whoever approves it."""
    against = vetoes(seen, it)
    if against:
        return Ruling(verdict=Verdict.BLOCK, because=f"vetoed by {_names(against)}")
    return Ruling(verdict=Verdict.PASS, because="nobody objects")


def approved(seen: Evidence, it: Promotion) -> Ruling:
    """Enough of the right people agree to exactly this change."""
    needed = needed_approvals(seen, it)
    given = approvals(seen, it)
    if len(given) >= needed:
        return Ruling(verdict=Verdict.PASS, because=f"{len(given)} of {needed} approvals")
    if seen.unsure is not None:
        return Ruling(verdict=Verdict.WAIT, because=f"Slack cannot say who may approve: {bare(seen.unsure)}")
    who = f" from {', '.join(seen.policy.approvers)}" if seen.policy.approvers else ""
    return Ruling(verdict=Verdict.WAIT, because=f"{len(given)} of {needed} approvals{who}: react with ✅")


def soaked(seen: Evidence, it: Promotion) -> Ruling:
    """The same version has proved itself one stage earlier.  Going back is never held up."""
    if it.kind is Kind.ROLLBACK or seen.policy.after is None:
        return Ruling(verdict=Verdict.PASS, because="nothing to prove on another stage first")
    if seen.upstream is None or seen.upstream.version != it.version:
        runs = f"v{seen.upstream.version}" if seen.upstream else "nothing that is proven"
        because = f"v{it.version} must be the release on {seen.policy.after} first; that stage runs {runs}"
        return _unless_overridden(seen, because)
    proven = seen.upstream.since + seen.policy.healthy_for
    if seen.now < proven:
        until = proven.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return _unless_overridden(seen, f"must stay healthy on {seen.policy.after} until {until}")
    return Ruling(verdict=Verdict.PASS, because=f"proven on {seen.policy.after}")


def thawed(seen: Evidence, it: Promotion) -> Ruling:
    """Nothing holds new releases of the stage up.  Going back is never frozen."""
    if it.kind is Kind.ROLLBACK or seen.freeze is None:
        return Ruling(verdict=Verdict.PASS, because=f"{it.pair.stage} is not frozen")
    return _unless_overridden(seen, freezes.because(seen.freeze))


def unhindered(seen: Evidence, it: Promotion) -> Ruling:
    """GitHub would let anybody merge it: no required check or review is missing."""
    if seen.withheld:
        return Ruling(
            verdict=Verdict.WAIT,
            because=f"GitHub does not let #{it.record.pull} be merged yet: {'; '.join(map(bare, seen.withheld))}",
        )
    return Ruling(verdict=Verdict.PASS, because="GitHub asks for nothing more")


def untouched(seen: Evidence, it: Promotion) -> Ruling:
    """The pull request holds Callboard's own commit: a branch edited by hand is never merged by it."""
    if seen.pull is None or seen.pull.head == it.record.head:
        return Ruling(verdict=Verdict.PASS, because="the branch holds exactly the change")
    because = (
        f"the branch was edited by hand (its head is {seen.pull.head[:7]}), and I merge only my own commit: "
        f"merge it yourself, or type `/promotions cancel {it.id}`"
    )
    return Ruling(verdict=Verdict.WAIT, because=because)


Gate: TypeAlias = Callable[[Evidence, Promotion], Ruling]

GATES: Final[tuple[Gate, ...]] = (unopposed, approved, soaked, thawed, untouched, unhindered)


def judge(seen: Evidence, it: Promotion) -> tuple[Ruling, ...]:
    """Ask every gate."""
    return tuple(gate(seen, it) for gate in GATES)


def verdict(rulings: Iterable[Ruling]) -> Verdict:
    """Return the worst verdict: a promotion is as ready as its least ready gate."""
    return max((r.verdict for r in rulings), default=Verdict.PASS)


def consent(seen: Evidence, it: Promotion) -> tuple[Ruling, ...]:
    """Ask the gates that are ours: all but what GitHub itself still wants."""
    return tuple(gate(seen, it) for gate in GATES if gate is not unhindered)


def needed_approvals(seen: Evidence, it: Promotion) -> int:
    """Return how many approvals this promotion needs."""
    if it.kind is Kind.PROMOTE:
        return seen.policy.approvals
    return 0 if it.automatic else seen.policy.rollback_approvals


def approvals(seen: Evidence, it: Promotion) -> tuple[str, ...]:
    """Return who approves the change as it is now, in the order in which they did."""
    given = [by for by in _standing(seen, it, FactKind.APPROVE, FactKind.WITHDRAW) if why_not(seen, it, by) is None]
    if it.kind is Kind.ROLLBACK and it.requested_by in seen.entitled and it.requested_by not in given:
        given.insert(0, it.requested_by)  # the person who goes back is one of those who may decide it
    return tuple(given)


def vetoes(seen: Evidence, it: Promotion) -> tuple[str, ...]:
    """Return who objects: approvers, and the requester, who may always take the request back."""
    against = _standing(seen, it, FactKind.VETO, FactKind.UNVETO)
    return tuple(by for by in against if by in seen.entitled or by == it.requested_by)


def why_not(seen: Evidence, it: Promotion, by: str) -> str | None:
    """Return why this person's approval does not count here, or None when it does."""
    if by == it.requested_by and it.kind is Kind.PROMOTE and not seen.policy.requester_may_approve:
        return "you asked for this promotion, so your own ✅ does not count: somebody else must approve it"
    if by not in seen.entitled:
        who = ", ".join(seen.policy.approvers) or "people of this workspace"
        return f"your ✅ does not count here: only {who} may approve {quoted(it.pair.model)} on {it.pair.stage}"
    return None


def _standing(seen: Evidence, it: Promotion, give: FactKind, take: FactKind) -> list[str]:
    """Replay the facts about the present change: the last word of each person stands.

    Where the message was just looked at, what it shows outweighs what was heard: events may be lost, or come late.
    """
    standing: dict[str, bool] = {}
    for fact in seen.facts:
        if fact.digest != it.record.digest or it.record.digest is None:
            continue
        if fact.kind is give:
            standing[fact.by] = fact.by_reaction or standing.get(fact.by, False)
        elif fact.kind is take:
            standing.pop(fact.by, None)
    if seen.reactions is None:
        return list(standing)
    shown = seen.reactions.get(emoji.OF[give], frozenset())
    kept = [by for by, by_reaction in standing.items() if by in shown or not by_reaction]
    return kept if give is FactKind.APPROVE else list(dict.fromkeys((*kept, *sorted(shown))))


def refused(seen: Evidence, it: Promotion) -> tuple[Fact, str] | None:
    """Return the first word that does not count and was not answered yet, with what to say to that person."""
    for fact in seen.facts:
        if fact.answered or fact.by == "callboard":
            continue
        if fact.kind is FactKind.APPROVE:
            if fact.digest != it.record.digest:
                return fact, "that message stands for an older change: please look at the newer message and react there"
            reason = None if seen.unsure else why_not(seen, it, fact.by)
            if reason is not None:
                return fact, reason
        if (
            fact.kind is FactKind.VETO
            and fact.by not in seen.entitled
            and fact.by != it.requested_by
            and not seen.unsure
        ):
            return fact, "your ❌ does not count here: only approvers and the requester may stop this promotion"
    return None


def late(seen: Evidence) -> Fact | None:
    """Return the first veto that came when nothing could be stopped any more."""
    return next((f for f in seen.facts if f.kind is FactKind.VETO and not f.answered), None)


def overridden(seen: Evidence) -> Fact | None:
    """Return the word of somebody who may override what holds the promotion up."""
    those = (f for f in seen.facts if f.kind is FactKind.OVERRIDE and f.by in seen.overriders)
    return next(those, None)


def _unless_overridden(seen: Evidence, because: str) -> Ruling:
    word = overridden(seen)
    if word is None:
        return Ruling(verdict=Verdict.WAIT, because=because)
    return Ruling(verdict=Verdict.PASS, because=f"{because}; overridden by {mention(word.by)} ({quoted(word.reason)})")


def _names(people: Iterable[str]) -> str:
    return ", ".join(f"<@{p}>" for p in people)
