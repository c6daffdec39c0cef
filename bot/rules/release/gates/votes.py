"""What people said about the change as it is now, and whose word counts.  Pure."""

from bot.domain.promotion import Fact, FactKind, Kind, Promotion
from bot.rules.parsing import emoji
from bot.rules.release.decision import Evidence
from bot.rules.wording.escape import quoted


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
