"""What the GitOps agent says of a promotion's workload.  Nothing depends on it: no agent, no answer, no word."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from bot import clock
from bot.clients.github.client import GitHub
from bot.cluster.clusters import Clusters
from bot.cluster.watch import Watch
from bot.config.app_yaml import Config
from bot.domain.cluster import AgentObject, AgentSeen, Snapshot
from bot.domain.errors import Permanent, Temporary
from bot.domain.promotion import Promotion, State
from bot.domain.reason import Name
from bot.domain.reasons.cluster import NotListed
from bot.domain.reasons.places import NothingTells
from bot.domain.reasons.rollout import NotPickedUp
from bot.domain.target import Place, Target
from bot.domain.verification import UNTELLING
from bot.rules import pins
from bot.rules.kubernetes import agents, kinds
from bot.rules.pins.place import PickUp, pick_up
from bot.rules.release.agents import matters
from bot.rules.release.decision import Rollout
from bot.rules.wording.reasons import plain

log = logging.getLogger(__name__)


def see(target: Target, place: Place, watch: Watch, *, repository: str, now: datetime) -> AgentSeen | None:
    """Return what the agent says that applies the workload at a place; None if there is none, as far as is known."""
    snapshot = _snapshot(target, place, watch)
    owner = agents.owner_of(snapshot.workload) if snapshot is not None else None
    if snapshot is None or owner is None:
        return None
    find = partial(watch.agent, namespace=place.namespace or "default", target=target)
    return agents.read(owner, snapshot.workload, find, repository=repository, now=now)


def _snapshot(target: Target, place: Place, watch: Watch) -> Snapshot | None:
    kind, namespace = kinds.followed(place), place.namespace or "default"
    return watch.snapshot(namespace, target.model, target.stage, place.workload, kind)


def _owner(target: Target, place: Place, watch: Watch) -> AgentObject | None:
    snapshot = _snapshot(target, place, watch)
    return agents.owner_of(snapshot.workload) if snapshot is not None else None


async def check_seen(
    promotion: Promotion, place: Place, texts: Mapping[str, str], clusters: Clusters, config: Config
) -> None:
    """Check that an agent's object is there, before a change is proposed whose pick-up nothing else would tell.

    Raises:
        Temporary: that is not known yet.
        Permanent: there is none, or it may not be read.
    """
    target, policy = promotion.target, config.policy(promotion.target)
    if promotion.state is not State.CHECKING or policy.verify.method not in UNTELLING:
        return
    carrier = (await asyncio.to_thread(pins.find, texts, target.model)).carrier
    if pick_up(carrier, policy) is not PickUp.REVISION:
        return
    watch, kind, namespace = clusters.of(place.cluster).watch, kinds.followed(place), place.namespace or "default"
    await watch.ensure(namespace, kind)
    if not watch.fresh(namespace, kind):
        raise Temporary(watch.trouble(namespace, kind) or NotListed(namespace=Name(namespace)))
    if see(target, place, watch, repository=config.repository_of(target.model), now=clock.now()) is not None:
        return
    owner = _owner(target, place, watch)
    if owner is not None and not watch.listed(owner):
        raise Temporary(NotListed(namespace=Name(owner.namespace)))
    method, stage = Name(policy.verify.method), Name(target.stage)
    raise Permanent(NothingTells(file=Name(place.paths[0]), line=carrier.line, method=method, stage=stage))


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
        for commit in agent.applied:
            if await github.contains(commit, merge):
                return True
    except (Temporary, Permanent) as error:
        log.info("%s: %s", promotion.target, plain(error.reason))
    return False
