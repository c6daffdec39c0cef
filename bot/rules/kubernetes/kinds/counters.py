"""What the counters of a Deployment, or of a Rollout, say.

kubectl's order and words, which is Argo CD's order too:
https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go
"""

from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import Answer
from bot.rules.kubernetes.raw import mapping, number

OVERDUE: Final = "ProgressDeadlineExceeded"


def counted(obj: Json) -> Answer:
    """Return what a Deployment's counters say: kubectl's order, which is Argo CD's too."""
    wanted, status = number(obj, "spec", "replicas", default=1), mapping(obj, "status")
    updated, available = number(status, "updatedReplicas"), number(status, "availableReplicas")
    if updated < wanted:
        return HealthStatus.PROGRESSING, f"{updated} of {wanted} new pods exist"
    if (old := number(status, "replicas") - updated) > 0:
        return HealthStatus.PROGRESSING, f"{old} old {_pods(old)} still to end"
    if available < updated:
        return HealthStatus.PROGRESSING, f"{available} of {updated} new pods are available"
    return HealthStatus.HEALTHY, f"{available} of {wanted} pods are available"


def _pods(count: int) -> str:
    return "pod" if count == 1 else "pods"
