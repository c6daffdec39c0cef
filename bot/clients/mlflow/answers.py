"""The forms of MLflow's answers, as far as they are used.  Decoded leniently: numbers may come as strings.

https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/protos/service.proto and model_registry.proto
"""

import math
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

INFINITY = sys.float_info.max
"""What MLflow's SQL store keeps for an infinity."""
Number: TypeAlias = Annotated[int, Meta(ge=0, lt=1 << 31)]
"""A version's number: MLflow stores it in 32 bits."""
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Since 1970, until the end of the year 9999."""


class Pair(Struct, frozen=True):
    """A tag or a parameter."""

    key: str
    value: str = ""


class Metric(Struct, frozen=True):
    """One logged value."""

    key: str
    value: float | str = math.nan
    """Not-a-number and infinities come as the strings "NaN" and "Infinity"."""
    timestamp: int = 0


class Alias(Struct, frozen=True):
    """Where an alias points."""

    alias: str
    version: Number


class Version(Struct, frozen=True):
    """One version of a registered model."""

    name: str
    version: Number
    creation_timestamp: Milliseconds
    status: str = "READY"
    source: str = ""
    run_id: str = ""
    tags: list[Pair] = []

    @property
    def created(self) -> datetime:
        """Return when it was registered."""
        return datetime.fromtimestamp(self.creation_timestamp / 1000, UTC)


class VersionAnswer(Struct, frozen=True):
    """The answer about one version."""

    model_version: Version


class VersionsPage(Struct, frozen=True):
    """One page of a search for versions."""

    model_versions: list[Version] = []
    next_page_token: str = ""


class Model(Struct, frozen=True):
    """A registered model."""

    name: str
    latest_versions: list[Version] = []
    """The newest of each legacy stage."""
    aliases: list[Alias] = []


class ModelsPage(Struct, frozen=True):
    """One page of a search for models."""

    registered_models: list[Model] = []
    next_page_token: str = ""


class Data(Struct, frozen=True):
    """What was logged in a run or for a logged model."""

    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class RunInfo(Struct, frozen=True):
    """A run's identity."""

    run_id: str


class Run(Struct, frozen=True):
    """A training run."""

    info: RunInfo
    data: Data


class RunAnswer(Struct, frozen=True):
    """The answer about one run."""

    run: Run


class LoggedModelInfo(Struct, frozen=True):
    """A logged model's origin."""

    source_run_id: str = ""


class LoggedModel(Struct, frozen=True):
    """The model as it was logged, before it was registered under a name."""

    info: LoggedModelInfo
    data: Data = Data()


class LoggedModelAnswer(Struct, frozen=True):
    """What is answered about one logged model."""

    model: LoggedModel


def pairs(of: Iterable[Pair]) -> dict[str, str]:
    """Return tags or parameters by their key."""
    return {target.key: target.value for target in of}


def metrics(logged: Iterable[Metric]) -> dict[str, float]:
    """Return the last value of each metric that is a finite number.

    A logged model may hold several of one name, one for each data set.
    """
    values = {metric.key: _number(metric.value) for metric in sorted(logged, key=lambda metric: metric.timestamp)}
    return {key: value for key, value in values.items() if abs(value) < INFINITY}  # not-a-number compares as false


def _number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
