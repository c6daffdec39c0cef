"""Replica counts: the arithmetic of a Deployment's rollout over its ReplicaSets.

Not here: what is written as a result (`deployments.py`).
Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/deployment/util/deployment_util.go
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.domain.json import Json

DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MOST: Final = "deployment.kubernetes.io/max-replicas"


def share(value: int | str, of: int, *, up: bool) -> int:
    """Return a number, or a percentage of another number: 25% of 3 is 1 rounded up, 0 rounded down."""
    if isinstance(value, int):
        return value
    part = int(value.rstrip("%")) * of / 100
    return math.ceil(part) if up else math.floor(part)


def fenceposts(deployment: Json) -> tuple[int, int]:
    """Return maxSurge and maxUnavailable as numbers of pods."""
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate")
    if spec["strategy"]["type"] != "RollingUpdate" or rolling is None:
        return 0, 0
    surge = share(rolling["maxSurge"], spec["replicas"], up=True)
    missing = share(rolling["maxUnavailable"], spec["replicas"], up=False)
    return surge, 1 if surge == 0 and missing == 0 else missing


def max_unavailable(deployment: Json) -> int:
    """Return maxUnavailable as a number of pods."""
    replicas: int = deployment["spec"]["replicas"]
    return min(fenceposts(deployment)[1], replicas)


def wanted(sets: Iterable[Json]) -> int:
    """Return the sum of the sets' `replicas`."""
    return sum(s["spec"]["replicas"] for s in sets)


def have(sets: Iterable[Json], count: str = "replicas") -> int:
    """Return the sum of a status field of the sets: their pods, or `readyReplicas`, `availableReplicas`."""
    return sum((s.get("status") or {}).get(count, 0) for s in sets)


def active(sets: Iterable[Json]) -> list[Json]:
    """Return the sets with `replicas` above 0."""
    return [s for s in sets if s["spec"]["replicas"] > 0]


def by_age(sets: Iterable[Json]) -> list[Json]:
    """Return the sets, the oldest first."""
    return sorted(sets, key=lambda s: (s["metadata"]["creationTimestamp"], s["metadata"]["name"]))


def new_size(deployment: Json, sets: Sequence[Json], new: Json) -> int:
    """Return the current size of the new set (`NewRSNewReplicas`)."""
    replicas, present = deployment["spec"]["replicas"], new["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return int(replicas)
    room = replicas + fenceposts(deployment)[0] - wanted(sets)
    return int(present if room <= 0 else present + min(room, replicas - present))


def unhealthy_cleanup(old: Sequence[Json], most: int) -> dict[str, int]:
    """Return new sizes for old sets, with up to `most` unavailable pods removed."""
    sizes: dict[str, int] = {}
    for each in by_age(old):
        broken = each["spec"]["replicas"] - have([each], "availableReplicas")
        fewer = min(most, broken)
        if fewer > 0:
            sizes[each["metadata"]["name"]] = each["spec"]["replicas"] - fewer
            most -= fewer
    return sizes


def scale_down(old: Sequence[Json], most: int) -> dict[str, int]:
    """Return new sizes for old sets, oldest first, with `most` pods removed in total."""
    sizes: dict[str, int] = {}
    for each in by_age(old):
        fewer = min(each["spec"]["replicas"], most)
        if fewer > 0:
            sizes[each["metadata"]["name"]] = each["spec"]["replicas"] - fewer
            most -= fewer
    return sizes


def proportional(deployment: Json, sets: Sequence[Json]) -> dict[str, int]:
    """Return new sizes for all active sets if the Deployment is scaled during a rollout."""
    replicas, surge = deployment["spec"]["replicas"], fenceposts(deployment)[0]
    add = (replicas + surge if replicas > 0 else 0) - wanted(sets)
    newest_first = list(reversed(by_age(sets)))
    ordered = sorted(newest_first if add > 0 else by_age(sets), key=lambda s: -s["spec"]["replicas"])
    sizes, added = {}, 0
    for each in ordered:
        part = _portion(deployment, each, add, added)
        sizes[each["metadata"]["name"]] = each["spec"]["replicas"] + part
        added += part
    if ordered and add != 0:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(0, sizes[first] + add - added)
    return sizes


def _portion(deployment: Json, each: Json, add: int, added: int) -> int:
    size = each["spec"]["replicas"]
    if size == 0 or add in {0, added}:
        return 0
    part, allowed = _fraction(deployment, each), add - added
    return min(part, allowed) if add > 0 else max(part, allowed)


def _fraction(deployment: Json, each: Json) -> int:
    replicas, size = deployment["spec"]["replicas"], each["spec"]["replicas"]
    if replicas == 0:
        return -int(size)
    before = annotated(each, MOST) or (deployment.get("status") or {}).get("replicas", 0) or 1
    return round_half_up(size * (replicas + fenceposts(deployment)[0]) / before) - int(size)


def round_half_up(value: float) -> int:
    """Round as Go's `integer.RoundToInt32` does."""
    return int(value + 0.5) if value >= 0 else int(value - 0.5)


def annotated(each: Json, name: str) -> int | None:
    """Return an annotation's number."""
    annotations: Mapping[str, str] = each["metadata"].get("annotations") or {}
    text = annotations.get(name, "")
    return int(text) if text.isdigit() else None
