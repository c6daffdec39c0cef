"""The commit in a revision, as agents write it: `main@sha1:…`, `main/…`, or the commit alone."""

import re
from collections.abc import Iterable
from typing import Final

from bot.domain.cluster import AgentObject
from bot.domain.reason import Name, Reason
from bot.domain.reasons.agents import LastApplied
from bot.rules.kubernetes.quoting import quote_name

COMMIT: Final = re.compile(r"(?:^|[:/@])([0-9a-f]{40})\Z")
"""https://fluxcd.io/flux/components/source/gitrepositories/#artifact"""
SHOWN: Final = 7


def commits(revisions: Iterable[str]) -> tuple[str, ...]:
    """Return the commits in revisions; a chart's version and an image's digest are none."""
    found = (COMMIT.search(each) for each in revisions)
    return tuple(dict.fromkeys(match[1] for match in found if match is not None))


def named(kind: str, owner: AgentObject) -> Name:
    """Return an agent's object as people know it."""
    return quote_name(f"{kind} {owner.namespace}/{owner.name}")


def last(agent: Name, revisions: Iterable[str]) -> Reason | None:
    """Return the revision that was applied last; None if none was."""
    first = next(iter(revisions), "")
    if not first:
        return None
    found = commits([first])
    return LastApplied(agent=agent, revision=Name(found[0][:SHOWN]) if found else quote_name(first))
