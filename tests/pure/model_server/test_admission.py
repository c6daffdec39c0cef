"""What MLflow would read is what is admitted: one file directly beside MLmodel, in a format that is data."""

from copy import deepcopy
from typing import Any

import pytest

from callboard_model_server import trust
from callboard_model_server.admission import Admitted, Form, admit
from callboard_model_server.mlmodel import MLmodel
from callboard_model_server.refusals import Exit, Refusal

FILES = {name: f"sum of {name}" for name in ("MLmodel", "model.skops", "model.lgb", "inner/model.skops", "inner/x")}
SKOPS: dict[str, Any] = {
    "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops", "predict_fn": "predict_proba"},
    "sklearn": {
        "pickled_model": "model.skops",
        "serialization_format": "skops",
        "skops_trusted_types": ["sklearn.tree._tree.Tree"],
    },
}
TEXT: dict[str, Any] = {
    "python_function": {"loader_module": "mlflow.lightgbm", "data": "model.lgb"},
    "lightgbm": {"data": "model.lgb", "model_class": "lightgbm.basic.Booster"},
}
WRAPPED: dict[str, Any] = {
    "python_function": {"loader_module": "mlflow.lightgbm", "data": "model.skops"},
    "lightgbm": {
        "data": "model.skops",
        "model_class": "lightgbm.sklearn.LGBMClassifier",
        "serialization_format": "skops",
    },
}


def admitted(
    flavors: dict[str, Any], *, allowed: set[str] | None = None, files: dict[str, str] | None = None
) -> Admitted:
    return admit(MLmodel(flavors=flavors), files or FILES, allowed=trust.DATA | (allowed or set()), types=set())


def refusal(flavors: dict[str, Any], *, allowed: set[str] | None = None, files: dict[str, str] | None = None) -> str:
    with pytest.raises(Refusal) as refused:
        admitted(flavors, allowed=allowed, files=files)
    assert refused.value.code is Exit.NOT_ALLOWED
    return str(refused.value)


def changed(flavors: dict[str, Any], flavor: str, **settings: Any) -> dict[str, Any]:
    it = deepcopy(flavors)
    it[flavor] |= settings
    return it


def test_what_mlflow_writes_is_admitted_to_the_letter() -> None:
    assert admitted(SKOPS) == Admitted(
        flavor="sklearn",
        form=Form.SKOPS,
        file="model.skops",
        sha256="sum of model.skops",
        types=("sklearn.tree._tree.Tree",),
        predict="predict_proba",
    )
    assert admitted(TEXT) == Admitted(flavor="lightgbm", form=Form.TEXT, file="model.lgb", sha256="sum of model.lgb")
    assert admitted(WRAPPED) == Admitted(
        flavor="lightgbm", form=Form.SKOPS, file="model.skops", sha256="sum of model.skops"
    )


ELSEWHERE = [
    "inner/model.skops",
    "./model.skops",
    "model.skops/",
    "//model.skops",
    "/etc/hostname",
    "../model.skops",
    "inner/../model.skops",
    "model.skops\0",
    "MODEL.SKOPS",
    "model.ѕkops",
    "file:model.skops",
    "registered_model_meta",
    "inner",
    "",
    ".",
    "none.skops",
    None,
    7,
    ["model.skops"],
    {"model.skops": 1},
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_data_that_is_not_directly_beside_mlmodel_is_refused(path: Any) -> None:
    says = "which is not a file directly beside its MLmodel"
    assert says in refusal(changed(SKOPS, "python_function", data=path))
    assert says in refusal(changed(SKOPS, "python_function", model_path=path))
    assert says in refusal(changed(TEXT, "lightgbm", data=path))
    assert says in refusal(changed(WRAPPED, "lightgbm", data=path), allowed={"python_function"})
    assert says in refusal(
        changed(changed(SKOPS, "sklearn", serialization_format="pickle"), "python_function", data=path),
        allowed={"sklearn:pickle"},
    )


@pytest.mark.parametrize(
    "flavors",
    [
        changed(SKOPS, "python_function", data="MLmodel"),
        changed(SKOPS, "sklearn", pickled_model="inner/x"),
        changed(SKOPS, "sklearn", data="inner/x"),
        changed(TEXT, "python_function", data="inner/model.skops"),
        changed(TEXT, "python_function", data=""),
        changed(TEXT, "python_function", model_path="model.skops"),
    ],
)
def test_a_model_that_calls_two_files_its_data_is_refused(flavors: dict[str, Any]) -> None:
    assert "names more than one file as its data" in refusal(flavors)


@pytest.mark.parametrize(
    ("flavors", "says"),
    [
        (changed(SKOPS, "python_function", config={"a": 1}), "it has a config"),
        (changed(TEXT, "python_function", streamable=True), "it has a streamable"),
        (
            changed(SKOPS, "python_function", predict_fn="__init__"),
            "predicts with '__init__', which is not one of predict,",
        ),
        (changed(SKOPS, "python_function", predict_fn=["predict"]), "predicts with ['predict']"),
        (changed(TEXT, "python_function", predict_fn="predict_proba"), "which is not one of predict:"),
    ],
)
def test_what_would_make_another_thing_of_it_is_refused(flavors: dict[str, Any], says: str) -> None:
    assert says in refusal(flavors)


@pytest.mark.parametrize("second", ["inner/MLmodel", "inner/deeper/MLmodel", "mlmodel", "inner/MLMODEL"])
def test_a_second_mlmodel_is_refused_wherever_it_is(second: str) -> None:
    assert f"a second MLmodel ({second!r})" in refusal(SKOPS, files=FILES | {second: "x"})


@pytest.mark.parametrize("key", ["data", "code"])
@pytest.mark.parametrize(
    "path", ["/tmp/x", "../x", "a/../../x", "x\0", 7, ["a"], "registered_model_meta", "./registered_model_meta"]
)
def test_even_code_comes_from_inside_of_the_model_only(key: str, path: Any) -> None:
    flavors = {"python_function": {"loader_module": "mlflow.pyfunc.model", key: path}}
    assert f"its {key} is {path!r}, which is not inside the model" in refusal(flavors, allowed={"python_function"})
    assert (
        admitted(
            {"python_function": {"loader_module": "mlflow.pyfunc.model", key: "inner/x"}}, allowed={"python_function"}
        ).form
        is Form.CODE
    )


@pytest.mark.parametrize("named", ["sklearn:cloudpickle", "sklearn:pickle"])
def test_a_pickle_that_is_named_is_mlflows_to_load(named: str) -> None:
    flavors = changed(SKOPS, "sklearn", serialization_format=named.partition(":")[2])
    assert admitted(flavors, allowed={named}) == Admitted(flavor="sklearn", form=Form.CODE)


def test_data_with_code_beside_it_is_mlflows_to_load() -> None:
    flavors = changed(SKOPS, "python_function", code="code")
    assert "needs python_function" in refusal(flavors)
    assert admitted(flavors, allowed={"python_function"}).form is Form.CODE
