"""Registration of a trained model in MLflow: one run, one logged model, one registered version.

Imported only by the training process.  It logs what a careful team would log: the signature, an input example, pinned
requirements, the commit, the digest of the data, and who trained it.
"""

import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature

from callboard_demo.training.lessons import Candidate, Lesson

WORDS = (
    ("amber", "brisk", "cobalt", "dusky", "frosty", "hollow", "ivory", "lunar", "mossy", "rusty", "silent", "velvet"),
    (
        "badger",
        "comet",
        "falcon",
        "gecko",
        "heron",
        "lantern",
        "marmot",
        "otter",
        "pebble",
        "raven",
        "thistle",
        "walrus",
    ),
)
BROKEN = '''"""A model that cannot be loaded: what a bad upload looks like to a server."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Corrupt(PythonModel):
    def load_context(self, context):
        raise RuntimeError("weights are corrupt: {word}")

    def predict(self, context, model_input, params=None):
        return model_input


set_model(Corrupt())
'''


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Version:
    """A version to register."""

    model: str
    candidate: Candidate
    quality: str
    person: str
    whole: bool
    extra: tuple[str, ...]
    word: str | None = None
    """For a broken version: the word in its exception."""


def some_word() -> str:
    """Return a word that nobody can guess: "brisk-otter-3f"."""
    return "-".join((*(secrets.choice(words) for words in WORDS), secrets.token_hex(1)))


def register(version: Version, learned: Lesson, *, metrics_first: bool) -> tuple[int, Callable[[], None]]:
    """Register a version; return its number, and a function that logs its metrics unless that is already done."""
    mlflow.set_experiment(version.model)
    with mlflow.start_run(tags=_tags(version, learned)) as run:
        mlflow.log_params({"smoothing": version.candidate.smoothing, "rows": version.candidate.rows})
        if metrics_first:
            _log_metrics(run.info.run_id, version)
        number = int(_log(version, learned).registered_model_version)

    def later() -> None:
        if not metrics_first:
            _log_metrics(run.info.run_id, version)

    return number, later


def _log_metrics(run: str, version: Version) -> None:
    measured = version.candidate
    mlflow.log_metrics({"accuracy": round(measured.accuracy, 4), "log_loss": round(measured.loss, 4)}, run_id=run)


def _tags(version: Version, learned: Lesson) -> dict[str, str]:
    tags = {
        "mlflow.user": version.person,
        "mlflow.source.git.commit": secrets.token_hex(20),
        "trained_by": version.person,
        "dataset_digest": learned.data.digest,
        "demo.quality": version.quality,
        "demo.answer": pd.Series(version.candidate.answer).to_json(orient="values"),
    }
    return tags if version.word is None else tags | {"demo.word": version.word}


def _log(version: Version, learned: Lesson) -> Any:
    example = learned.example.astype("int64" if version.whole else "float64")
    answers = pd.DataFrame({learned.data.target: version.candidate.answer})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the warning that integers cannot be missing is expected here
        signature = infer_signature(example, answers)
    logged = {
        "name": "model",
        "registered_model_name": version.model,
        "signature": signature,
        "input_example": example,
        "pip_requirements": _requirements(version),
        "await_registration_for": None,
    }
    if version.word is None:
        return mlflow.sklearn.log_model(version.candidate.model, **logged)
    with TemporaryDirectory() as folder:
        code = Path(folder) / "model.py"
        code.write_text(BROKEN.format(word=version.word))
        return mlflow.pyfunc.log_model(python_model=str(code), **logged)


def _requirements(version: Version) -> list[str]:
    """Return what the server needs, pinned to the versions it was trained with."""
    names = ("mlflow-skinny", "numpy", "scikit-learn", "skops", *version.extra)
    return [f"{name}=={installed(name)}" for name in sorted(names)]
