"""What the GitOps agent says of a promotion's workload.  Nothing depends on it: no agent, no answer, no word."""

import logging
from dataclasses import replace
from datetime import datetime

from bot.clients.github.client import GitHub
from bot.cluster.watch import Watch
from bot.domain.cluster import AgentSeen
from bot.domain.errors import Permanent, Temporary
from bot.domain.promotion import Promotion, State
from bot.domain.reasons.rollout import NotPickedUp
from bot.domain.target import Place, Target
from bot.rules.kubernetes import agents, kinds
from bot.rules.release.agents import matters
from bot.rules.release.decision import Rollout
from bot.rules.wording.reasons import plain

log = logging.getLogger(__name__)


def see(target: Target, place: Place, watch: Watch, *, repository: str, now: datetime) -> AgentSeen | None:
    """Return what the agent says that applies the workload at a place; None if there is none, as far as is known."""
    kind, namespace = kinds.followed(place), place.namespace or "default"
    snapshot = watch.snapshot(namespace, target.model, target.stage, place.workload, kind)
    owner = agents.owner_of(snapshot.workload) if snapshot is not None else None
    if snapshot is None or owner is None:
        return None
    return agents.read(owner, snapshot.workload, watch.agent, repository=repository, now=now)


async def with_agent(evidence: Rollout, watch: Watch, github: GitHub, repository: str) -> Rollout:
    """Add what the agent says, if the change is not picked up yet."""
    promotion = evidence.promotion
    place = promotion.status.place
    if place is None or not _unseen(promotion):
        return evidence
    agent = see(promotion.target, place, watch, repository=repository, now=evidence.now)
    evidence = replace(evidence, agent=agent)
    if agent is None or not matters(evidence):
        return evidence
    return replace(evidence, applied=await _applied(promotion, agent, github))


def _unseen(promotion: Promotion) -> bool:
    stalled = promotion.state is State.STALLED and isinstance(promotion.reason, NotPickedUp)
    return promotion.state is State.SYNCING or stalled


async def _applied(promotion: Promotion, agent: AgentSeen, github: GitHub) -> bool:
    """Return whether a commit that the agent has applied contains the merge.  GitHub's silence is no yes."""
    merge = promotion.merge_commit
    if merge is None:
        return False
    try:
        return any([await github.contains(commit, merge) for commit in agent.applied])
    except (Temporary, Permanent) as error:
        log.info("%s: %s", promotion.target, plain(error.reason))
        return False
