"""ReplicaSets, as kstatus judges them: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, observed, replicas
from bot.rules.kubernetes.raw import condition, number, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    failure = condition(obj, "ReplicaFailure")
    if not observed(obj):
        return NOT_SEEN
    if text(failure, "status") == "True":  # kstatus' answer: a quota may be raised; `judge` says when it has lasted
        return HealthStatus.PROGRESSING, text(failure, "message") or "pods cannot be created"
    wanted = number(obj, "spec", "replicas", default=1)
    for field, word in (("fullyLabeledReplicas", "labelled"), ("availableReplicas", "available")):
        if (have := number(obj, "status", field)) < wanted:
            return HealthStatus.PROGRESSING, f"{have} of {wanted} pods are {word}"
    return HealthStatus.HEALTHY, f"{wanted} of {wanted} pods are available"


KIND: Final = Kind(group="apps", name="ReplicaSet", explain=_explain, wanted=replicas)
