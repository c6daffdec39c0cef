"""Why pods, or the ReplicaSet of a new revision, could not be created, and whether that may pass by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import PodsNotCreated, QuotaExceeded, ReplicaSetNotCreated
from bot.domain.reasons.pods import PodWarning
from bot.rules.kubernetes.events import event_time
from bot.rules.kubernetes.passing import refused_for_now
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, mapping, moment, text

_QUOTA: Final = "exceeded quota: "
_NOT_CREATED: Final = "FailedCreate"
_CREATED: Final = "SuccessfulCreate"
_NOT_DELETED: Final = "FailedDelete"
_NO_REPLICASET: Final = "ReplicaSetCreateError"
"""https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/deployment/util/deployment_util.go"""

LAST_TRY: Final = timedelta(minutes=20)
"""How old the event of a controller's last try may be: it tries again after 1,000 seconds at most.

https://github.com/kubernetes/client-go/blob/master/util/workqueue/default_rate_limiters.go
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the API server refused."""

    reason: Reason
    quota: bool
    """A resource quota is used up."""
    may_pass: bool
    """The API server may accept the same object later."""


def pods_refused(owner: Json) -> Refusal | None:
    """Return why the API server refused pods; `owner` has the condition ReplicaFailure."""
    failure = condition(owner, "ReplicaFailure")
    if text(failure, "status") != "True" or text(failure, "reason") == _NOT_DELETED:
        return None
    message = text(failure, "message")
    reason = _told(message or text(failure, "reason"))
    return Refusal(reason=reason, quota=_QUOTA in message, may_pass=refused_for_now(message))


def refused_lately(owner: Json, pods: Sequence[Json], events: Iterable[Json], now: datetime) -> Refusal | None:
    """Return why the API server refused the latest pod of an owner whose controller has no condition for that.

    The controllers of StatefulSets and DaemonSets then leave even `observedGeneration` as it was.  `pods` are all of
    the owner's.  Events are of whole seconds, so that a pod of the same second counts as created afterwards.
    """
    tries = [e for e in _about(owner, events) if text(e, "reason") in {_NOT_CREATED, _CREATED}]
    latest = max(tries, key=lambda e: (event_time(e), text(e, "reason") == _CREATED), default={})
    created = [moment(pod, "metadata", "creationTimestamp") for pod in pods]
    if text(latest, "reason") != _NOT_CREATED or now - event_time(latest) > LAST_TRY:
        return None
    if any(time is not None and time >= event_time(latest) for time in created):
        return None
    message = text(latest, "message")
    return Refusal(reason=_told(message), quota=_QUOTA in message, may_pass=refused_for_now(message))


def warned_lately(owner: Json, events: Iterable[Json], now: datetime) -> Refusal | None:
    """Return the newest event about an owner of which nothing came to be, if it is a warning."""
    latest = max(_about(owner, events), key=event_time, default={})
    if text(latest, "type") != "Warning" or now - event_time(latest) > LAST_TRY:
        return None
    warning = PodWarning(reason=quote_name(text(latest, "reason")), message=quote(text(latest, "message")))
    return Refusal(reason=warning, quota=False, may_pass=True)


def _about(owner: Json, events: Iterable[Json]) -> list[Json]:
    """Return the events about an object; those of an earlier one of that name have another uid."""
    of = {"kind": owner.get("kind"), "name": text(owner, "metadata", "name")}
    uids = {"", text(owner, "metadata", "uid")}
    its = [event for event in events if of.items() <= mapping(event, "involvedObject").items()]
    return [event for event in its if text(event, "involvedObject", "uid") in uids]


def _told(message: str) -> Reason:
    _, quota, rest = message.partition(_QUOTA)
    return QuotaExceeded(message=quote(rest)) if quota else PodsNotCreated(message=quote(message))


def replicaset_refused(deployment: Json) -> Refusal | None:
    """Return why the ReplicaSet of the new revision could not be created, which only the Deployment says.

    The controller then leaves `observedGeneration` as it was.
    """
    progressing = condition(deployment, "Progressing")
    if text(progressing, "reason") != _NO_REPLICASET:
        return None
    message = text(progressing, "message")
    reason = ReplicaSetNotCreated(message=quote(message))
    return Refusal(reason=reason, quota=_QUOTA in message, may_pass=refused_for_now(message))
