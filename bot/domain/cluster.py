"""The cluster: the objects of one workload at one moment, and how its rollout is going."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.target import Pin


class HealthStatus(StrEnum):
    """How the rollout of one workload is going."""

    PROGRESSING = "progressing"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"  # never a reason to roll back


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The objects of one workload at one moment, as raw JSON."""

    workload: Json
    replicasets: tuple[Json, ...] = ()
    """What owns its pods, where it does not itself: ReplicaSets, or the Jobs of a CronJob."""
    pods: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    configmaps: tuple[Json, ...] | Reason | None = None
    """Those that its pod template names; or why they are not known.  None: the pin is in none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a pod's container runs."""

    name: str
    """As the pod asks for it: `host/path:tag`, `host/path@sha256:…`."""
    id: str = ""
    """`imageID`: mostly `host/path@sha256:…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """KServe's `modelStatus` of an InferenceService."""

    transition: str
    active: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """One pod of the new revision."""

    name: str
    address: str | None
    """`ip:port` of the container that carries MODEL_STAGE, once it has one."""
    ready: bool
    restarts: int = 0
    trouble: Reason | None = None
    """Why it does not run as it should."""
    ports: tuple[tuple[str, int], ...] = ()
    """The ports that have a name; those of the container that carries MODEL_STAGE first."""
    image: Image | None = None
    """Of the container that carries MODEL_STAGE, else of the first one."""
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A verdict on a rollout, with its reason."""

    status: HealthStatus
    reason: Reason
    wanted: int = 0
    """Replicas that the workload asks for."""
    ready: int = 0
    """Ready pods of the new revision."""
    pods: tuple[PodSeen, ...] = ()
    """Pods of the new revision only."""
    pin: Pin | None = None
    """What the workload's template says now, with what it takes from ConfigMaps."""
    pending: Reason | None = None
    """Why the pods may not have the pin yet that is in a ConfigMap, or why that is not known; None: they have it."""
    patience: timedelta = timedelta(0)
    """For DEGRADED: how long this cause must last before it counts (zero: at once)."""
    lasting: tuple[Reason, ...] = ()
    """For DEGRADED: every cause that counts once it has lasted, also those that `patience` is not about."""
    culprit: str | None = None
    """The pod whose log may say more."""
    model_status: ModelStatus | None = None
    """Only of KServe's InferenceServices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A pod's answer on /model: the version that it has loaded."""

    model: str
    version: int
    digest: str | None = None
    """Digest of the model's files; None if the server does not report it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentObject:
    """Where a GitOps agent's object is: Argo CD's Application or AppProject, Flux's Kustomization or HelmRelease."""

    resource: str
    """The plural name of its kind in the API."""
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSeen:
    """What a GitOps agent says of the workload that it applies."""

    name: Name
    """Its object's kind, namespace and name."""
    applied: tuple[str, ...] = ()
    """The commits that it says it has applied: ids of 40 hexadecimal digits.  Empty: it names none."""
    waits: Reason | None = None
    """What keeps it from applying a newer one, or which it applied last; None: it says nothing."""
