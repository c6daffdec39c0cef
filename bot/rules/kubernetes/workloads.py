"""Read from a workload's raw objects: the pin, the model's container, and the pods of the new revision.

There are no verdicts here.  The objects may be whole, or pruned by `bot.rules.kubernetes.pruning`.
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.cluster import Image, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.target import Pin
from bot.rules.kubernetes.environment import ConfigMaps, Variable, environment
from bot.rules.kubernetes.kinds import is_current, kind_of, pod_spec
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.kubernetes.raw import at, items, mapping, number, text, whole

PORT: Final = 8080
"""The port of a model server whose container names none."""


def env(container: Json, configmaps: ConfigMaps = None) -> dict[str, str]:
    """Return the values of a container's environment that are known."""
    return {name: each.value for name, each in environment(container, configmaps).items() if each.value is not None}


def model_container(spec: Json, stage: str | None = None, configmaps: ConfigMaps = None) -> Json | None:
    """Return the container of a pod spec that sets MODEL_STAGE; if several do, the one with this stage."""
    known = [(c, env(c, configmaps)) for c in items(spec, "containers")]
    candidates = [(c, its) for c, values in known if (its := values.get("MODEL_STAGE"))]
    exact = [c for c, its in candidates if its == stage]
    return next(iter(exact + [c for c, _ in candidates]), None)


def pin_of(workload: Json, stage: str | None = None, configmaps: ConfigMaps = None) -> Pin | None:
    """Return the pin in the workload's pod template, as if what it takes from ConfigMaps stood in it.

    None: no container is known to set MODEL_STAGE, or where MODEL_VERSION is from is not known.
    """
    container = model_container(pod_spec(workload), stage, configmaps)
    if container is None:
        return None
    values = environment(container, configmaps)
    version = values.get("MODEL_VERSION", Variable(value="")).value
    return Pin(stage=values["MODEL_STAGE"].value or "", version=whole(version)) if version is not None else None


def why_unknown(workload: Json, configmaps: ConfigMaps) -> Reason | None:
    """Return what somebody can mend about a pin that `pin_of` does not know."""
    found = [environment(container, configmaps) for container in items(pod_spec(workload), "containers")]
    wanted = [values[name] for values in found for name in ("MODEL_STAGE", "MODEL_VERSION") if name in values]
    return next((each.why for each in wanted if each.why is not None), None)


def pinning(workload: Json, stage: str | None, configmaps: Mapping[str, Json]) -> tuple[Json, ...]:
    """Return the ConfigMaps that hold the workload's pin, or a part of it."""
    container = model_container(pod_spec(workload), stage, configmaps) or {}
    values = environment(container, configmaps)
    names = [values[name].configmap for name in ("MODEL_STAGE", "MODEL_VERSION") if name in values]
    return tuple(configmaps[name] for name in dict.fromkeys(names) if name is not None)


def address_of(pod: Json, stage: str, configmaps: ConfigMaps = None) -> str | None:
    """Return `ip:port` of the model's container (else of the first one); None while the pod has no IP address."""
    ip, spec = text(pod, "status", "podIP"), mapping(pod, "spec")
    if not ip:
        return None
    container = model_container(spec, stage, configmaps) or next(iter(items(spec, "containers")), {})
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


def image_of(pod: Json, stage: str, configmaps: ConfigMaps = None) -> Image | None:
    """Return what the model's container (else the first one) runs; None for a pod without containers."""
    spec = mapping(pod, "spec")
    container = model_container(spec, stage, configmaps) or next(iter(items(spec, "containers")), None)
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
