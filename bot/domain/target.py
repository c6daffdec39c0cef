"""What is released: one model on one stage, the pin that names its version, and a change of manifests."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names"""
WORKLOAD: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names"""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """One model on one stage: the unit of release.  At most one promotion is open per target."""

    model: str
    stage: str

    @override
    def __str__(self) -> str:
        """Return the target as logs name it."""
        return f"{self.model} on {self.stage}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The pin in a manifest: its MODEL_STAGE and MODEL_VERSION (None: it pins no version)."""

    stage: str
    version: int | None
    digest: str | None = None
    """MODEL_DIGEST: the digest that the model's files must have to be loaded.  Empty: any; None: not pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A value, and where it is written: in a manifest, or in app.yaml."""

    value: str
    file: str
    line: int
    """As editors count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The files of the repository that hold a target's pin, and the workload that they describe."""

    paths: tuple[str, ...]
    namespace: str | None = None
    """None only in what release 0.1.0 stored, and for a rollback that cannot be followed (`Promotion.namespace`)."""
    workload: str | None = None
    """None: the Deployment that sets MODEL_NAME and MODEL_STAGE to the target's."""
    kind: tuple[str, str] | None = None
    """The workload's API group and kind; None where the manifests do not contain it, or release 0.1.0 stored it."""
    in_configmap: bool = False
    """The pin is in a ConfigMap, from which the workload takes its environment: those of the namespace are watched.

    False also in what was stored before they were: then the pods have to name the version.
    """
    cluster: str | None = None
    """As app.yaml names it (`bot.rules.parsing.clusters`); None: the bot's own, or a release before the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Manifests before and after, by their path in the repository."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def empty(self) -> bool:
        """Return whether no file differs: Git holds already what is wanted."""
        return self.before == self.after

    @property
    def digest(self) -> str:
        """Return what people approve: a SHA-256 over both texts of every file that differs; of all, if none does."""
        differing = [path for path in sorted(self.after) if self.empty or self.before[path] != self.after[path]]
        files = [(path, self.before[path], self.after[path]) for path in differing]
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()
