"""ReplicaSets, as kstatus judges them: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import PodsNotCreated
from bot.domain.reasons.workloads import ExtraPods, PodsAvailable, PodsLabelled, PodsReady
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, generation_observed, replicas
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, number, text

_COUNTERS: Final = (("fullyLabeledReplicas", PodsLabelled), ("availableReplicas", PodsAvailable))


def _explain(obj: Json, _now: datetime | None) -> Answer:
    failure = condition(obj, "ReplicaFailure")
    if not generation_observed(obj):
        return NOT_OBSERVED
    if text(failure, "status") == "True":  # as kstatus: a quota may be raised; `judge` decides when it has lasted
        return HealthStatus.PROGRESSING, PodsNotCreated(message=quote(text(failure, "message")))
    wanted = number(obj, "spec", "replicas", default=1)
    for field, pods in _COUNTERS:
        if (count := number(obj, "status", field)) < wanted:
            return HealthStatus.PROGRESSING, pods(count=count, wanted=wanted)
    return HealthStatus.HEALTHY, PodsAvailable(count=wanted, wanted=wanted)


def _doubt(obj: Json) -> Reason | None:
    wanted, pods, ready = replicas(obj), number(obj, "status", "replicas"), number(obj, "status", "readyReplicas")
    if ready < wanted:
        return PodsReady(count=ready, wanted=wanted)
    return ExtraPods(count=pods - wanted) if pods > wanted else None


KIND: Final = Kind(
    group="apps",
    name="ReplicaSet",
    resource="replicasets",
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    wanted=replicas,
)
