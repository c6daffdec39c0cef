"""The endpoints of a Service: from its manifest and the pods to addresses.  Pure.

Not here: how connections get there (`service_proxy.py`).  Endpoints and EndpointSlices are not written.
Source: https://kubernetes.io/docs/concepts/services-networking/service/
"""

from collections.abc import Iterable
from typing import NamedTuple

from bot.domain.json import Json
from callboard_demo.cluster.phases import is_ready
from callboard_demo.cluster.selectors import matches


class Endpoint(NamedTuple):
    """A pod's address."""

    address: str
    port: int


def endpoints(service: Json, pods: Iterable[Json]) -> dict[int, tuple[Endpoint, ...]]:
    """Return the endpoints of each port of a Service: the ready pods of its namespace that are not terminating.

    If all ready pods are terminating, kube-proxy uses those.
    https://github.com/kubernetes/kubernetes/blob/v1.33.0/pkg/proxy/topology.go (CategorizeEndpoints)
    """
    selector, namespace = service["spec"].get("selector"), service["metadata"]["namespace"]
    if not selector:
        return {}
    ready = [pod for pod in pods if pod["metadata"]["namespace"] == namespace and _answers(pod, selector)]
    chosen = [pod for pod in ready if not pod["metadata"].get("deletionTimestamp")] or ready
    ports = service["spec"].get("ports") or ()
    return {port["port"]: tuple(at for pod in chosen if (at := _endpoint(port, pod)) is not None) for port in ports}


def _answers(pod: Json, selector: dict[str, str]) -> bool:
    selected = matches({"matchLabels": selector}, pod["metadata"].get("labels") or {})
    return selected and is_ready(pod) and "podIP" in pod["status"]


def _endpoint(port: Json, pod: Json) -> Endpoint | None:
    """Return a pod's address for a port of the Service; None if it has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, str):
        named = (p for c in pod["spec"]["containers"] for p in c.get("ports") or () if p.get("name") == target)
        target = next((p["containerPort"] for p in named), None)
    return None if target is None else Endpoint(pod["status"]["podIP"], target)
