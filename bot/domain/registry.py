"""What the registry knows: versions of models, and how two of them compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ModelVersion:
    """One numbered version of a registered model, as the registry knows it."""

    model: str
    version: int


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
    runs_code: tuple[str, ...] = ()
    """What of it is code that runs where it is loaded, in the words of the model server's MODEL_FLAVORS."""


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
    runs_code: tuple[str, ...] = ()
    """The candidate's, as its `Card` has it."""
