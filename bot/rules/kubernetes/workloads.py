"""Read from a workload's raw objects: the pin, the model's container, and the pods of the new revision.

There are no verdicts here.  The objects may be whole, or pruned by `bot.rules.kubernetes.pruning`.
"""

from typing import Final

from bot.domain.cluster import Image, Snapshot
from bot.domain.json import Json
from bot.domain.target import Pin
from bot.rules.kubernetes.kinds import is_current, kind_of, pod_spec
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.kubernetes.raw import at, items, mapping, number, text, whole

PORT: Final = 8080
"""The port of a model server whose container names none."""


def env(container: Json) -> dict[str, str]:
    """Return the plain values of a container's environment; values from elsewhere (`valueFrom`) are unknown."""
    return {text(e, "name"): e["value"] for e in items(container, "env") if isinstance(e.get("value"), str)}


def model_container(spec: Json, stage: str | None = None) -> Json | None:
    """Return the container of a pod spec that sets MODEL_STAGE; if several do, the one with this stage."""
    candidates = [c for c in items(spec, "containers") if "MODEL_STAGE" in env(c)]
    exact = [c for c in candidates if env(c)["MODEL_STAGE"] == stage]
    return next(iter(exact + candidates), None)


def pin_of(workload: Json, stage: str | None = None) -> Pin | None:
    """Return the pin in the workload's pod template, or None where no container sets MODEL_STAGE."""
    container = model_container(pod_spec(workload), stage)
    if container is None:
        return None
    values = env(container)
    return Pin(stage=values["MODEL_STAGE"], version=whole(values.get("MODEL_VERSION", "")))


def address_of(pod: Json, stage: str) -> str | None:
    """Return `ip:port` of the model's container (else of the first one); None while the pod has no IP address."""
    ip, spec = text(pod, "status", "podIP"), mapping(pod, "spec")
    if not ip:
        return None
    container = model_container(spec, stage) or next(iter(items(spec, "containers")), {})
    ports = sorted(items(container, "ports"), key=lambda p: not text(p, "name").startswith("http"))
    port = number(ports[0], "containerPort", default=PORT) if ports else PORT
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def ports_of(pod: Json, stage: str) -> tuple[tuple[str, int], ...]:
    """Return the ports of a pod that have a name, those of the model's container first."""
    spec = mapping(pod, "spec")
    first = model_container(spec, stage)
    containers = sorted(items(spec, "containers") + items(spec, "initContainers"), key=lambda each: each is not first)
    ports = (port for container in containers for port in items(container, "ports"))
    return tuple((name, number(port, "containerPort")) for port in ports if (name := text(port, "name")))


def image_of(pod: Json, stage: str) -> Image | None:
    """Return what the model's container (else the first one) runs; None for a pod without containers."""
    container = model_container(mapping(pod, "spec"), stage) or next(iter(items(pod, "spec", "containers")), None)
    if container is None:
        return None
    name = text(container, "name")
    status = next((each for each in items(pod, "status", "containerStatuses") if text(each, "name") == name), {})
    return Image(name=quote_name(text(container, "image")), id=quote_name(text(status, "imageID")))


def current_replicaset(snapshot: Snapshot) -> Json | None:
    """Return the ReplicaSet of the workload's new revision; None for a kind that has none."""
    kind = kind_of(snapshot.workload)
    return kind.replicaset(snapshot.workload, snapshot.replicasets) if kind else None


def current_pods(snapshot: Snapshot, replicaset: Json | None) -> tuple[Json, ...]:
    """Return the pods of the new revision, also those that are being deleted or have ended."""
    return tuple(p for p in snapshot.pods if is_current(p, snapshot.workload, replicaset))


def leaving(pod: Json) -> bool:
    """Return whether the pod is being deleted."""
    return at(pod, "metadata", "deletionTimestamp") is not None


def alive(pod: Json) -> bool:
    """Return whether a controller counts the pod as one of its replicas."""
    return not leaving(pod) and text(pod, "status", "phase") not in {"Succeeded", "Failed"}
