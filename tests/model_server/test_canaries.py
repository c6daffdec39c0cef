"""A model that is declared to be data runs nothing, whatever its MLmodel says and whatever stands in its folder.

The real loaders load thousands of forged models, in which a canary stands wherever a file may stand.  `make test` loads
some hundred, `CHAOS=full` thousands.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, seed, settings

from callboard_model_server.__main__ import DATA_ONLY
from callboard_model_server.refusals import MAX_LINE
from tests.chaos.extent import FULL, SEED, figure
from tests.model_server import canaries, forged_skops
from tests.model_server.forged_documents import DATA, GOOD, OUTSIDE, anything, led_elsewhere, plain
from tests.model_server.trees import Forged, models
from tests.paths import ROOT

EXAMPLES: Final = 6000 if FULL else 400
CONTROLS: Final = 500 if FULL else 100
ENDS: Final = {0, 65, 70, 78, 79, 80}
"""Exit codes; 0 where the model is served."""
PYTHON: Final = (sys.executable, "-W", "ignore")
PICKLES: Final = {"pickle", "cloudpickle", "joblib"}
SECOND: Final = b"flavors:\n  sklearn: {serialization_format: pickle}\n  lightgbm: {model_class: x, data: model.pkl}\n"
TRAINED: Final = """
import sys, lightgbm, numpy as np, skops.io
from pathlib import Path
from random import Random
from sklearn.neighbors import KNeighborsClassifier
x, y = np.array([[1.0, 1], [2, 0], [3, 1], [4, 0]]), np.array([0, 1, 0, 1])
told = {"min_child_samples": 1, "min_data_in_bin": 1, "verbose": -1}
skops.io.dump(KNeighborsClassifier(1, algorithm="brute").fit(x, y), "model.skops")
lightgbm.train(told | {"objective": "binary"}, lightgbm.Dataset(x, y), 2).save_model("model.lgb")
skops.io.dump(lightgbm.LGBMClassifier(n_estimators=2, **told).fit(x, y), "wrapped.skops")
"""


QUIET: Final[dict[str, Any]] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
"""The examples take as long as loading a model takes, and come from the seed alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """A process that loads models."""

    process: subprocess.Popen[str]
    contents: dict[str, bytes]
    folder: Path

    def load(self, model: Forged, way: str = "default") -> dict[str, Any]:
        """Write a model, and return what came of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with model.written(self.folder, self.contents) as path:
            self.process.stdin.write(json.dumps({"path": str(path), "way": way}) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, f"the process ended: {model.document}"
        outcome: dict[str, Any] = json.loads(answer)
        return outcome


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what may stand in a file: models that are good, and canaries."""
    folder = tmp_path_factory.mktemp("trained")
    subprocess.run([*PYTHON, "-c", TRAINED + canaries.LIBRARIES], cwd=folder, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    return written | canaries.kinds() | forged_skops.files() | {"second": SECOND}


@contextmanager
def started(folder: Path, contents: dict[str, bytes], **more: str) -> Iterator[Loads]:
    """Yield a process that loads models."""
    told = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    told |= {canaries.VARIABLE: str(folder / "ran"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    told |= {"PYTHONDONTWRITEBYTECODE": "1", **more}  # or else a module that is imported adds to its model
    command = [*PYTHON, "-m", "tests.model_server.loads"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    with process:
        yield Loads(process=process, contents=contents, folder=folder)
        process.kill()


@pytest.fixture(scope="module")
def loads(contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loads]:
    with started(tmp_path_factory.mktemp("loads"), contents) as loads:
        yield loads


def model(flavors: Mapping[str, Any], **settings: Mapping[str, Any]) -> Forged:
    """Return a model of these flavors with some settings changed, good files, and canaries in all other places."""
    said = {name: {**flavors.get(name, {}), **settings.get(name, {})} for name in flavors.keys() | settings.keys()}
    return Forged(document=plain({"flavors": said}), files={name: name for name in GOOD})


ATTACKS: Final = {
    "data below": "inner/model.pkl",
    "a good name below": "inner/model.skops",
    "an absolute path": f"{OUTSIDE}/model.pkl",
    "the folder above": "../outside/model.pkl",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_data_that_mlflow_would_take_for_a_pickle_is_refused(loads: Loads, attack: str) -> None:
    forgery = model(DATA["model.skops"], python_function={"data": ATTACKS[attack]})
    assert loads.load(forgery, "believed")["ran"] == ["pickle"], "MLflow believes it, and unpickles"
    outcome = loads.load(forgery)
    assert (outcome["code"], outcome["ran"]) == (79, [])
    assert "not a file directly beside its MLmodel" in outcome["said"]


def test_what_mlflows_loaders_would_unpickle_they_refuse_in_a_server_of_data_alone(
    contents: dict[str, bytes], tmp_path: Path
) -> None:
    forgery = model(DATA["model.skops"], python_function={"data": "inner/model.pkl"})
    with started(tmp_path, contents, **DATA_ONLY) as loads:
        outcome = loads.load(forgery, "believed")
        assert outcome["ran"] == []
        assert "MLFLOW_ALLOW_PICKLE_DESERIALIZATION" in outcome["said"]
        assert loads.load(model(DATA["model.skops"]))["code"] == 0, "skops itself needs no such leave"


@pytest.mark.parametrize("name", GOOD)
def test_a_good_model_is_served_from_among_canaries(loads: Loads, name: str) -> None:
    outcome = loads.load(model(DATA[name]))
    assert (outcome["code"], outcome["said"], outcome["ran"]) == (0, "", [])


def test_a_file_that_changes_after_it_was_inspected_is_not_loaded(loads: Loads) -> None:
    outcome = loads.load(model(DATA["model.skops"]), "swapped")
    assert (outcome["code"], outcome["ran"]) == (65, [])
    assert "'model.skops' changed after it was inspected" in outcome["said"]


def test_nothing_that_only_looks_like_skops_runs_unless_its_types_are_trusted(loads: Loads) -> None:
    document = plain({"flavors": DATA["model.skops"]})
    ran: Counter[str] = Counter()
    for kind in forged_skops.files():
        forgery = Forged(document=document, files={"model.skops": kind})
        outcome = loads.load(forgery)
        assert outcome["ran"] == [], kind
        assert outcome["code"] in ENDS, outcome["said"]
        ran.update(loads.load(forgery, "trusting")["ran"])
    assert min(ran["skops"], ran["pickle"]) > 0, "some of them do run where skops is told to trust their types"
    assert ran["npy"] == 0, "but none that is a pickled array"


def test_what_is_admitted_is_what_mlflow_would_open_itself(loads: Loads) -> None:
    ends: Counter[int] = Counter()

    @seed(SEED)
    @settings(max_examples=CONTROLS, **QUIET)
    @given(models(anything))
    def compared(forgery: Forged) -> None:
        outcome = loads.load(forgery, "compared")
        ends[outcome["code"]] += 1
        assert (outcome["code"] in ENDS, outcome["ran"]) == (True, []), outcome["said"]

    compared()
    figure(f"admitted of {CONTROLS} models, and opened by MLflow as they were", ends[0], "models", CONTROLS)
    assert ends[0] > CONTROLS / 10


@pytest.mark.parametrize(
    ("way", "document", "kinds"),
    [("believed", led_elsewhere, PICKLES), ("named", anything, {*PICKLES, "module"})],
)
def test_the_same_canaries_run_where_a_model_is_believed_or_code_is_allowed(
    loads: Loads, way: str, document: Callable[[Random], str], kinds: set[str]
) -> None:
    """The control: where these do not run, the next test shows nothing."""
    ran: Counter[str] = Counter()

    @seed(SEED)
    @settings(max_examples=CONTROLS, **QUIET)
    @given(models(document))
    def control(forgery: Forged) -> None:
        ran.update(kinds & set(loads.load(forgery, way)["ran"]))

    control()
    figure(f"canaries that ran, of {CONTROLS} models, where a model is {way}", ran.total(), "canaries", CONTROLS)
    assert PICKLES & ran.keys()
    assert "module" in ran or "module" not in kinds


@pytest.mark.timeout(3600 if FULL else 180)
def test_no_canary_runs_whatever_a_model_says_and_whatever_is_in_it(loads: Loads) -> None:
    ends: Counter[int] = Counter()
    ran: list[str] = []
    seen = set()

    @seed(SEED)
    @settings(max_examples=EXAMPLES, **QUIET)
    @given(models(anything) | models(led_elsewhere))
    def loaded(forgery: Forged) -> None:
        outcome = loads.load(forgery)
        seen.add((forgery.document, forgery.kind, *forgery.files.items(), *forgery.links))
        ends[outcome["code"]] += 1
        ran.extend(outcome["ran"])
        assert outcome["ran"] == []
        assert outcome["code"] in ENDS, outcome["said"]
        assert bool(outcome["said"]) == (outcome["code"] != 0)
        assert "\n" not in outcome["said"]
        assert len(outcome["said"]) <= MAX_LINE + len(" …")

    began = time.monotonic()
    try:
        loaded()
    finally:
        figure("forged models loaded", ends.total(), "models", EXAMPLES)
        figure("different ones among them", len(seen), "models", EXAMPLES)
        figure("time for them", time.monotonic() - began, "s", 0.3 * EXAMPLES)
        figure("canaries that ran", len(ran), "canaries", 0)
        for code, count in sorted(ends.items()):
            figure(f"forged models that ended with {code}", count, "models", EXAMPLES)
    assert len(seen) > 0.9 * EXAMPLES
    assert {0, 65, 70, 78, 79} <= ends.keys(), "each of these ends was seen, or too little was tried"
    assert min(ends[0], ends[79]) > EXAMPLES / 10
