"""What a kind of workload is: how to read an object's own status, and what follows from the kind alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus, ModelStatus
from bot.domain.json import Json
from bot.domain.reason import Command, Reason
from bot.domain.reasons.health import ChangeNotObserved
from bot.domain.reasons.workloads import Condition
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import mapping, number, owned_by, text

Answer: TypeAlias = tuple[HealthStatus, Reason]
"""A status, and why."""

NOT_OBSERVED: Final[Answer] = (HealthStatus.PROGRESSING, ChangeNotObserved())


def generation_observed(obj: Json) -> bool:
    """Return whether the controller has processed the latest spec, for kinds that publish `observedGeneration`."""
    generation = number(obj, "metadata", "generation")
    return generation <= number(obj, "status", "observedGeneration") and bool(mapping(obj, "status"))


def has_status(obj: Json) -> bool:
    """Return whether there is a status at all, for kinds that do not publish an observed generation."""
    return bool(mapping(obj, "status"))


def told(found: Json) -> Condition:
    """Return a condition as a reason: its message, else its reason, else its status."""
    message = text(found, "message") or text(found, "reason") or text(found, "status")
    return Condition(type=quote_name(text(found, "type")), message=quote(message))


def replicas(obj: Json) -> int:
    """Return how many pods the spec asks for."""
    return number(obj, "spec", "replicas", default=1)


def owns(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    """Return whether the workload is the pod's controller."""
    return owned_by(pod, workload)


def template_spec(workload: Json) -> Json:
    """Return the pod spec of a workload that has one template."""
    return mapping(workload, "spec", "template", "spec")


def no_replicaset(_workload: Json, _replicasets: Sequence[Json]) -> None:
    """Return None, for kinds whose pods no ReplicaSet controls."""


def kubectl(verb: str, obj: Json, *options: str) -> Command:
    """Return the command that does this to an object."""
    kind, name = text(obj, "kind").lower(), text(obj, "metadata", "name")
    return Command(" ".join([f"kubectl {verb} {kind}/{quote_name(name)}{in_namespace(obj)}", *options]))


def in_namespace(obj: Json) -> str:
    """Return the option of a command that names the object's namespace, with a space before it; empty without one."""
    namespace = text(obj, "metadata", "namespace")
    return f" -n {quote_name(namespace)}" if namespace else ""


def set_false(obj: Json, field: str) -> Command:
    """Return the command that sets a flag of the object's spec to false."""
    return kubectl("patch", obj, "--type merge", f'-p \'{{"spec":{{"{field}":false}}}}\'')


def rollout_restart(obj: Json) -> Command:
    """Return the command that replaces the pods of an object, for kinds of the API group apps."""
    return kubectl("rollout restart", obj)


def nothing_to_do(_obj: Json, _pods: Sequence[Json]) -> None:
    """Return None, for kinds whose controller waits for nobody."""


def nothing_to_create(_obj: Json, _pods: Sequence[Json]) -> bool:
    """Return False, for kinds whose controller creates no pods, or says in a condition that it could not."""
    return False


def no_restart(_obj: Json) -> None:
    """Return None, for kinds of which no pod has to be replaced: those that run to completion."""


def never_paused(_obj: Json) -> None:
    """Return None, for kinds that nobody can pause by their spec."""


def no_doubt(_obj: Json) -> None:
    """Return None, for kinds that kstatus judges as `explain` does, or wrongly."""


def no_model_status(_obj: Json) -> None:
    """Return None, for kinds that do not know of models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """A pod template that is in another object of the same namespace."""

    resource: str
    """The other object's plural name in the API."""
    name: Callable[[Json], str]
    """The other object's name, of an object of the kind; empty if it has a template of its own."""
    complete: Callable[[Json, Json], Json]
    """The object with the template, of (object, the other one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind: the rule for its health, and what `judge` needs to know to judge a rollout of it."""

    group: str
    """Its API group; empty for the core group."""
    name: str
    resource: str
    """Its plural name in the API."""
    explain: Callable[[Json, datetime | None], Answer]
    """How an object of this kind is doing.  The time is only for what counts after a while."""
    observed: Callable[[Json], bool]
    """Whether the controller has processed the latest spec; until then the rollout is progressing.

    `generation_observed` is right only for a controller that publishes `status.observedGeneration`: with any other, an
    object would be progressing forever.  For those there is `has_status`, or a function of the kind's own.
    """
    version: str = "v1"
    """The version of its API that is read."""
    between: tuple[str, ...] = ()
    """Plural names of what stands between an object and its pods, from above: a Deployment's `replicasets`."""
    pod_label: str | None = None
    """The label of a pod that names the object, for a kind whose pods are found by that and not by their owners."""
    borrowed: Borrowed | None = None
    """How the object gets its pod template, if that may be in another one."""
    pod_spec: Callable[[Json], Json] = template_spec
    """The pod spec in the object: a mapping with `containers`."""
    replicaset: Callable[[Json, Sequence[Json]], Json | None] = no_replicaset
    """The ReplicaSet of the new revision among those of the object; of a CronJob, the Job of its last run."""
    doubt: Callable[[Json], Reason | None] = no_doubt
    """What another published rule still waits for in an object that `explain` calls HEALTHY; None if nothing.

    A rollout is HEALTHY only if every published rule says so (`_by_counts` in `bot.rules.kubernetes.health`).
    """
    to_do: Callable[[Json, Sequence[Json]], Reason | None] = nothing_to_do
    """What somebody must do before the controller goes on, of (object, all its pods); None if it goes on by itself."""
    creates: Callable[[Json, Sequence[Json]], bool] = nothing_to_create
    """Whether the controller should create a pod now, of (object, its pods that are alive).

    Only for controllers that report by an event, and nothing else, that the API server refused it.
    """
    resume: Callable[[Json], Command | None] = never_paused
    """The command that resumes an object that somebody paused by its spec; None if nobody did."""
    restart: Callable[[Json], Command | None] = no_restart
    """The command that replaces all its pods: a changed ConfigMap does not.  None for a kind whose next run has it."""
    wanted: Callable[[Json], int] | None = None
    """How many ready pods of the new revision the rollout needs; None where the object names no such number.

    Only for kinds whose pods keep running: with fewer ready pods a rollout is progressing, even if `explain` says
    HEALTHY (`_by_counts` in `bot.rules.kubernetes.health`).  A completed Job has no ready pods, so with a number here
    it would be progressing forever.
    """
    model_status: Callable[[Json], ModelStatus | None] = no_model_status
    """What the object says of its model, apart from the pods."""
    is_current: Callable[[Json, Json, Json | None], bool] = owns
    """Whether a pod is of the new revision, of (pod, workload, what `replicaset` returned).

    The default counts every pod that the workload controls, those of old revisions too.  A kind that replaces its pods
    gradually, or whose pods another object controls, needs a function of its own.
    """

    @property
    def path(self) -> str:
        """Return the path of its API."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
