"""May this model be loaded?  Decided from its MLmodel file alone, before anything of it is imported or unpickled.

A model is code that anyone who may register one can run: a pickle does what it likes, and so do Python files that come
with it.  Flavors that are data are allowed by themselves, what is code only when MODEL_FLAVORS names it.  skops trusts
the types that its caller lists, and MLflow takes that list from the model: here it is held against one of our own.
"""

from collections.abc import Mapping, Set
from typing import Any, Final

from callboard_model_server.refusals import Exit, Refusal

CODE: Final = "python_function"
"""What MODEL_FLAVORS calls Python that comes with the model: a custom model, a loader of its own, or `code_paths`."""
DATA: Final = frozenset({"lightgbm", "sklearn"})
"""The flavors that are allowed where MODEL_FLAVORS is not set."""
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
"""What the estimators of scikit-learn 1.9 and LightGBM 4.7 are made of and skops does not trust by itself."""

Flavors = Mapping[str, Any]
"""The `flavors` of an MLmodel file: {flavor: its settings}."""


def flavor(flavors: Flavors) -> str:
    """Return MLflow's name of the flavor that will load the model.

    Raises:
        Refusal: there is none that a server could load.
    """
    settings = flavors.get("python_function")
    if not isinstance(settings, Mapping):
        raise Refusal(Exit.SOFTWARE, "the model has no python_function flavor, so that no server can load it")
    name = str(settings.get("loader_module")).removeprefix("mlflow.")
    return name if isinstance(flavors.get(name), Mapping) else CODE


def judge(flavors: Flavors, *, allowed: Set[str], types: Set[str]) -> None:
    """Refuse a model that is not allowed; `types` are trusted beside our own.

    Raises:
        Refusal: what is missing in MODEL_FLAVORS or MODEL_TRUSTED_TYPES.
    """
    missing = sorted(_needed(flavors) - allowed)
    if missing:
        because = f"the model is of {' and '.join(missing)}, and MODEL_FLAVORS allows {', '.join(sorted(allowed))}"
        todo = "log it in a format that is data (skops, LightGBM's own), or name it there if you trust who registers it"
        raise Refusal(Exit.NOT_ALLOWED, f"{because}: {todo}")
    strange = sorted(_trusting(flavors) - TYPES - types)
    if strange:
        because = f"the model wants to be trusted with {', '.join(strange)}"
        raise Refusal(Exit.NOT_ALLOWED, f"{because}: look at what that is, then name it in MODEL_TRUSTED_TYPES")


def _needed(flavors: Flavors) -> set[str]:
    """Return the words that MODEL_FLAVORS must hold."""
    name = flavor(flavors)
    own_code = {CODE} if flavors["python_function"].get("code") else set()
    return {_kind(name, flavors.get(name, {}))} | own_code


def _kind(name: str, settings: Mapping[str, Any]) -> str:
    """Return "sklearn" for what is data, "sklearn:cloudpickle" for what is a pickle."""
    if name == "lightgbm" and settings.get("model_class", "lightgbm.basic.Booster") == "lightgbm.basic.Booster":
        return name  # LightGBM's own text
    if name not in DATA:
        return name
    form = settings.get("serialization_format", "pickle" if name == "sklearn" else "cloudpickle")
    return name if form == "skops" else f"{name}:{form}"


def _trusting(flavors: Flavors) -> set[str]:
    """Return the types that the model asks to be trusted with."""
    lists = [its.get("skops_trusted_types") or [] for its in flavors.values() if isinstance(its, Mapping)]
    return {str(each) for listed in lists for each in (listed if isinstance(listed, list) else [listed])}
