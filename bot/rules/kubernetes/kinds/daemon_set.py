"""DaemonSets, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, observed
from bot.rules.kubernetes.raw import mapping, number, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    status = mapping(obj, "status")
    if not observed(obj):
        return NOT_SEEN
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return HealthStatus.HEALTHY, "pods are renewed when somebody deletes them (OnDelete)"
    wanted = number(status, "desiredNumberScheduled")
    for field, word in (("updatedNumberScheduled", "new"), ("numberAvailable", "available"), ("numberReady", "ready")):
        if (have := number(status, field)) < wanted:
            return HealthStatus.PROGRESSING, f"{have} of {wanted} pods are {word}"
    return HealthStatus.HEALTHY, f"{wanted} of {wanted} pods are ready"


def _wanted(workload: Json) -> int:
    return number(workload, "status", "desiredNumberScheduled")


KIND: Final = Kind(group="apps", name="DaemonSet", explain=_explain, wanted=_wanted)
