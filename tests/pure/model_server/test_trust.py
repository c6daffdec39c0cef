"""Which models a server may load: those that are data by themselves, those that are code only when they are named."""

from typing import Any

import pytest

from callboard_model_server import trust
from callboard_model_server.refusals import Exit, Refusal

SKOPS: dict[str, Any] = {
    "python_function": {"loader_module": "mlflow.sklearn"},
    "sklearn": {"serialization_format": "skops", "skops_trusted_types": None},
}


def flavors(loader: str, *, code: str | None = None, **its: dict[str, Any]) -> dict[str, Any]:
    return {"python_function": {"loader_module": loader, "code": code}, **its}


def refusal(model: dict[str, Any], *, allowed: set[str] | None = None, types: set[str] | None = None) -> Refusal | None:
    try:
        trust.judge(model, allowed=allowed or trust.DATA, types=types or set())
    except Refusal as refused:
        return refused
    return None


def test_what_skops_wrote_is_data() -> None:
    assert refusal(SKOPS) is None
    assert trust.flavor(SKOPS) == "sklearn"


PICKLED = flavors("mlflow.sklearn", sklearn={"serialization_format": "cloudpickle"})
OLD = flavors("mlflow.sklearn", sklearn={})  # MLflow takes a model that names no format for a pickle
CUSTOM = flavors("mlflow.pyfunc.model")
OWN_LOADER = flavors("my_loader")
NOT_MLFLOWS = flavors("sklearn", sklearn={"serialization_format": "skops"})  # a module of that name, not MLflow's
CODE_OF_THE_FLAVORS = flavors("mlflow.sklearn", sklearn={"serialization_format": "skops", "code": "code"})
NO_FORMAT = flavors("mlflow.sklearn", sklearn={"serialization_format": ["skops"]})
WITH_CODE = SKOPS | {"python_function": {"loader_module": "mlflow.sklearn", "code": "code"}}
LOADER_IN_DISGUISE = flavors("mlflow.sklearn")  # no flavor of that name: nothing says how it is written
TEXT = flavors("mlflow.lightgbm", lightgbm={"model_class": "lightgbm.basic.Booster", "data": "model.lgb"})
WRAPPED = flavors("mlflow.lightgbm", lightgbm={"model_class": "lightgbm.sklearn.LGBMClassifier"})
XGBOOST = flavors("mlflow.xgboost", xgboost={"model_class": "xgboost.core.Booster"})


@pytest.mark.parametrize(
    ("model", "named"),
    [
        pytest.param(PICKLED, {"sklearn:cloudpickle"}, id="a pickle"),
        pytest.param(OLD, {"sklearn:pickle"}, id="no format"),
        pytest.param(CUSTOM, {"python_function"}, id="a custom model"),
        pytest.param(OWN_LOADER, {"python_function"}, id="a loader of its own"),
        pytest.param(NOT_MLFLOWS, {"python_function"}, id="a loader that is called like a flavor"),
        pytest.param(NO_FORMAT, {"sklearn:['skops']"}, id="a format that is none"),
        pytest.param(WITH_CODE, {"sklearn", "python_function"}, id="code beside data"),
        pytest.param(CODE_OF_THE_FLAVORS, {"sklearn", "python_function"}, id="code of the flavor's own"),
        pytest.param(LOADER_IN_DISGUISE, {"python_function"}, id="a flavor that is not there"),
        pytest.param(WRAPPED, {"lightgbm:cloudpickle"}, id="a wrapper around a booster"),
        pytest.param(XGBOOST, {"xgboost"}, id="a flavor that is not known here"),
    ],
)
def test_what_is_code_is_loaded_only_when_it_is_named(model: dict[str, Any], named: set[str]) -> None:
    refused = refusal(model)
    assert refused is not None
    assert refused.code is Exit.NOT_ALLOWED
    assert all(word in str(refused) for word in (named - {"sklearn"}) | {"MODEL_FLAVORS"})
    assert refusal(model, allowed=named) is None


def test_a_booster_in_lightgbms_own_text_is_data() -> None:
    assert refusal(TEXT) is None


@pytest.mark.parametrize("wanted", [["os.system"], ["sklearn.tree._tree.Tree", "os.system"], "os.system"])
def test_a_model_does_not_say_by_itself_what_it_is_trusted_with(wanted: Any) -> None:
    model = SKOPS | {"sklearn": {"serialization_format": "skops", "skops_trusted_types": wanted}}
    refused = refusal(model)
    assert refused is not None
    assert "untrusted types: os.system; " in str(refused)
    assert refusal(model, types={"os.system"}) is None


def test_a_refusal_names_ten_types_and_says_how_many_more_there_are() -> None:
    wanted = [f"a.type{number:02}" for number in range(12)]
    refused = refusal(SKOPS | {"sklearn": {"serialization_format": "skops", "skops_trusted_types": wanted}})
    assert "a.type00, a.type01" in str(refused)
    assert "a.type09 and 2 more; review" in str(refused)


def test_a_forest_needs_no_word() -> None:
    trees = {"serialization_format": "skops", "skops_trusted_types": ["sklearn.tree._tree.Tree"]}
    assert refusal(SKOPS | {"sklearn": trees}) is None


@pytest.mark.parametrize("model", [{}, {"sklearn": {}}])
def test_a_model_that_no_server_can_load_is_said(model: dict[str, Any]) -> None:
    refused = refusal(model)
    assert refused is not None
    assert refused.code is Exit.SOFTWARE
