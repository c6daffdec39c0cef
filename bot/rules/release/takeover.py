"""Which request takes the place of a promotion that is under way.  Pure.

A newer version takes over as long as nothing is being merged, and any other version once the merged change is stalled
or not yet picked up by the cluster.  A rollback is never blocked: it takes over whatever is under way but another
rollback.
"""

from typing import Final

from bot.domain.promotion import UNMERGED, Kind, Promotion, Release, Request, State
from bot.domain.reason import User
from bot.domain.reasons.lifecycle import Superseded

WAITING: Final = frozenset({State.SYNCING, State.STALLED})
"""Merged, and nothing of it is rolling out as far as Callboard sees."""


def may_supersede(request: Request, promotion: Promotion) -> bool:
    """Say whether the request may take over from the open promotion of its target."""
    if promotion.state in WAITING and request.version != promotion.version:
        return True
    if request.kind is Kind.ROLLBACK:
        return promotion.kind is Kind.PROMOTE or (promotion.state in UNMERGED and request.version != promotion.version)
    return promotion.kind is Kind.PROMOTE and promotion.state in UNMERGED and request.version > promotion.version


def may_differ(release: Release, *last: Promotion | None) -> bool:
    """Say whether Git holds, or may hold in a moment, another version than the verified release.

    `last` are the target's promotion that is open and the one whose pin came into Git last.
    """
    pinned = (p for p in last if p is not None and (p.in_git or p.state not in UNMERGED))
    merged = (p for p in pinned if p.state is not State.RELEASED)
    return any(promotion.version != release.version for promotion in merged)


def superseded(request: Request) -> Superseded:
    """Return why the older promotion ended."""
    return Superseded(
        by=User("callboard" if request.automatic else request.by),
        version=request.version,
        rollback=request.kind is Kind.ROLLBACK,
    )
