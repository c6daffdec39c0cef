"""The counters in the status of a Deployment, or of an Argo Rollout.

kubectl's order, which is Argo CD's too:
https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
"""

from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reasons.workloads import OldPodsLeft, PodsAvailable, PodsCreated
from bot.rules.kubernetes.kinds.kind import Answer
from bot.rules.kubernetes.raw import mapping, number

OVERDUE: Final = "ProgressDeadlineExceeded"


def counted(obj: Json) -> Answer:
    """Return what the counters show: new pods must exist, old ones be gone, and new ones be available."""
    wanted, status = number(obj, "spec", "replicas", default=1), mapping(obj, "status")
    updated, available = number(status, "updatedReplicas"), number(status, "availableReplicas")
    if updated < wanted:
        return HealthStatus.PROGRESSING, PodsCreated(count=updated, wanted=wanted)
    if (old := number(status, "replicas") - updated) > 0:
        return HealthStatus.PROGRESSING, OldPodsLeft(count=old)
    if available < updated:
        return HealthStatus.PROGRESSING, PodsAvailable(count=available, wanted=updated, new=True)
    return HealthStatus.HEALTHY, PodsAvailable(count=available, wanted=wanted)
