"""The words of this program for what is out there, as data; the promotion and its story are in `bot/promotion.py`.

Every other module speaks in these types.  They hold no behaviour beyond what follows from their own
fields, do no I/O, and never change once made.  Slack, MLflow, GitHub and Kubernetes each have names of
their own for these things; the clients translate at the border, so that the inside speaks one language.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""An object of the outside world, as its JSON was read."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ModelVersion:
    """One numbered version of a registered model, as the registry knows it."""

    model: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pair:
    """One model on one stage: the unit of release.  At most one promotion is open per pair."""

    model: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a manifest holds: its MODEL_STAGE and MODEL_VERSION (None: the manifest names none)."""

    stage: str
    version: int | None
    digest: str | None = None
    """MODEL_DIGEST: what the server's files must be before it loads them.  Empty: anything; None: not pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Manifests before and after, by their path in the repository."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Return what people approve: a SHA-256 over both texts of every file that differs."""
        files = [(p, self.before[p], self.after[p]) for p in sorted(self.after) if self.before[p] != self.after[p]]
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()


# ── the registry ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known of one version without loading it."""

    what: ModelVersion
    ready: bool = True
    """The registry has the artifacts whole (status READY)."""
    created: datetime | None = None
    run: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    run_tags: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[tuple[str, str, bool], ...] | None = None
    """The signature's input columns: (name, type, required); None where no signature was logged."""
    outputs: tuple[tuple[str, str, bool], ...] | None = None
    requirements: tuple[str, ...] = ()
    """The lines of requirements.txt."""
    size: int | None = None
    """The model's artifacts, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against live, as sentences and numbers that a person reads in a minute."""

    metrics: tuple[tuple[str, float | None, float | None], ...] = ()
    """(name, live, candidate), in the order of the names; None where one side has not logged it."""
    signature: str = "unknown"
    """`same`, `compatible`, `breaking` or `unknown`."""
    signature_changes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    """One sentence for each dependency that differs: "scikit-learn 1.5.0 → 1.6.1"."""


# ── the forge ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The head of the branch that the cluster follows."""

    commit: str
    tree: str


class PullState(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A change as the forge holds it: open for review at one exact commit."""

    number: int
    url: str
    state: PullState
    head: str
    """The commit its branch points at now."""
    merge_commit: str | None = None
    mergeable: bool | None = None
    """None while the forge has not worked it out."""
    behind: bool = False
    """The forge wants the branch to stand on the newest base before it merges it."""
    withheld: bool = False
    """The forge lets nobody merge it yet: a check or a review is missing, or it is a draft."""


# ── the cluster ──────────────────────────────────────────────────────────────────────────────────────


class HealthStatus(StrEnum):
    """How the rollout of one workload is going."""

    PROGRESSING = "progressing"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"  # never rolls anything back


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The objects of one workload as the cluster showed them at one moment, as raw JSON."""

    workload: Json
    replicasets: tuple[Json, ...] = ()
    pods: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """One pod of the new revision."""

    name: str
    address: str | None
    """`ip:port` of the container that carries MODEL_STAGE, once it has one."""
    ready: bool
    restarts: int = 0
    trouble: str | None = None
    """Why it does not run: "CrashLoopBackOff (exit code 1, 3 restarts)"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A verdict on a rollout, with the cause named."""

    status: HealthStatus
    because: str
    wanted: int = 0
    """Replicas that the workload asks for."""
    ready: int = 0
    """Ready pods of the new revision."""
    pods: tuple[PodSeen, ...] = ()
    """Pods of the new revision only."""
    pin: Pin | None = None
    """What the workload's template says now."""
    patience: timedelta = timedelta(0)
    """For DEGRADED: how long this cause must last before it counts (zero: at once)."""
    culprit: str | None = None
    """The pod whose log would tell more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What one pod answers on /model: the version that it has really loaded."""

    model: str
    version: int
    digest: str | None = None
    """Of the model's files; None where the server does not say."""


# ── the chat ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one Slack message shows: the fallback text and the blocks."""

    text: str
    blocks: tuple[Json, ...] = ()
    aloud: bool = False
    """As the answer to a command: the whole channel sees it, not only who asked."""

    @property
    def hash(self) -> str:
        """Return what tells one rendering from another."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message stands: channel id and timestamp, which together name it."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the chat says about one user id."""

    id: str
    name: str
    entitled: bool = True
    """False for bots, guests, deactivated people and people of a foreign workspace: they approve nothing."""
