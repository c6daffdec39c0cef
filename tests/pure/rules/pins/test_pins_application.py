"""A pin among the Helm parameters of an Argo CD Application is found and edited there, and nowhere else."""

import pytest

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import NotEditable, PathsDiffer, PinMentionedOnly
from bot.domain.target import Pin
from bot.rules.pins import edit, find
from tests.pure.rules.pins.seeing import seen
from tests.recorded import DATA

PLAIN = (DATA / "manifests/custom/application-parameters.yaml").read_text()
STAGE = "      - {name: env.MODEL_STAGE, value: staging}  # é😀\n"
VERSION = "      - {name: env.MODEL_VERSION, value: 6}\n"


def application(*entries: str) -> str:
    return PLAIN.replace("parameters:\n", "parameters:\n" + "".join(entries))


def differ(other: str, line: int) -> PathsDiffer:
    return PathsDiffer(stage=Name("env.MODEL_STAGE"), other=Name(other), line=line)


def edited(text: str) -> str:
    return edit({"a.yaml": text}, Pin(stage="production", version=7), "churn").after["a.yaml"]


@pytest.mark.parametrize("path", ["", "model-server.env."])
@pytest.mark.parametrize("version", [VERSION, ""], ids=["with-version", "without-version"])
def test_the_values_change_and_a_missing_version_is_added_under_the_same_path(path: str, version: str) -> None:
    expected = application(STAGE.replace("staging", "production"), VERSION.replace("6", '"7"')).replace("env.", path)
    assert edited(application(STAGE, version).replace("env.", path)) == edited(expected) == expected


def test_neither_its_parameters_nor_its_values_are_the_environment_of_the_application_itself() -> None:
    values = "valuesObject:\n        env:\n" + (STAGE + VERSION).replace("      -", "        -").replace("env.", "")
    beside = {"kustomization.yaml": "namespace: argocd\nnamePrefix: a-\n"}
    files = {"a.yaml": application().replace("parameters:\n", values + "      parameters:\n")} | beside
    assert (find(files, "churn").format, seen(files, "churn")) == ("env", ("ml-production", None))
    files = {"a.yaml": application(STAGE, VERSION)} | beside
    assert (find(files, "churn").format, seen(files, "churn")) == ("application", ("ml-production", None))


def test_an_application_that_takes_its_values_from_the_configmap_is_not_its_workload() -> None:
    config = "kind: ConfigMap\nmetadata: {name: pin}\ndata: {MODEL_STAGE: staging}\n"
    values = "valuesObject: {envFrom: [{configMapRef: {name: pin}}]}\n      parameters:\n"
    files = {"a.yaml": PLAIN.replace("parameters:\n", values), "c.yaml": config}
    assert seen(files) == (None, None)
    deployment = "kind: Deployment\nmetadata: {name: churn}\nenvFrom: [{configMapRef: {name: pin}}]\n"
    assert seen(files | {"d.yaml": deployment}) == (None, "churn")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (application(STAGE, VERSION.replace("env.", "")), differ("MODEL_VERSION", 12)),
        (application(STAGE, VERSION, VERSION.replace("env.", "init.")), differ("init.MODEL_VERSION", 13)),
        (application(STAGE, VERSION.replace("env.MODEL_VERSION", "MODEL_NAME")), differ("MODEL_NAME", 12)),
    ],
)
def test_parameters_with_different_paths_are_refused(text: str, why: Reason) -> None:
    with pytest.raises(Permanent) as refused:
        edited(text)
    assert refused.value.reason == NotEditable(file=Name("a.yaml"), line=11, why=why)


def test_one_application_may_pin_several_models_each_with_its_own_path() -> None:
    mine = (STAGE.replace("MODEL_STAGE, value: staging", "MODEL_NAME, value: churn"), STAGE, VERSION)
    text = application(*mine, *(line.replace("env.", "other.").replace("churn", "iris") for line in mine))
    expected = text.replace("staging", "production", 1).replace("VERSION, value: 6", 'VERSION, value: "7"', 1)
    assert edited(text) == expected


@pytest.mark.parametrize("key", ["argoproj.io/", "Application", "helm:", "sources:"])
def test_parameters_of_anything_else_are_no_pin(key: str) -> None:
    with pytest.raises(Permanent) as refused:
        edited(application(STAGE, VERSION).replace(key, "other" + key))
    assert isinstance(refused.value.reason, PinMentionedOnly)
