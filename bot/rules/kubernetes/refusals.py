"""Why pods, or the ReplicaSet of a new revision, could not be created, and whether that may pass by itself."""

from dataclasses import dataclass
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import PodsNotCreated, QuotaExceeded, ReplicaSetNotCreated
from bot.rules.kubernetes.passing import refused_for_now
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, text

_QUOTA: Final = "exceeded quota: "
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
    _, quota, rest = message.partition(_QUOTA)
    refused = PodsNotCreated(message=quote(message or text(failure, "reason")))
    reason: Reason = QuotaExceeded(message=quote(rest)) if quota else refused
    return Refusal(reason=reason, quota=bool(quota), may_pass=refused_for_now(message))


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
