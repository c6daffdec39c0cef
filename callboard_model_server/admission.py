"""Decide what is loaded of a model: one file, in one format; before any of it is imported or unpickled.

This module computes what MLflow's loader would read; it must match the allowed kinds: one file directly beside MLmodel,
in a data format.  If a model redirects the loader to another folder, the loader trusts the MLmodel it finds there, and
without one treats the file as a pickle.  So any setting that this module cannot follow exactly is refused.
`loading.py` loads only what is admitted and reads nothing else from the model.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Final

from callboard_model_server import trust
from callboard_model_server.digest import NOT_THE_MODELS, Sums
from callboard_model_server.mlmodel import NAME, Flavors, MLmodel, Settings
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.trust import CODE, DATA, LIGHTGBM, SKLEARN, shown

PREDICTS: Final = {
    SKLEARN: ("predict", "predict_log_proba", "predict_joint_log_proba", "predict_proba", "score"),
    LIGHTGBM: ("predict",),
}
"""The methods of MLflow's wrappers that `predict_fn` may name."""


class Form(StrEnum):
    """The format of a model."""

    SKOPS = "skops"
    TEXT = "text"
    """LightGBM's own text format."""
    CODE = "code"
    """Code: MLflow loads the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What will be loaded, and how."""

    flavor: str
    form: Form
    file: str = ""
    """The only file that is read, directly beside MLmodel; empty if the form is code."""
    sha256: str = ""
    """Of that file."""
    types: tuple[str, ...] = ()
    """The types that skops may build."""
    predict: str = "predict"
    """The prediction method of MLflow's wrapper."""
    signature: Mapping[str, Any] | None = None
    """As in MLmodel."""


def admit(model: MLmodel, files: Sums, *, allowed: Set[str], types: Set[str]) -> Admitted:
    """Return what to load of the model; `types` are trusted in addition to our own.

    Raises:
        Refusal: it is not allowed, or its MLmodel points elsewhere (79); or it has no servable flavor (70).
    """
    trust.judge(model.flavors, allowed=allowed, types=types)
    name = trust.flavor(model.flavors)
    if (why := next(_strange(name, model.flavors, files, allowed), None)) is not None:
        raise Refusal(Exit.NOT_ALLOWED, f"{why}: log the model again, and do not edit what MLflow writes")
    if not trust.needed(model.flavors) <= DATA:
        return Admitted(flavor=name, form=Form.CODE)
    conf, settings = model.flavors[CODE], model.flavors[name]
    file = _loaded(name, conf, settings)
    return Admitted(
        flavor=name,
        form=Form.TEXT if trust.is_text(name, settings) else Form.SKOPS,
        file=file,
        sha256=files[file],
        types=tuple(sorted(trust.asked(settings))),
        predict=conf.get("predict_fn", "predict"),
        signature=model.signature,
    )


def _strange(name: str, flavors: Flavors, files: Sums, allowed: Set[str]) -> Iterator[str]:
    """Yield settings that MLflow never writes, and that would cause something else to be loaded or run."""
    if CODE not in allowed:
        yield from _other_mlmodels(files)
    yield from _elsewhere(flavors[CODE]) if name not in DATA else _not_to_the_letter(name, flavors, files)


def _other_mlmodels(files: Sums) -> Iterator[str]:
    for found in sorted(files):
        if found != NAME and PurePosixPath(found).name.casefold() == NAME.casefold():
            yield f"the model has a second MLmodel ({shown(found)}), whose content is not checked"


def _elsewhere(conf: Settings) -> Iterator[str]:
    """For code, whose loader is unknown here: refuse to load anything that the digest does not cover."""
    for key in ("data", "code"):
        if conf.get(key) and not _inside(conf[key]):
            yield f"its {key} is {shown(conf[key])}, which is not inside the model"


def _not_to_the_letter(name: str, flavors: Flavors, files: Sums) -> Iterator[str]:
    conf = flavors[CODE]
    file, named = _loaded(name, conf, flavors[name]), _named(name, flavors)
    if not isinstance(file, str) or "/" in file or file not in files:
        yield f"its data is {shown(file)}, which is not a file directly beside its MLmodel"
    if any(each != file for each in named):
        yield f"it names more than one file as its data ({', '.join(map(shown, [file, *named]))})"
    for key in ("config", "streamable"):
        if conf.get(key):
            yield f"it has a {key}, which {name} models do not have"
    if (predict := conf.get("predict_fn", "predict")) not in PREDICTS[name]:
        yield f"it predicts with {shown(predict)}, which is not one of {', '.join(PREDICTS[name])}"


def _loaded(name: str, conf: Settings, settings: Settings) -> Any:
    """Return the path that MLflow's loader joins to the model's folder; Any, because it is the model's own setting.

    sklearn: `_load_pyfunc` uses python_function's `data` if it is a file that exists, else its `model_path`.
    lightgbm: `_load_model` uses the flavor's own `data`, in the folder of python_function's.
    https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/sklearn/__init__.py
    https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/lightgbm/__init__.py
    """
    if name == LIGHTGBM:
        return settings.get("data")
    return conf["data"] if "data" in conf else conf.get("model_path")


def _named(name: str, flavors: Flavors) -> list[Any]:
    """Return every setting that names the model's data; any other reader of the model uses one of these."""
    keys = ((CODE, "data"), (CODE, "model_path"), (name, "data"), (name, "pickled_model"))
    return [flavors[one][key] for one, key in keys if key in flavors[one]]


def _inside(path: object) -> bool:
    if not isinstance(path, str) or "\0" in path:
        return False
    parts = PurePosixPath(path).parts
    return not path.startswith("/") and ".." not in parts and parts[:1] != (NOT_THE_MODELS,)
