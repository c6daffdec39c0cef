"""The defaults that the API server fills in before it stores an object: workloads, pods, Services, Secrets.

Not here: validation (`validation.py`).  A field that the writer has set is never changed.
Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/apis/apps/v1/defaults.go and …/core/v1/defaults.go
"""

from base64 import b64encode
from copy import deepcopy
from typing import Any

from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource


def filled(resource: Resource, value: Json) -> Json:
    """Return the object with its kind's defaults filled in."""
    fill = _FILLERS.get((resource.group, resource.plural))
    if fill is None or (fill is not _secret and not isinstance(value.get("spec"), dict)):
        return value
    result = deepcopy(value)
    fill(result)
    return result


def _set(place: Json, **defaults: Any) -> None:
    for name, value in defaults.items():
        place.setdefault(name, value)


def _deployment(value: Json) -> None:
    spec = value["spec"]
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replicaset(value: Json) -> None:
    _set(value["spec"], replicas=1)
    _template(value["spec"])


def _statefulset(value: Json) -> None:
    spec = value["spec"]
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy.setdefault("rollingUpdate", {}), partition=0)
    _template(spec)


def _template(spec: Json) -> None:
    template = spec.get("template")
    if isinstance(template, dict):
        _set(template.setdefault("metadata", {}), creationTimestamp=None)
        if isinstance(template.get("spec"), dict):
            _pod_spec(template["spec"])


def _pod(value: Json) -> None:
    _pod_spec(value["spec"])
    _set(value["spec"], enableServiceLinks=True, serviceAccountName="default", serviceAccount="default")


def _pod_spec(spec: Json) -> None:
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        _container(container)
    for volume in spec.get("volumes") or ():
        for kind in ("configMap", "secret"):
            if isinstance(volume.get(kind), dict):
                _set(volume[kind], defaultMode=420)


def _container(container: Json) -> None:
    always = str(container.get("image", "")).rpartition("/")[2].partition(":")[2] in {"", "latest"}
    _set(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="Always" if always else "IfNotPresent",
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for variable in container.get("env") or ():
        if "fieldRef" in (variable.get("valueFrom") or {}):
            _set(variable["valueFrom"]["fieldRef"], apiVersion="v1")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])


def _probe(probe: Json) -> None:
    _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if isinstance(probe.get("httpGet"), dict):
        _set(probe["httpGet"], path="/", scheme="HTTP")


def _service(value: Json) -> None:
    _set(value["spec"], type="ClusterIP", sessionAffinity="None")
    for port in value["spec"].get("ports") or ():
        _set(port, protocol="TCP", targetPort=port.get("port"))


def _secret(value: Json) -> None:
    """Set the type; `stringData` is write-only and never stored."""
    _set(value, type="Opaque")
    for name, text in (value.pop("stringData", None) or {}).items():
        value["data"] = {**(value.get("data") or {}), name: b64encode(str(text).encode()).decode()}


_FILLERS = {
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replicaset,
    ("apps", "statefulsets"): _statefulset,
    ("apps", "daemonsets"): lambda value: _template(value["spec"]),
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "secrets"): _secret,
}
