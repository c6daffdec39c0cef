"""What the registry knows: versions of models, and how two of them compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ModelVersion:
    """One numbered version of a registered model, as the registry knows it."""

    model: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetails:
    """What the registry knows about one version, without loading it."""

    what: ModelVersion
    ready: bool = True
    """The registry has all artifacts (status READY)."""
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
    runs_code: tuple[str, ...] = ()
    """The parts of it that are code and run where it is loaded, as the model server's MODEL_FLAVORS names them."""


class Compatibility(StrEnum):
    """Whether callers of the live version can call the candidate."""

    SAME = "same"
    COMPATIBLE = "compatible"
    BREAKING = "breaking"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a candidate differs from the live version."""

    metrics: tuple[tuple[str, float | None, float | None], ...] = ()
    """(name, live, candidate), in the order of the names; None where one side has not logged it."""
    signature: Compatibility = Compatibility.UNKNOWN
    signature_changes: tuple[Reason, ...] = ()
    requirements: tuple[Reason, ...] = ()
    """One for each dependency that differs."""
    runs_code: tuple[str, ...] = ()
    """As in the candidate's `VersionDetails`."""
