"""KServe's InferenceServices, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, has_status
from bot.rules.kubernetes.raw import condition, items, mapping, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    conditions = items(obj, "status", "conditions")
    said = _first_unready(conditions)
    transition = text(obj, "status", "modelStatus", "transitionStatus")
    if transition not in {"", "UpToDate", "InProgress"}:
        failure = text(obj, "status", "modelStatus", "lastFailureInfo", "message")
        return HealthStatus.DEGRADED, f"{transition}: {failure or said}"
    if text(condition(obj, "Stopped"), "status") == "True":
        return HealthStatus.SUSPENDED, "stopped"
    if transition == "InProgress" or not conditions or said:
        return HealthStatus.PROGRESSING, said or transition or NOT_SEEN[1]
    return HealthStatus.HEALTHY, "every condition is True"


def _first_unready(conditions: list[Json]) -> str:
    """Return the sentence of `Ready`, else of the first condition that is not True; empty where all are."""
    unready = [c for c in conditions if text(c, "status") != "True" and text(c, "type") != "Stopped"]
    for seen in sorted(unready, key=lambda c: text(c, "type") != "Ready"):
        return f"{text(seen, 'type')}: {text(seen, 'message') or text(seen, 'reason') or text(seen, 'status')}"
    return ""


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    service = mapping(pod, "metadata", "labels").get("serving.kserve.io/inferenceservice")
    return service == text(workload, "metadata", "name")


KIND: Final = Kind(
    group="serving.kserve.io", name="InferenceService", explain=_explain, observed=has_status, is_current=_is_current
)
