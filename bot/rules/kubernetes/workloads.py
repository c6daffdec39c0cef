"""What a workload's raw objects say in Callboard's words: the pin, the model's container, its pods of the new revision.

No verdicts here.  The objects may be whole or cut down to what `bot.rules.kubernetes.pruning` keeps.
"""

from typing import Final

from bot.domain.cluster import Sighting
from bot.domain.json import Json
from bot.domain.target import Pin
from bot.rules.kubernetes.kinds import is_current
from bot.rules.kubernetes.kinds.deployment import HASH
from bot.rules.kubernetes.raw import at, items, mapping, number, owned_by, text, whole

REVISION: Final = "deployment.kubernetes.io/revision"
PORT: Final = 8080
"""Where a model server listens when its container names no port."""


def env(container: Json) -> dict[str, str]:
    """Return the plain values of a container's environment; a value taken from elsewhere (`valueFrom`) is not known."""
    return {text(e, "name"): e["value"] for e in items(container, "env") if isinstance(e.get("value"), str)}


def model_container(spec: Json, stage: str | None = None) -> Json | None:
    """Return the container of a pod spec that carries MODEL_STAGE, with this very stage where several do."""
    carriers = [c for c in items(spec, "containers") if "MODEL_STAGE" in env(c)]
    exact = [c for c in carriers if env(c)["MODEL_STAGE"] == stage]
    return next(iter(exact + carriers), None)


def pin_of(workload: Json, stage: str | None = None) -> Pin | None:
    """Return what the workload's template says, or None where no container carries MODEL_STAGE."""
    container = model_container(mapping(workload, "spec", "template", "spec"), stage)
    if container is None:
        return None
    values = env(container)
    return Pin(stage=values["MODEL_STAGE"], version=whole(values.get("MODEL_VERSION", "")))


def address_of(pod: Json, stage: str) -> str | None:
    """Return `ip:port` of the model's container (else of the first), once the pod has an address."""
    ip, spec = text(pod, "status", "podIP"), mapping(pod, "spec")
    if not ip:
        return None
    container = model_container(spec, stage) or next(iter(items(spec, "containers")), {})
    ports = sorted(items(container, "ports"), key=lambda p: not text(p, "name").startswith("http"))
    port = number(ports[0], "containerPort", default=PORT) if ports else PORT
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def current_replicaset(seen: Sighting) -> Json | None:
    """Return the ReplicaSet of a Deployment's present template.

    It is owned by the Deployment, has its revision, and has its template.  The revision alone would do except for one
    moment: with the strategy Recreate, the first status after a rollback still bears the number of the old revision.
    https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/deployment/sync.go (getNewReplicaSet)
    """
    revision, template = _revision(seen.workload), _template(seen.workload)
    for replicaset in seen.replicasets:
        mine = owned_by(replicaset, seen.workload) and _revision(replicaset) == revision
        if mine and _template(replicaset) in ({}, template):
            return replicaset
    return None


def _revision(obj: Json) -> str:
    return text(obj, "metadata", "annotations", REVISION)


def _template(obj: Json) -> Json:
    """Return the pod template without what the controller adds to it."""
    template = mapping(obj, "spec", "template")
    meta = {k: v for k, v in mapping(template, "metadata").items() if k != "creationTimestamp"}
    labels = {k: v for k, v in mapping(meta, "labels").items() if k != HASH}
    return {**template, "metadata": {**meta, "labels": labels}} if template else {}


def current_pods(seen: Sighting, replicaset: Json | None) -> tuple[Json, ...]:
    """Return the pods of the new revision: those being deleted, and those that have ended, are not counted."""
    return tuple(p for p in seen.pods if is_current(p, seen.workload, replicaset) and alive(p))


def alive(pod: Json) -> bool:
    """Say whether a controller counts the pod as one of its replicas."""
    leaving = at(pod, "metadata", "deletionTimestamp") is not None
    return not leaving and text(pod, "status", "phase") not in {"Succeeded", "Failed"}
