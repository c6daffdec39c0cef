"""DaemonSets, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.workloads import OnDelete, PodsAvailable, PodsExisting, PodsReady, PodsUpdated
from bot.rules.kubernetes.kinds.kind import (
    NOT_OBSERVED,
    Answer,
    Kind,
    generation_observed,
    rollout_restart,
    template_spec,
)
from bot.rules.kubernetes.raw import items, mapping, number, owned_by, text

TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"

_COUNTERS: Final = (
    ("updatedNumberScheduled", PodsUpdated),
    ("numberAvailable", PodsAvailable),
    ("numberReady", PodsReady),
)


def _explain(obj: Json, _now: datetime | None) -> Answer:
    status = mapping(obj, "status")
    if not generation_observed(obj):
        return NOT_OBSERVED
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return HealthStatus.HEALTHY, OnDelete()
    wanted = number(status, "desiredNumberScheduled")
    for field, pods in _COUNTERS:
        if (count := number(status, field)) < wanted:
            return HealthStatus.PROGRESSING, pods(count=count, wanted=wanted)
    return HealthStatus.HEALTHY, PodsReady(count=wanted, wanted=wanted)


def _doubt(obj: Json) -> Reason | None:
    """Return what kstatus waits for, also with the strategy OnDelete."""
    wanted = _wanted(obj)
    for field, pods in (("currentNumberScheduled", PodsExisting), *_COUNTERS):
        if (count := number(obj, "status", field)) < wanted:
            return pods(count=count, wanted=wanted)
    return None


def _wanted(workload: Json) -> int:
    return number(workload, "status", "desiredNumberScheduled")


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    """Return whether a pod has the generation of the current template; without one, it counts.

    https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/daemon/util/daemonset_util.go
    """
    generation = text(workload, "metadata", "annotations", TEMPLATE_GENERATION)
    mark = text(pod, "metadata", "labels", "pod-template-generation")
    known = bool(generation and mark)
    return owned_by(pod, workload) and (not known or mark == generation or _outlived_a_revert(pod, workload))


def _outlived_a_revert(pod: Json, workload: Json) -> bool:
    """Return whether a pod is of the template that was restored, which has a new generation since.

    The controller knows such a pod by its hash, leaves it alone, and counts it as updated.  The hash of the template is
    not in the DaemonSet, so this asks whether every pod is updated, and whether this one has the template's pin.
    """
    pins, its = _pins(template_spec(workload)), _pins(mapping(pod, "spec"))
    updated = number(workload, "status", "updatedNumberScheduled") >= _wanted(workload)
    return updated and all(its.get(name) == pin for name, pin in pins.items())


def _pins(spec: Json) -> dict[str, list[Json]]:
    """Return the variables of each container that `bot.rules.kubernetes.pruning` keeps."""
    return {
        text(c, "name"): [e for e in items(c, "env") if text(e, "name").startswith("MODEL_")]
        for c in items(spec, "containers")
    }


def _to_do(workload: Json, pods: Sequence[Json]) -> Reason | None:
    """Return that somebody must delete the old pods, with the strategy OnDelete."""
    old = [p for p in pods if owned_by(p, workload) and not _is_current(p, workload, None)]
    return OnDelete() if old and text(workload, "spec", "updateStrategy", "type") == "OnDelete" else None


def _creates(workload: Json, pods: Sequence[Json]) -> bool:
    """Return whether a node lacks its pod; until the controller has written a status, there is one node at least."""
    return len(pods) < max(_wanted(workload), 1)


KIND: Final = Kind(
    group="apps",
    name="DaemonSet",
    resource="daemonsets",
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    to_do=_to_do,
    creates=_creates,
    restart=rollout_restart,
    wanted=_wanted,
    is_current=_is_current,
)
