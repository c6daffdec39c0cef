"""KServe's InferenceServices, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus, ModelStatus
from bot.domain.json import Json
from bot.domain.reason import Command, Reason
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import AllConditionsTrue, ModelTransition, Stopped
from bot.rules.kubernetes.kinds.deployment import REVISION
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, has_status, in_namespace, told
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import is_true, items, mapping, owned_by, text, whole

LABEL: Final = "serving.kserve.io/inferenceservice"


def _explain(obj: Json, _now: datetime | None) -> Answer:
    conditions = items(obj, "status", "conditions")
    unready = _first_unready(conditions)
    transition = text(obj, "status", "modelStatus", "transitionStatus")
    if transition not in {"", "UpToDate", "InProgress"}:
        info = mapping(obj, "status", "modelStatus", "lastFailureInfo")
        failure = quote(text(info, "message") or text(info, "reason"))
        detail = Told(text=failure) if failure else unready
        return HealthStatus.DEGRADED, ModelTransition(status=quote_name(transition), detail=detail)
    if is_true(obj, "Stopped"):
        return HealthStatus.SUSPENDED, Stopped()
    if unready is not None:
        return HealthStatus.PROGRESSING, unready
    if transition == "InProgress" and _asleep(obj):
        return HealthStatus.HEALTHY, AllConditionsTrue()
    if transition == "InProgress" or (transition and not conditions):
        return HealthStatus.PROGRESSING, ModelTransition(status=quote_name(transition), detail=None)
    return (HealthStatus.HEALTHY, AllConditionsTrue()) if conditions else NOT_OBSERVED


def _asleep(obj: Json) -> bool:
    """Return whether the newest revision was ready and has no pods now; KServe's word for that, too, is pending."""
    revisions = mapping(obj, "status", "components", "predictor")
    newest = text(revisions, "latestCreatedRevision")
    pending = text(obj, "status", "modelStatus", "states", "targetModelState") in {"", "Pending"}
    return bool(newest) and newest == text(revisions, "latestReadyRevision") and pending


def _first_unready(conditions: list[Json]) -> Reason | None:
    """Return the first condition that is not True, one that says why before others, and `Ready` before others.

    None where all are True.  `Ready` has the words of the condition that it depends on, if Knative writes it.
    """
    unready = [c for c in conditions if text(c, "status") != "True" and text(c, "type") != "Stopped"]
    first = min(unready, key=lambda c: (not _why(c), text(c, "type") != "Ready"), default=None)
    return told({**first, "message": _why(first)}) if first is not None else None


def _why(found: Json) -> str:
    return ": ".join(words for words in (text(found, "reason"), text(found, "message")) if words)


def _pod_spec(obj: Json) -> Json:
    """Return the predictor, whose `model` is a container too."""
    predictor = mapping(obj, "spec", "predictor")
    model = mapping(predictor, "model")
    return {**predictor, "containers": [*([model] if model else []), *items(predictor, "containers")]}


def _replicaset(workload: Json, replicasets: Sequence[Json]) -> Json | None:
    """Return the predictor's newest one: KServe makes the Deployment, whose template is not the object's own."""
    owner = f"{text(workload, 'metadata', 'name')}-predictor"
    its = [r for r in replicasets if any(o.get("name") == owner for o in items(r, "metadata", "ownerReferences"))]
    return max(its, key=lambda r: (_revision(r), text(r, "metadata", "creationTimestamp")), default=None)


def _revision(replicaset: Json) -> int:
    return whole(text(replicaset, "metadata", "annotations", REVISION)) or 0


def _is_current(pod: Json, workload: Json, replicaset: Json | None) -> bool:
    """Return whether a pod is of Knative's newest revision, or of the newest ReplicaSet of KServe's Deployment."""
    if text(pod, "metadata", "labels", LABEL) != text(workload, "metadata", "name"):
        return False
    newest = text(workload, "status", "components", "predictor", "latestCreatedRevision")
    if newest and (revision := text(pod, "metadata", "labels", "serving.knative.dev/revision")):
        return revision == newest
    return replicaset is None or owned_by(pod, replicaset)


def _restart(obj: Json) -> Command:
    """Return what replaces its pods in both modes: another controller owns the Deployment, and may undo a restart."""
    name = quote_name(text(obj, "metadata", "name"))
    return Command(" ".join(["kubectl", "delete", "pods", "-l", f"{LABEL}={name}"]) + in_namespace(obj))


def _model_status(obj: Json) -> ModelStatus | None:
    status = mapping(obj, "status", "modelStatus")
    if not status:
        return None
    active, target = (text(status, "states", name) for name in ("activeModelState", "targetModelState"))
    return ModelStatus(transition=text(status, "transitionStatus"), active=active, target=target)


KIND: Final = Kind(
    group="serving.kserve.io",
    name="InferenceService",
    resource="inferenceservices",
    version="v1beta1",
    between=("deployments", "replicasets"),
    pod_label=LABEL,
    pod_spec=_pod_spec,
    replicaset=_replicaset,
    explain=_explain,
    observed=has_status,
    is_current=_is_current,
    model_status=_model_status,
    restart=_restart,
)
