"""What exactly of a model is loaded: one file, in one format.  Decided before anything of it is imported or unpickled.

What MLflow's loader would read is computed here, and must be what the list of allowed kinds admits: one file directly
beside MLmodel, in a format that is data.  A loader that is led elsewhere believes the MLmodel that it finds there, and
takes the file for a pickle where it finds none.  What is said of a model and cannot be followed to the letter is
refused.  `loading.py` loads what is admitted and asks the model nothing else, so nothing else in it has a say.
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
"""The functions of MLflow's wrappers that `predict_fn` may name."""


class Form(StrEnum):
    """What a model is written in."""

    SKOPS = "skops"
    TEXT = "text"
    """LightGBM's own."""
    CODE = "code"
    """Whatever MLflow makes of the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What will be loaded, and how."""

    flavor: str
    form: Form
    file: str = ""
    """The only file that is read, directly beside MLmodel; nothing where the form is code."""
    sha256: str = ""
    """Of that file."""
    types: tuple[str, ...] = ()
    """What skops may build."""
    predict: str = "predict"
    """The function of MLflow's wrapper that predicts."""
    signature: Mapping[str, Any] | None = None
    """As MLmodel has it."""


def admit(model: MLmodel, files: Sums, *, allowed: Set[str], types: Set[str]) -> Admitted:
    """Return what of the model is to be loaded; `types` are trusted beside our own.

    Raises:
        Refusal: it is not allowed, or its MLmodel leads elsewhere (79); or it has no flavor that can be served (70).
    """
    trust.judge(model.flavors, allowed=allowed, types=types)
    name = trust.flavor(model.flavors)
    if (why := next(_strange(name, model.flavors, files, allowed), None)) is not None:
        raise Refusal(Exit.NOT_ALLOWED, f"{why}: log the model again, and leave what MLflow writes as it is")
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
    """Yield what is said of the model that MLflow does not write, and that would have another thing loaded or run."""
    if CODE not in allowed:
        yield from _other_mlmodels(files)
    yield from _elsewhere(flavors[CODE]) if name not in DATA else _not_to_the_letter(name, flavors, files)


def _other_mlmodels(files: Sums) -> Iterator[str]:
    for found in sorted(files):
        if found != NAME and PurePosixPath(found).name.casefold() == NAME.casefold():
            yield f"the model holds a second MLmodel ({shown(found)}), which could say anything"


def _elsewhere(conf: Settings) -> Iterator[str]:
    """Of a flavor whose loader is not known here, which is code: what the digest does not vouch for is not loaded."""
    for key in ("data", "code"):
        if conf.get(key) and not _inside(conf[key]):
            yield f"its {key} is {shown(conf[key])}, which is not inside of the model"


def _not_to_the_letter(name: str, flavors: Flavors, files: Sums) -> Iterator[str]:
    conf = flavors[CODE]
    file, named = _loaded(name, conf, flavors[name]), _named(name, flavors)
    if not isinstance(file, str) or "/" in file or file not in files:
        yield f"its data is {shown(file)}, which is not a file directly beside its MLmodel"
    if any(each != file for each in named):
        yield f"it names more than one file as its data ({', '.join(map(shown, [file, *named]))})"
    for key in ("config", "streamable"):
        if conf.get(key):
            yield f"it has a {key}, which models of {name} have not"
    if (predict := conf.get("predict_fn", "predict")) not in PREDICTS[name]:
        yield f"it predicts with {shown(predict)}, which is none of {', '.join(PREDICTS[name])}"


def _loaded(name: str, conf: Settings, settings: Settings) -> Any:
    """Return the path that MLflow's loader joins to the model's folder; Any, because the model may say anything there.

    sklearn: `_load_pyfunc` takes python_function's `data` if that is there and leads to a file, else its `model_path`.
    lightgbm: `_load_model` takes the flavor's own `data`, in the folder of python_function's.
    https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/sklearn/__init__.py
    https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/lightgbm/__init__.py
    """
    if name == LIGHTGBM:
        return settings.get("data")
    return conf["data"] if "data" in conf else conf.get("model_path")


def _named(name: str, flavors: Flavors) -> list[Any]:
    """Return all that the model calls its data; whoever loads or looks at it in another way goes by one of these."""
    keys = ((CODE, "data"), (CODE, "model_path"), (name, "data"), (name, "pickled_model"))
    return [flavors[one][key] for one, key in keys if key in flavors[one]]


def _inside(path: object) -> bool:
    if not isinstance(path, str) or "\0" in path:
        return False
    parts = PurePosixPath(path).parts
    return not path.startswith("/") and ".." not in parts and parts[:1] != (NOT_THE_MODELS,)
