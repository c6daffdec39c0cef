"""Prune the objects that a watch delivers: what a verdict on a rollout needs is kept, and nothing else.

A watch of a busy namespace holds every pod in memory, and half of a pod's JSON records who last wrote which field.
Of the environment, and of ConfigMaps, only MODEL_* is kept: other values may be secrets.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.json import Json
from bot.rules.kubernetes import agents
from bot.rules.kubernetes.configmaps import reduced
from bot.rules.kubernetes.environment import KEPT
from bot.rules.kubernetes.kinds.daemon_set import TEMPLATE_GENERATION
from bot.rules.kubernetes.kinds.deployment import HASH, REVISION
from bot.rules.kubernetes.kinds.pod import IGNORE_RESTART_POLICY
from bot.rules.kubernetes.kinds.rollout import WORKLOAD_GENERATION
from bot.rules.kubernetes.raw import items, mapping, text

DIGEST: Final = "callboard/template-digest"
"""Annotation on a pruned template: the digest of the whole one, so that two templates still compare as before."""

CONFIGMAPS: Final = "configmaps"
"""Plural name of ConfigMaps."""
MESSAGE: Final = 1000
"""Characters kept of an event's message."""

_SPEC: Final = (
    "replicas",
    "paused",
    "suspend",
    "schedule",
    "progressDeadlineSeconds",
    "strategy",
    "updateStrategy",
    "podManagementPolicy",
    "workloadRef",
)
"""Fields kept of a workload's spec, beside its template: those that a kind or a check reads."""
_ANNOTATIONS: Final = {REVISION, TEMPLATE_GENERATION, WORKLOAD_GENERATION, IGNORE_RESTART_POLICY, *agents.ANNOTATIONS}


def prune(kind: str, obj: Json) -> Json:
    """Return the pruned object, with `apiVersion` and `kind`; `kind` is the API's plural (`pods`, `deployments` …).

    Whatever is no pod, no event, no ConfigMap and no object of a GitOps agent is pruned as a workload.

    Raises:
        Malformed: the object is not as Kubernetes documents it.
    """
    return {"apiVersion": text(obj, "apiVersion"), "kind": text(obj, "kind"), **_PRUNED.get(kind, _workload)(obj)}


def _meta(obj: Json) -> Json:
    meta = mapping(obj, "metadata")
    fields = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
    kept = {field: meta[field] for field in (*fields, "labels") if meta.get(field) is not None}
    owners = [
        {"kind": o.get("kind"), "name": o.get("name"), "uid": o.get("uid")} for o in items(meta, "ownerReferences")
    ]
    annotations = {key: value for key, value in mapping(meta, "annotations").items() if key in _ANNOTATIONS}
    return kept | _if("ownerReferences", owners) | _if("annotations", annotations)


def _if(key: str, value: Json | list[Json]) -> Json:
    return {key: value} if value else {}


def _container(container: Json) -> Json:
    kept = {
        k: container[k]
        for k in ("name", "image", "ports", "resources", "restartPolicy")
        if container.get(k) is not None
    }
    env = [_variable(e) for e in items(container, "env") if str(e.get("name", "")).startswith(KEPT)]
    sources = [_source(s) for s in items(container, "envFrom") if mapping(s, "configMapRef")]
    return kept | _if("envFrom", sources) | _if("env", env)


def _variable(entry: Json) -> Json:
    """Return an entry of `env`: its value, or the ConfigMap's key from which it is, if it is from one."""
    if entry.get("valueFrom") is None:
        return _only(entry, "name", "value")
    ref = mapping(entry, "valueFrom", "configMapKeyRef")
    return {"name": entry["name"], "valueFrom": _if("configMapKeyRef", _only(ref, "name", "key", "optional"))}


def _source(source: Json) -> Json:
    return _only(source, "prefix") | {"configMapRef": _only(mapping(source, "configMapRef"), "name", "optional")}


def _only(obj: Json, *fields: str) -> Json:
    return {field: obj[field] for field in fields if obj.get(field) is not None}


def _pod_spec(spec: Json) -> Json:
    kept = {k: spec[k] for k in ("restartPolicy", "nodeName", "readinessGates") if spec.get(k) is not None}
    for field in ("initContainers", "containers"):
        if containers := items(spec, field):
            kept[field] = [_container(c) for c in containers]
    return kept


def _template(template: Json) -> Json:
    meta = {k: v for k, v in mapping(template, "metadata").items() if k != "creationTimestamp"}
    meta["labels"] = {k: v for k, v in mapping(meta, "labels").items() if k != HASH}
    whole = json.dumps({**template, "metadata": meta}, sort_keys=True, default=str).encode()
    annotations = {DIGEST: hashlib.sha256(whole).hexdigest()}
    return {"metadata": {"annotations": annotations}, "spec": _pod_spec(mapping(template, "spec"))}


def _workload(obj: Json) -> Json:
    spec = mapping(obj, "spec")
    kept = {field: spec[field] for field in _SPEC if spec.get(field) is not None}
    if template := mapping(spec, "template"):
        kept["template"] = _template(template)
    if template := mapping(spec, "jobTemplate", "spec", "template"):
        kept["jobTemplate"] = {"spec": {"template": _template(template)}}
    if predictor := mapping(spec, "predictor"):
        kept["predictor"] = _predictor(predictor)
    status = (
        {} if obj.get("status") is None else {"status": mapping(obj, "status")}
    )  # a CronJob's may be there, but empty
    return {"metadata": _meta(obj), "spec": kept} | status


def _predictor(predictor: Json) -> Json:
    model = mapping(predictor, "model")
    return _pod_spec(predictor) | _if("model", _container(model) if model else {})


def _pod(obj: Json) -> Json:
    fields = ("phase", "reason", "message", "podIP", "conditions", "initContainerStatuses", "containerStatuses")
    status = mapping(obj, "status")
    kept = {field: status[field] for field in fields if status.get(field) is not None}
    return {"metadata": _meta(obj), "spec": _pod_spec(mapping(obj, "spec")), "status": kept}


def _event(obj: Json) -> Json:
    about = mapping(obj, "involvedObject")
    fields = ("type", "reason", "count", "series", "firstTimestamp", "lastTimestamp", "eventTime")
    return {
        "metadata": _meta(obj),
        "involvedObject": {k: about.get(k) for k in ("kind", "name", "uid", "fieldPath")},
        "message": text(obj, "message")[:MESSAGE],
    } | {field: obj[field] for field in fields if obj.get(field) is not None}


def _agent(resource: str) -> Callable[[Json], Json]:
    return lambda obj: {"metadata": _meta(obj)} | agents.prune(resource, obj)


_PRUNED: Final[Mapping[str, Callable[[Json], Json]]] = {
    "pods": _pod,
    "events": _event,
    CONFIGMAPS: reduced,
    **{resource: _agent(resource) for resource in agents.PATHS},
}
