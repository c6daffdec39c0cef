"""What is released: one model on one stage, the pin that names its version, and a change of manifests."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


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
