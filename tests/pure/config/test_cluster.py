"""The key `cluster`: a context of the bot's kubeconfig, or the path of another one."""

import pytest

from bot.config.app_yaml import parse
from bot.domain.errors import UserError
from bot.domain.target import Target, Written

LIVE = Target(model="iris", stage="production")


def app(value: str) -> str:
    return f"repository: a/b\nstages:\n  staging: {{}}\n  production:\n    cluster: {value}\n"


@pytest.mark.parametrize(
    "value",
    [
        "prod-eu",
        "kubernetes-admin@kubernetes",
        "gke_acme-ml_europe-west3_prod",
        "arn:aws:eks:eu-central-1:123456789012:cluster/prod",  # as `aws eks update-kubeconfig` names it
        "ml/api-acme-com:6443/admin",  # as `oc login` does
        "'{stage}-eu'",
        "/etc/clusters/prod",
        "/etc/clusters/{stage}/config",
        "/etc/clusters/prod#admin@prod",
        "~/.kube/prod",
        "./prod.yaml",
    ],
)
def test_a_context_or_a_path_is_accepted(value: str) -> None:
    found = parse(app(value)).policy(LIVE).cluster
    assert found == Written(value=value.strip("'"), file="app.yaml", line=5)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "[a]",
        "'{env}'",
        "'two words'",
        "/etc/callboard/",
        "/",
        "/etc/prod#",
        "'#prod'",
        "/etc/prod#a#b",
        "'/etc/#a'",
    ],
)
def test_anything_else_is_a_mistake_with_its_line(value: str) -> None:
    with pytest.raises(UserError, match=r"^app\.yaml:5: expected the name of a context .* found "):
        parse(app(value))


def test_a_model_overrides_it_and_other_stages_have_none() -> None:
    config = parse(
        f"{app('prod-eu')}models:\n  iris: {{}}\n  churn: {{stages: {{production: {{cluster: prod-us}}}}}}\n"
    )
    churn = config.policy(Target(model="churn", stage="production")).cluster
    assert churn == Written(value="prod-us", file="app.yaml", line=8)
    assert config.policy(Target(model="iris", stage="staging")).cluster is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repository: a/b\n", True),
        (app("prod-eu"), True),
        ("repository: a/b\nstages: {production: {cluster: prod-eu}}\n", False),
        ("repository: a/b\nstages: {production: {}}\nmodels: {iris: {stages: {production: {cluster: a}}}}\n", False),
        (
            "repository: a/b\nstages: {production: {}}\nmodels: {iris: {stages: {production: {cluster: a}}}, b: {}}\n",
            True,
        ),
    ],
)
def test_the_bots_own_cluster_is_needed_only_if_a_stage_names_no_other(text: str, *, expected: bool) -> None:
    assert parse(text).needs_own_cluster is expected
