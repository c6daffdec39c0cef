"""Jobs, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health.

Only a condition that is True counts.  Argo CD counts any, so there a Job that was resumed is healthy while it runs.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command
from bot.domain.reasons.pods import RunsToCompletion
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, has_status, set_false, told
from bot.rules.kubernetes.raw import condition, flag, is_true

_CONDITIONS: Final = {
    "Failed": HealthStatus.DEGRADED,
    "Complete": HealthStatus.HEALTHY,
    "Suspended": HealthStatus.SUSPENDED,
}


def _explain(obj: Json, _now: datetime | None) -> Answer:
    for kind, status in _CONDITIONS.items():
        if is_true(obj, kind):
            return status, told(condition(obj, kind))
    return (HealthStatus.PROGRESSING, RunsToCompletion()) if has_status(obj) else NOT_OBSERVED


def _creates(obj: Json, pods: Sequence[Json]) -> bool:
    return not pods and not any(is_true(obj, kind) for kind in _CONDITIONS)


def _resume(obj: Json) -> Command | None:
    """Return None once it has ended, whatever its spec says: there is nothing left to resume."""
    ended = any(is_true(obj, kind) for kind in ("Failed", "Complete"))
    return set_false(obj, "suspend") if flag(obj, "spec", "suspend") and not ended else None


KIND: Final = Kind(
    group="batch",
    name="Job",
    resource="jobs",
    explain=_explain,
    observed=has_status,
    creates=_creates,
    resume=_resume,
)
