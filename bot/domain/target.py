"""What is released: one model on one stage, the pin that names its version, and a change of manifests."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import override


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
class Place:
    """The files of the repository that hold a target's pin, and the workload that they describe."""

    paths: tuple[str, ...]
    namespace: str | None = None
    workload: str | None = None


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
