"""How a promotion's workload does, as the watch shows it, and what the log of the pod in trouble says."""

from datetime import datetime

from bot.clients.kubernetes.client import Kubernetes
from bot.cluster.watch import Watch
from bot.domain.cluster import Health, HealthStatus
from bot.domain.errors import Permanent, Temporary
from bot.domain.promotion import Promotion, State
from bot.domain.reason import Name
from bot.domain.reasons.cluster import NotListed, of_cluster
from bot.rules.kubernetes import health, kinds
from bot.rules.release.rollout import counted
from bot.rules.wording import redaction


def observe(promotion: Promotion, watch: Watch, now: datetime, *, patient: bool = True) -> Health | None:
    """Return how the promotion's workload does; None when there is no such workload.

    Not to see it is no failure, but nobody waits for it for ever: once it is stalled, or who asks is not `patient` any
    more, its health is UNKNOWN.

    Raises:
        Temporary: the watch is not up to date, and may be soon.
    """
    namespace, place = promotion.namespace, promotion.status.place
    kind = kinds.followed(place)
    trouble = watch.trouble(namespace, kind)
    if trouble is not None or not watch.fresh(namespace, kind):
        blind = trouble or of_cluster(promotion.cluster, NotListed(namespace=Name(namespace)))
        if patient and promotion.state is not State.STALLED:
            raise Temporary(blind)
        return Health(status=HealthStatus.UNKNOWN, reason=blind)
    workload, configmaps = (place.workload, place.in_configmap) if place is not None else (None, False)
    target = promotion.target
    snapshot = watch.snapshot(namespace, target.model, target.stage, workload, kind, configmaps=configmaps)
    if snapshot is None:
        return None
    return health.judge(snapshot, now=now, stage=promotion.target.stage, only=counted(promotion))


async def last_lines(kubernetes: Kubernetes, namespace: str, seen: Health) -> str | None:
    """Return the last log lines of the pod in trouble: of its previous container, if that was restarted."""
    if seen.culprit is None:
        return None
    restarted = any(pod.name == seen.culprit and pod.restarts for pod in seen.pods)
    for previous in (True, False) if restarted else (False, True):
        try:
            text = await kubernetes.log(namespace, seen.culprit, previous=previous)
        except (Temporary, Permanent):
            continue
        if text.strip():
            return redaction.last_words(redaction.redact(text))
    return None
