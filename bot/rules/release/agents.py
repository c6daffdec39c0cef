"""What the word of a GitOps agent counts for: it says why a change waits, and picks up what nothing else shows.

It never fails a promotion: what an agent cannot apply leaves the old version as it was.
"""

from dataclasses import replace
from datetime import datetime

from bot.domain.cluster import Health, PodSeen
from bot.domain.reason import Name, Reason
from bot.domain.reasons.agents import OutOfSync, PodsOlder
from bot.domain.verification import UNTELLING
from bot.rules.release import verification
from bot.rules.release.decision import Rollout


def matters(evidence: Rollout) -> bool:
    """Say whether only an agent can tell that the change was picked up: neither the template nor the pods name it."""
    health, how = evidence.health, verification.method_of(evidence.promotion, evidence.policy.verify)
    return health is not None and health.pin is None and how.method in UNTELLING


def picked_up(evidence: Rollout, health: Health) -> bool:
    """Say whether an agent has applied the change, and every pod that counts was created after the merge.

    Applied alone is not enough: pods read a ConfigMap when they start, and nothing may have restarted them.
    """
    if not (evidence.applied and matters(evidence) and health.pods):
        return False
    return _older(health, _merged_at(evidence)) is None


def waiting(evidence: Rollout) -> Reason | None:
    """Return what the agent says while the change is not picked up; None if it says nothing.

    Argo CD does not say since when it is out of sync: what was first seen is kept.
    """
    agent, health, before = evidence.agent, evidence.health, evidence.promotion.status.waiting
    if agent is None:
        return None
    old = _older(health, _merged_at(evidence)) if health is not None and evidence.applied else None
    if old is not None:
        return PodsOlder(agent=agent.name, pod=Name(old.name))
    if not isinstance(agent.waits, OutOfSync):
        return agent.waits
    same = isinstance(before, OutOfSync) and before.agent == agent.waits.agent
    since = before.since if isinstance(before, OutOfSync) and same else None
    return replace(agent.waits, since=since or evidence.now)


def _merged_at(evidence: Rollout) -> datetime | None:
    pull = evidence.promotion.status.pull
    return pull.merged_at if pull is not None else None


def _older(health: Health, than: datetime | None) -> PodSeen | None:
    """Return a pod that may be older than that moment."""
    return next((pod for pod in health.pods if pod.created is None or than is None or pod.created < than), None)
