"""`python -m tests.odd_models`: register models that a server looks at twice.  Not itself a test.

Each kind becomes version 1 of a model of that name, in the registry of MLFLOW_TRACKING_URI.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

EXAMPLE = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 0.0, 1.0, 0.0]})
ANSWER = np.array([0, 1, 0, 1])
TREES = ["sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.neighbors._kd_tree.KDTree"]
FORGETFUL = """
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Forgetful(PythonModel):
    def predict(self, context, model_input, params=None):
        raise KeyError("a column that nobody sends")

set_model(Forgetful())
"""
ADJUSTABLE = """
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Adjustable(PythonModel):
    def predict(self, context, model_input, params=None):
        if (model_input["x"] < 0).any():
            raise ArithmeticError("cannot go below nothing")
        return model_input["x"] * params["factor"] + params["more"]

set_model(Adjustable())
"""
SLOW = """
import time
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Slow(PythonModel):
    def predict(self, context, model_input, params=None):
        seconds = float(model_input["seconds"].max())
        if seconds < 0:
            raise SystemExit(f"cannot go back by {seconds}")
        time.sleep(seconds)
        return model_input

set_model(Slow())
"""


def forest(**logged: Any) -> None:
    """A forest, which skops does not take for harmless by itself."""
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(EXAMPLE, ANSWER)
    mlflow.sklearn.log_model(model, skops_trusted_types=["sklearn.tree._tree.Tree"], **logged)


def pickled(**logged: Any) -> None:
    """A neighbours' vote as a pickle."""
    model = KNeighborsClassifier(1).fit(EXAMPLE, ANSWER)
    mlflow.sklearn.log_model(model, serialization_format="cloudpickle", **logged)


def untrusted(**logged: Any) -> None:
    """A pipeline that wants to be trusted with a function."""
    steps = make_pipeline(FunctionTransformer(np.nan_to_num), KNeighborsClassifier(1)).fit(EXAMPLE, ANSWER)
    mlflow.sklearn.log_model(steps, skops_trusted_types=["numpy.nan_to_num", *TREES], **logged)


def booster(**logged: Any) -> None:
    """LightGBM's own."""
    told = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 1, "min_data_in_bin": 1}
    model = lightgbm.train(told, lightgbm.Dataset(EXAMPLE, ANSWER), num_boost_round=3)
    mlflow.lightgbm.log_model(model, **logged)


def older(**logged: Any) -> None:
    """Made with another scikit-learn, it says."""
    forest(**logged | {"pip_requirements": ["scikit-learn==1.2.2"]})


def demanding(**logged: Any) -> None:
    """Requires what is not here."""
    forest(**logged | {"pip_requirements": ["scikit-learn", "no-such-project==1.0"]})


def forgetful(**logged: Any) -> None:
    """Custom code that cannot predict its own example."""
    path = Path(tempfile.mkdtemp()) / "model.py"
    path.write_text(FORGETFUL)
    mlflow.pyfunc.log_model(python_model=str(path), **logged | {"pip_requirements": ["mlflow-skinny"]})


def slow(**logged: Any) -> None:
    """Custom code that takes as many seconds as it is told, and would end the program for less than none."""
    path = Path(tempfile.mkdtemp()) / "model.py"
    path.write_text(SLOW)
    example = pd.DataFrame({"seconds": [0.0]})
    mine = {
        "input_example": example,
        "signature": infer_signature(example, example),
        "pip_requirements": ["mlflow-skinny"],
    }
    mlflow.pyfunc.log_model(python_model=str(path), **logged | mine)


def tensor(**logged: Any) -> None:
    """A neighbours' vote on arrays, which have no columns."""
    example = EXAMPLE.to_numpy()
    model = KNeighborsClassifier(1).fit(example, ANSWER)
    mine = {"input_example": example, "signature": infer_signature(example, ANSWER)}
    mlflow.sklearn.log_model(model, skops_trusted_types=TREES, **logged | mine)


def unsigned(**logged: Any) -> None:
    """A neighbours' vote without a signature, and so without an example."""
    model = KNeighborsClassifier(1).fit(EXAMPLE, ANSWER)
    mlflow.sklearn.log_model(model, skops_trusted_types=TREES, **logged | {"input_example": None, "signature": None})


def adjustable(**logged: Any) -> None:
    """Custom code that takes parameters, and raises for what is below nothing."""
    path = Path(tempfile.mkdtemp()) / "model.py"
    path.write_text(ADJUSTABLE)
    mine = {
        "signature": infer_signature(EXAMPLE, EXAMPLE["x"], params={"factor": 2.0, "more": 1}),
        "pip_requirements": ["mlflow-skinny"],
    }
    mlflow.pyfunc.log_model(python_model=str(path), **logged | mine)


KINDS: tuple[Callable[..., None], ...] = (
    forest,
    pickled,
    untrusted,
    booster,
    older,
    demanding,
    forgetful,
    slow,
    tensor,
    unsigned,
    adjustable,
)


def main() -> None:
    """Register them."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for make in KINDS:
        with mlflow.start_run():
            make(
                name="model",
                registered_model_name=make.__name__,
                input_example=EXAMPLE,
                signature=infer_signature(EXAMPLE, ANSWER),
                pip_requirements=["scikit-learn", "lightgbm"],
            )


if __name__ == "__main__":
    main()
