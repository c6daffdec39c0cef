"""The words of `bot.domain.reasons.health`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import health as r
from bot.rules.wording.words.template import Words, plural


def _unexpected_value(reason: r.UnexpectedValue) -> str:
    path = "{path}" if reason.path else "it"
    return f"the object is malformed: {path} is {{found}}, expected type {{expected}}"


def _paused(reason: r.Paused) -> str:
    return "{name} is paused: nothing new starts until someone resumes it" + (" ({resume})" if reason.resume else "")


def _progress(reason: r.Progress) -> str:
    on = "v{version}" if reason.version is not None else "the new revision"
    pods = plural(reason.wanted, "pod")
    return f"{{ready}} of {{wanted}} {pods} on {on}" + ("; {detail}" if reason.detail is not None else "")


def _no_progress(reason: r.NoProgress) -> str:
    cause = "{cause}; " if reason.cause is not None else ""
    return cause + "no progress for {deadline} ({progress})"


def _pod_failing(reason: r.PodFailing) -> str:
    return "pod {pod}: {trouble}" + (f" (and {{more}} more {plural(reason.more, 'pod')})" if reason.more else "")


def _pods_ended(reason: r.PodsEnded) -> str:
    more = f" (and {{more}} more {plural(reason.more, 'pod')})" if reason.more else ""
    return "pod {pod} ended with {reason}" + (": {message}" if reason.message else "") + more


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.UnexpectedValue: _unexpected_value,
    r.Deleting: lambda reason: "{name} is being deleted" if reason.name else "the object is being deleted",
    r.Paused: _paused,
    r.ChangeNotObserved: "Kubernetes has not processed the latest change yet",
    r.ReplicaSetMissing: "the ReplicaSet of the new revision has not been created yet",
    r.ReplicaSetNotCreated: lambda reason: (
        "the ReplicaSet of the new revision cannot be created" + (": {message}" if reason.message else "")
    ),
    r.Progress: _progress,
    r.NoProgress: _no_progress,
    r.PodFailing: _pod_failing,
    r.SeveralCauses: "{causes:3}",
    r.PodsEnded: _pods_ended,
    r.NextRun: "{name} takes the version with its next run, of the schedule {schedule}",
    r.NoPodLeft: "none of the pods that completed the rollout is left",
    r.ScaledToZero: "{name} is scaled to 0 pods: nothing runs until someone, or an autoscaler, asks for more",
    r.NoNode: "no node is eligible for the pods of {name}: nothing runs until there is one",
    r.QuotaExceeded: "quota exceeded: {message}",
    r.PodsNotCreated: lambda reason: "pods cannot be created" + (": {message}" if reason.message else ""),
}
