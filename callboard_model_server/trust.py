"""The kinds of models, and the types in them, that may be loaded.

Anyone who may register a model can run code with it: a pickle runs arbitrary code, and so do Python files in the model.
Data flavors are allowed by default, code only if MODEL_FLAVORS names it.  skops trusts the types that its caller lists,
and MLflow takes that list from the model; here it is compared with our own list.

`admission.py` makes sure that what is loaded is really of the declared kind.
"""

from collections.abc import Set
from reprlib import Repr
from typing import Final

from callboard_model_server.mlmodel import Flavors, Settings
from callboard_model_server.refusals import Exit, Refusal

CODE: Final = "python_function"
"""The name in MODEL_FLAVORS for Python code in the model: a custom model, its own loader, or `code_paths`."""
SKLEARN: Final = "sklearn"
LIGHTGBM: Final = "lightgbm"
DATA: Final = frozenset({LIGHTGBM, SKLEARN})
"""The flavors that are allowed if MODEL_FLAVORS is not set."""
TYPES: Final = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "scipy.interpolate._bsplines.BSpline",
        "scipy.sparse._csr.csr_matrix",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
    }
)
"""The types in the estimators of scikit-learn 1.9 and LightGBM 4.7 that skops does not trust by default."""
MAX_NAME: Final = 200
"""The most characters of a model's value that a refusal repeats."""
MOST: Final = 10
"""The most types that a refusal names."""


def flavor(flavors: Flavors) -> str:
    """Return MLflow's name of the flavor that will load the model.

    Raises:
        Refusal: there is none that a server can load.
    """
    if CODE not in flavors:
        raise Refusal(Exit.SOFTWARE, "the model has no python_function flavor, so that no server can load it")
    loader = flavors[CODE].get("loader_module")
    name = loader.removeprefix("mlflow.") if isinstance(loader, str) and loader.startswith("mlflow.") else CODE
    return name if name in flavors else CODE


def judge(flavors: Flavors, *, allowed: Set[str], types: Set[str]) -> None:
    """Refuse a model that is not allowed; `types` are trusted in addition to our own.

    Raises:
        Refusal: something is missing in MODEL_FLAVORS or MODEL_TRUSTED_TYPES.
    """
    if missing := sorted(needed(flavors) - allowed):
        because = f"the model needs {' and '.join(missing)}, but MODEL_FLAVORS allows only {', '.join(sorted(allowed))}"
        todo = (
            "log it in a data format (skops, LightGBM's own), or add it there if you trust everyone who can register it"
        )
        raise Refusal(Exit.NOT_ALLOWED, f"{because}: {todo}")
    wanted = {each for settings in flavors.values() for each in asked(settings)}
    if unknown := wanted - TYPES - types:
        raise untrusted(unknown)


def needed(flavors: Flavors) -> set[str]:
    """Return the words that MODEL_FLAVORS must contain."""
    name = flavor(flavors)
    own_code = {CODE} if flavors[CODE].get("code") or flavors[name].get("code") else set()
    return {_kind(name, flavors[name])} | own_code


def is_text(name: str, settings: Settings) -> bool:
    """Return whether MLflow reads a model as LightGBM's own text format."""
    return bool(name == LIGHTGBM and settings.get("model_class", "lightgbm.basic.Booster") == "lightgbm.basic.Booster")


def asked(settings: Settings) -> set[str]:
    """Return the types that a flavor asks to be trusted with."""
    listed = settings.get("skops_trusted_types") or []
    return {
        each if isinstance(each, str) else shown(each) for each in (listed if isinstance(listed, list) else [listed])
    }


def untrusted(types: Set[str]) -> Refusal:
    """Return the refusal of a model with untrusted types."""
    some = [name[:MAX_NAME] for name in sorted(types)[:MOST]]
    more = f" and {len(types) - len(some)} more" if len(types) > len(some) else ""
    because = f"the model contains untrusted types: {', '.join(some)}{more}"
    return Refusal(Exit.NOT_ALLOWED, f"{because}; review them, then add them to MODEL_TRUSTED_TYPES")


def shown(value: object) -> str:
    """Return a model's value for a refusal: quoted and shortened."""
    short = Repr()
    short.maxstring = short.maxother = MAX_NAME
    return short.repr(value)


def _kind(name: str, settings: Settings) -> str:
    """Return "sklearn" for data, "sklearn:cloudpickle" for a pickle."""
    if name not in DATA or is_text(name, settings):
        return name
    form = settings.get("serialization_format", "pickle" if name == SKLEARN else "cloudpickle")
    return name if form == "skops" else f"{name}:{form if isinstance(form, str) else shown(form)}"
