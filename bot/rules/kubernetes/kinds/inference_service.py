"""KServe's InferenceServices, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import AllConditionsTrue, ModelTransition, Stopped
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, has_status, told
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import is_true, items, mapping, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    conditions = items(obj, "status", "conditions")
    unready = _first_unready(conditions)
    transition = text(obj, "status", "modelStatus", "transitionStatus")
    if transition not in {"", "UpToDate", "InProgress"}:
        failure = quote(text(obj, "status", "modelStatus", "lastFailureInfo", "message"))
        detail = Told(text=failure) if failure else unready
        return HealthStatus.DEGRADED, ModelTransition(status=quote_name(transition), detail=detail)
    if is_true(obj, "Stopped"):
        return HealthStatus.SUSPENDED, Stopped()
    if unready is not None:
        return HealthStatus.PROGRESSING, unready
    if transition == "InProgress" or (transition and not conditions):
        return HealthStatus.PROGRESSING, ModelTransition(status=quote_name(transition), detail=None)
    return (HealthStatus.HEALTHY, AllConditionsTrue()) if conditions else NOT_OBSERVED


def _first_unready(conditions: list[Json]) -> Reason | None:
    """Return the condition `Ready`, else the first one that is not True; None where all are."""
    unready = [c for c in conditions if text(c, "status") != "True" and text(c, "type") != "Stopped"]
    first = min(unready, key=lambda c: text(c, "type") != "Ready", default=None)
    return told(first) if first is not None else None


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    service = mapping(pod, "metadata", "labels").get("serving.kserve.io/inferenceservice")
    return service == text(workload, "metadata", "name")


KIND: Final = Kind(
    group="serving.kserve.io", name="InferenceService", explain=_explain, observed=has_status, is_current=_is_current
)
