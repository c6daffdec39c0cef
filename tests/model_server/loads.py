"""`python -m tests.model_server.loads`: load models as the server does, one after the other, and say what came of each.

Not itself a test.  It is a process of its own, because a canary that runs may do anything to it.  It reads a line of
JSON for each model ({"path", "way"}) and writes one ({"code", "said", "ran"}).
"""

import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml
from mlflow.pyfunc.scoring_server import load_model_with_mlflow_config
from skops import io

from callboard_model_server import loading, mlmodel, trust
from callboard_model_server.inspection import inspect
from callboard_model_server.predicting import Predictor
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Demands
from tests.model_server.canaries import VARIABLE

DEFAULT: Final = Demands(digest=None, flavors=trust.DATA, types=frozenset(), strict=False)
PICKLES: Final = {f"{flavor}:{form}" for flavor in trust.DATA for form in ("pickle", "cloudpickle")}
NAMED: Final = Demands(digest=None, flavors=trust.DATA | PICKLES | {trust.CODE}, types=frozenset(), strict=False)
EXAMPLE: Final = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.0, 2.0]]}}).encode()


def default(path: Path) -> None:
    """As a server that is told nothing."""
    _served(path, DEFAULT)


def named(path: Path) -> None:
    """As a server whose MODEL_FLAVORS names everything."""
    _served(path, NAMED)


def believed(path: Path) -> None:
    """As it was once: what MLmodel declares is judged, and MLflow loads whatever that leads it to."""
    model = mlmodel.read((path / mlmodel.NAME).read_bytes())
    trust.judge(model.flavors, allowed=trust.DATA, types=frozenset())
    load_model_with_mlflow_config(str(path))


def trusting(path: Path) -> None:
    """As a server that trusts whatever type is in the file."""
    with (path / "model.skops").open("rb") as file:
        io.load(file, trusted=io.get_untrusted_types(file=file))


def compared(path: Path) -> None:
    """As MLflow loads what is admitted: it must not open anything else of the model."""
    _, admitted = inspect(path, DEFAULT)
    said = yaml.safe_load((path / mlmodel.NAME).read_text())
    _OPENED.clear()
    with suppress(Exception):  # what is admitted may still be no model
        load_model_with_mlflow_config(str(path))
    example = said.get("saved_input_example_info")  # which is read as JSON, for MLflow's own display
    others = {mlmodel.NAME, "requirements.txt", *([example.get("artifact_path")] if isinstance(example, dict) else [])}
    inside = {Path(each).relative_to(path).as_posix() for each in _OPENED if Path(each).is_relative_to(path)}
    assert inside <= {admitted.file, *others}, inside
    if admitted.file not in inside:
        raise Refusal(Exit.SOFTWARE, "MLflow gave up before it opened it")


_OPENED: Final[list[str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        _OPENED.append(arguments[0])


def swapped(path: Path) -> None:
    """As a server whose file is exchanged between its inspection and its loading."""
    _, admitted = inspect(path, DEFAULT)
    (path / admitted.file).write_bytes((path / "inner" / "model.pkl").read_bytes())
    loading.load(path, admitted)


def _served(path: Path, demands: Demands) -> None:
    _, admitted = inspect(path, demands)
    model = loading.load(path, admitted)
    loading.rehearse(model, path)
    Predictor(model).answer(EXAMPLE, "application/json")


WAYS: Final = {way.__name__: way for way in (default, named, believed, compared, trusting, swapped)}


def outcome(path: Path, way: str) -> dict[str, Any]:
    """Return the exit code, why, and which canaries ran; 0 where it is served, 1 where nobody foresaw how it failed."""
    said = Path(os.environ[VARIABLE])
    said.write_text("")
    before, modules = list(sys.path), set(sys.modules)
    try:
        WAYS[way](path)
        code, why = 0, ""
    except Refusal as refusal:
        code, why = int(refusal.code), str(refusal)
    except BaseException:  # noqa: BLE001 - a canary, or a fault that the test is to show
        code, why = 1, traceback.format_exc()
    led = [f"sys.path leads to {where}" for where in sys.path if where not in before]
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(path.parent)):
            del sys.modules[name]
    return {"code": code, "said": why, "ran": [*said.read_text().splitlines(), *led]}


def main() -> None:
    """Answer for each line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a model prints is no answer
    sys.addaudithook(_note)
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(outcome(Path(asked["path"]), asked["way"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
