"""MLmodel documents that somebody forged: what MLflow writes, with a few things changed, written in one of many ways.

Not itself a test.
"""

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any, Final

import yaml

from callboard_model_server.trust import TYPES
from tests.model_server.canaries import MODULE

OUTSIDE: Final = "OUTSIDE"
"""Stands for the absolute path of a folder beside the model's."""
GOOD: Final = ("model.skops", "model.lgb", "wrapped.skops")
"""Files that are written as they must be."""
NAMES: Final = (
    "model.skops", "model.lgb", "model.pkl", "model.joblib", "model", "data", "python_model.pkl", "MLmodel.pkl",
    "model.ѕkops", "model.skops ", "MODEL.SKOPS", ".model.skops", "-model", "model\n.skops", "cafe\u0301.skops",
    "caf\u00e9.skops", "registered_model_meta", "weights.npy",
)  # fmt: skip
"""Of files that hold a canary."""

Said = dict[Any, Any]
Choices = tuple[Any, ...]
PATHS: Final[Choices] = (
    *NAMES, *GOOD, "inner/model.skops", "inner/model.pkl", "inner/deeper/model.pkl", "code/model.pkl", "inner",
    "inner/", "code", "", ".", "./", "..", "./model.skops", "./model.pkl", "model.skops/", "model.pkl/",
    "//model.skops", "/", "inner/../model.pkl", "inner//model.pkl", "../outside/model.pkl", "../outside",
    "OUTSIDE/model.pkl", "OUTSIDE", "OUTSIDE/", "file://OUTSIDE/model.pkl", "model.skops\0", "model.pkl\0.skops",
    "~/model.pkl", "MLmodel", "inner/MLmodel", "model.skops.d/model.pkl", "runs:/1/model", "models:/m/1",
    "\u2024\u2024/outside/model.pkl", "mlflow-artifacts:/1",
)  # fmt: skip
ELSEWHERE: Final[Choices] = (
    "inner/model.pkl", "inner/model.skops", "inner//model.pkl", "./inner/deeper/model.pkl", "artifacts/data",
    "inner/../code/model.skops", "model.skops.d/model.pkl", "OUTSIDE/model.pkl", "../outside/model.pkl",
)  # fmt: skip
"""Those of them at which a canary stands, and no MLmodel."""
JUNK: Final[Choices] = (
    None, True, 0, -1, 1.5, "", "x", [], ["x"], {}, {"a": {"b": 1}}, "2026-01-01", "!!binary x", "é" * 300,
)  # fmt: skip
FUNCTIONS: Final[Choices] = (
    "predict", "predict_proba", "score", "get_raw_model", "__init__", "sklearn_model", "__class__", None, ["x"],
)  # fmt: skip
FORMATS: Final[Choices] = (
    "skops", "pickle", "cloudpickle", "joblib", "SKOPS", "skops ", "ѕkops", "", None, ["skops"], {"skops": 1}, True,
)  # fmt: skip
LOADERS: Final[Choices] = (
    "mlflow.sklearn", "mlflow.lightgbm", "mlflow.pyfunc.model", "mlflow.xgboost", "mlflow.pytorch", "mlflow",
    "mlflow.statsmodels", "mlflow.pyfunc.loaders.code_model", "sklearn", "lightgbm", "skops.io", "pickle", "joblib",
    "cloudpickle", MODULE, f"inner.{MODULE}", f"code.{MODULE}", f"mlflow.{MODULE}", "mlflow.sklearn ", ".sklearn",
    "mlflow.Sklearn", "mlflow..sklearn", "mlflow.sklearn\0", "mlflow.python_function", None, 7, ["mlflow.sklearn"],
)  # fmt: skip
CLASSES: Final[Choices] = (
    "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier", "sklearn.pipeline.Pipeline", "os.system", None,
    "builtins.exec", f"{MODULE}.X", "lightgbm.basic.booster", ["lightgbm.basic.Booster"],
)  # fmt: skip
ASKED: Final[Choices] = (
    None, [], "os.system", ["os.system"], ["builtins.exec"], sorted(TYPES), ["sklearn.tree._tree.Tree"], True, 1,
    {"a": 1}, [["builtins.exec"]], ["builtins.exec", None], "sklearn.tree._tree.Tree",
)  # fmt: skip
CONDA: Final = {"conda": "OUTSIDE/model.pkl", "virtualenv": "inner/model.pkl"}

VALUES: Final[dict[str, Choices]] = {
    **dict.fromkeys(("data", "model_path", "pickled_model", "model_data", "code"), PATHS),
    **dict.fromkeys(("python_model", "model_code_path"), PATHS),
    **dict.fromkeys(("predict_fn", "predict_stream_fn"), FUNCTIONS),
    **dict.fromkeys(("sklearn_version", "streamable"), JUNK),
    "artifacts": ({"x": {"path": "model.pkl", "uri": "OUTSIDE/model.pkl"}}, {"x": "model.pkl"}, *JUNK),
    "cloudpickle_version": ("3.1.3", *JUNK),
    "config": ({"a": 1}, "OUTSIDE/model.pkl", "inner/model.pkl", *JUNK),
    "env": (CONDA, "conda.yaml", *JUNK),
    "extra_files": ([{"path": "inner/model.pkl"}],),
    "loader_module": LOADERS,
    "model_class": CLASSES,
    "model_config": ({"a": 1}, *JUNK),
    "python_version": ("3.11.7", 3.11, *JUNK),
    "serialization_format": FORMATS,
    "skops_trusted_types": ASKED,
}
"""What a flavor's settings may become."""
LEADING: Final = ("data", "model_path", "data", "serialization_format", "loader_module", "code")
"""The settings that a loader goes by."""
TOP: Final[dict[str, Choices]] = {
    **dict.fromkeys(("env_vars", "flavors", "get_input_schema", "model_id", "resources"), JUNK),
    **dict.fromkeys(("is_signature_from_type_hint", "type_hint_from_example"), JUNK),
    **dict.fromkeys(("artifact_path", "data"), PATHS),
    "metadata": ({"mlflow.model.is_external": True}, {"dependencies_schemas": {"x": ["y"]}}, *JUNK),
    "saved_input_example_info": ({"artifact_path": "inner/model.pkl", "type": "ndarray"}, *JUNK),
    "signature": ({"inputs": '[{"name": "x", "type": "double"}]'}, {"inputs": "["}, {"inputs": ["x"]}, *JUNK),
}
"""What the document itself may say."""
FLAVORS: Final = ("python_function", "sklearn", "lightgbm", "xgboost", "pyfunc.model", MODULE, "Sklearn", "")


def sklearn(form: str, file: str) -> Said:
    return {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": file, "predict_fn": "predict"},
        "sklearn": {"pickled_model": file, "serialization_format": form, "code": None, "skops_trusted_types": None},
    }


def lightgbm(file: str, cls: str, **more: Any) -> Said:
    return {
        "python_function": {"loader_module": "mlflow.lightgbm", "data": file},
        "lightgbm": {"data": file, "model_class": cls, "code": None, **more},
    }


WRAPPED: Final = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
DATA: Final[dict[str, Said]] = {
    "model.skops": sklearn("skops", "model.skops"),
    "model.lgb": lightgbm("model.lgb", "lightgbm.basic.Booster"),
    "wrapped.skops": lightgbm(
        "wrapped.skops", "lightgbm.sklearn.LGBMClassifier", serialization_format="skops", skops_trusted_types=WRAPPED
    ),
}
"""The flavors that MLflow writes for each of GOOD."""
CODE: Final[tuple[Said, ...]] = (
    sklearn("cloudpickle", "model.pkl"),
    lightgbm("model.pkl", "lightgbm.sklearn.LGBMClassifier", serialization_format="cloudpickle"),
    {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl", "code": "code"}},
    {"python_function": {"loader_module": MODULE, "code": "code", "data": "inner"}},
)


def plain(said: Said) -> str:
    """Write it as MLflow does."""
    return str(yaml.safe_dump(said, default_flow_style=False))


def _merged(said: Said) -> str:
    base = "base: &b {data: inner/model.pkl, code: code}\n"
    return base + plain(said).replace("loader_module:", "<<: *b\n    loader_module:")


def _anchored(said: Said) -> str:
    shared = ["inner/model.pkl"]
    return plain({"metadata": {"a": shared, "b": shared}, **said})


WRITERS: Final[tuple[Callable[[Said], str], ...]] = (
    *[plain] * 25,
    _merged,
    _anchored,
    lambda said: plain(said) + plain({"flavors": DATA["model.skops"]}),
    lambda said: plain({"flavors": DATA["model.skops"]}) + plain(said),
    lambda said: yaml.safe_dump(said, default_flow_style=True, allow_unicode=True),
    lambda said: yaml.safe_dump(said, default_style='"', allow_unicode=True),
    lambda said: yaml.safe_dump(said, canonical=True),
    lambda said: "\ufeff" + plain(said),
    lambda said: plain(said).replace("\n", "\r\n"),
    lambda said: plain(said).replace("\n", "\x85"),
    lambda said: "# \u2028flavors: {}\n" + plain(said),
    lambda said: plain(said) + "---\n" + plain(said),
    lambda said: "%YAML 1.2\n---\n" + plain(said),
    lambda said: plain(said) + "x: !!python/object/apply:os.system ['echo yaml >> $CANARIES']\n",
    lambda said: plain(said).replace("loader_module: ", "loader_module: !!str "),
    lambda said: plain(said).replace("data: ", "data: !!binary "),
    lambda said: plain(said) + f"deep: {'[' * 300}{']' * 300}\n",
    lambda said: plain(said) + f"deep: {'{a: ' * 2000}\n",
    lambda said: plain(said) + "long: " + "x" * 100_000 + "\n",
    lambda said: plain(said) + "&a a: *a\n",
    lambda said: plain(said)[: len(plain(said)) // 2],
)


def anything(dice: Random) -> str:
    """Return a document of any kind, in which up to four things are changed."""
    flavors = deepcopy(dice.choice((*list(DATA.values()) * 3, *CODE)))
    said: Said = {"artifact_path": "model", "flavors": flavors, "mlflow_version": "3.17.2"}
    for _ in range(dice.randrange(5)):
        if dice.randrange(8) == 0:
            key = dice.choice(sorted(TOP))
            said[key] = dice.choice(TOP[key])
        else:
            settings = flavors.setdefault(dice.choice((*sorted(flavors) * 4, *FLAVORS)), {})
            _change(settings, dice.choice(sorted(VALUES)), dice)
    return dice.choice(WRITERS)(said)


def led_elsewhere(dice: Random) -> str:
    """Return a document that looks like data, and whose loader could be led to a canary."""
    flavors = deepcopy(dice.choice((*DATA.values(), DATA["model.skops"])))
    flavors[dice.choice(("python_function", *sorted(flavors)))][dice.choice(LEADING[:3])] = dice.choice(ELSEWHERE)
    if dice.randrange(2):
        _change(flavors[dice.choice(sorted(flavors))], dice.choice(LEADING), dice)
    return plain({"flavors": flavors})


def _change(settings: Said, key: str, dice: Random) -> None:
    if dice.randrange(10) == 0:
        settings.pop(key, None)
    else:
        settings[key] = dice.choice(VALUES[key])
