"""Why pods, or the ReplicaSet of a new revision, could not be created, and whether that may pass by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import PodsNotCreated, QuotaExceeded, ReplicaSetNotCreated
from bot.rules.kubernetes.events import newest_first
from bot.rules.kubernetes.passing import refused_for_now
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, mapping, text

_QUOTA: Final = "exceeded quota: "
_NOT_CREATED: Final = "FailedCreate"
_NOT_DELETED: Final = "FailedDelete"
_NO_REPLICASET: Final = "ReplicaSetCreateError"
"""https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/deployment/util/deployment_util.go"""


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


def refused_lately(workload: Json, events: Sequence[Json]) -> Reason | None:
    """Return why the latest pod was refused of a workload whose controller has no condition for that, only events.

    The controllers of StatefulSets and DaemonSets then leave even `observedGeneration` as it was.
    """
    about = {"kind": workload.get("kind"), "name": text(workload, "metadata", "name")}
    its = [e for e in newest_first(events) if about.items() <= mapping(e, "involvedObject").items()]
    refused = [_told(text(event, "message")) for event in its[:1] if text(event, "reason") == _NOT_CREATED]
    return next(iter(refused), None)


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
