"""Jobs, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health.

Only a condition that is True counts.  Argo CD counts any, so there a Job that was resumed is healthy while it runs.
"""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command, Name
from bot.domain.reasons.pods import RunsToCompletion
from bot.domain.reasons.workloads import Condition
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, has_status, set_false
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, flag, text

_CONDITIONS: Final = {
    "Failed": HealthStatus.DEGRADED,
    "Complete": HealthStatus.HEALTHY,
    "Suspended": HealthStatus.SUSPENDED,
}


def _explain(obj: Json, _now: datetime | None) -> Answer:
    for kind, status in _CONDITIONS.items():
        found = condition(obj, kind)
        if text(found, "status") == "True":
            message = ": ".join(filter(None, (text(found, "reason"), text(found, "message"))))
            return status, Condition(type=Name(kind), message=quote(message or "True"))
    return (HealthStatus.PROGRESSING, RunsToCompletion()) if has_status(obj) else NOT_OBSERVED


def _resume(obj: Json) -> Command | None:
    """Return None once it has ended, whatever its spec says: there is nothing left to resume."""
    ended = any(text(condition(obj, kind), "status") == "True" for kind in ("Failed", "Complete"))
    return set_false(obj, "suspend") if flag(obj, "spec", "suspend") and not ended else None


KIND: Final = Kind(group="batch", name="Job", explain=_explain, observed=has_status, resume=_resume)
