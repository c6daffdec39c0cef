"""Ask the chat whose word counts at this moment."""

import asyncio
from collections.abc import Set
from typing import Final

from bot.clients.slack.client import Slack
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import ANYONE
from bot.domain.promotion import FactKind, Kind, Promotion
from bot.rules.release.decision import Evidence, Voters
from bot.rules.release.stalled import DECISIONS

VOTES: Final = frozenset({FactKind.APPROVE, FactKind.VETO, FactKind.OVERRIDE, *DECISIONS})


async def entitled_voters(
    evidence: Evidence, promotion: Promotion, slack: Slack, *, more: Set[str] = frozenset(), fresh: bool = False
) -> Voters:
    """Return which of those who voted may decide.  Where the chat cannot tell, nobody may."""
    policy = evidence.policy
    people = {f.by for f in evidence.facts if f.kind in VOTES and f.by != "callboard"} | more
    if promotion.kind is Kind.ROLLBACK and not promotion.automatic:
        people.add(promotion.requested_by)
    if not people:
        return Voters()
    try:
        allowed = await _allowed(people, policy.approvers, slack, fresh=fresh)
        may_return = await _allowed(people, policy.rollback_requesters, slack, fresh=fresh)
        may_override = await _allowed(people, policy.may_override or policy.approvers, slack, fresh=fresh)
        known = await asyncio.gather(
            *(slack.person(user, fresh=fresh) for user in sorted(allowed | may_override | may_return))
        )
    except (Temporary, Permanent) as error:
        return Voters(unsure=error.reason)
    members = frozenset(person.id for person in known if person.entitled)
    return Voters(entitled=members & allowed, overriders=members & may_override, returners=members & may_return)


async def _allowed(people: set[str], names: tuple[str, ...], slack: Slack, *, fresh: bool) -> set[str]:
    """Return the people whom `names` includes (user ids and user groups; empty, or ANYONE: everybody)."""
    if not names or ANYONE in names:
        return people
    named = {name for name in names if not name.startswith(("@", "S"))}
    groups = [name for name in names if name not in named]
    members = await asyncio.gather(*(slack.members(group, fresh=fresh) for group in groups))
    return people & named.union(*members)
