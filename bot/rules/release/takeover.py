"""Which request takes the place of a promotion that is under way.  Pure.

A newer version takes over as long as nothing is being merged.  Going back is never blocked: it takes over whatever is
under way but another way back.
"""

from bot.domain.promotion import UNMERGED, Kind, Promotion, Release, Request, State


def may_supersede(request: Request, it: Promotion) -> bool:
    """Say whether the request may take over from the open promotion of its pair."""
    if request.kind is Kind.ROLLBACK:
        return it.kind is Kind.PROMOTE or (it.state in UNMERGED and request.version != it.version)
    return it.kind is Kind.PROMOTE and it.state in UNMERGED and request.version > it.version


def unproven(release: Release, *last: Promotion | None) -> bool:
    """Say whether Git holds, or may hold in a moment, another version than the proven release.

    `last` are the pair's promotion that is open and the one whose change was merged last.
    """
    those = (it for it in last if it is not None and it.state not in {*UNMERGED, State.RELEASED})
    return any(it.version != release.version for it in those)


def because(request: Request) -> str:
    """Return the sentence that explains why the older promotion ended."""
    who = "Callboard" if request.automatic else f"<@{request.by}>"
    if request.kind is Kind.ROLLBACK:
        return f"{who} goes back to v{request.version} instead"
    return f"{who} wants v{request.version} there now"
