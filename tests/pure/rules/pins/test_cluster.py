"""The cluster of a place: where it comes from, and that the same names in two clusters are two places."""

import msgspec
import pytest

from bot.domain.errors import Permanent
from bot.domain.policy import Policy
from bot.domain.reason import Name
from bot.domain.reasons.places import TwoClusters
from bot.domain.target import Place, Target, Written
from bot.rules.parsing.clusters import Access, access_of
from bot.rules.pins import find
from bot.rules.pins.clashes import workload_clash
from bot.rules.pins.place import cluster_of, locate
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.placing import IN_MANIFEST

STAGING, LIVE = (Target(model="iris", stage=stage) for stage in ("staging", "production"))


def placed(cluster: str | None, target: Target = STAGING) -> Place:
    written = Written(value=cluster, file="app.yaml", line=7) if cluster is not None else None
    return locate(IN_MANIFEST, target, Policy(cluster=written)).place


@pytest.mark.parametrize(
    ("key", "cluster"),
    [
        (None, None),
        ("prod-eu", "prod-eu"),
        ("{stage}-eu", "staging-eu"),
        ("/etc/{model}/c#{stage}", "/etc/iris/c#staging"),
    ],
)
def test_it_is_that_of_app_yaml_and_otherwise_the_bots_own(key: str | None, cluster: str | None) -> None:
    assert placed(key).cluster == cluster


def test_a_models_name_does_not_choose_the_context() -> None:
    odd = Target(model="iris#admin", stage="staging")
    key = Written(value="/etc/{model}", file="app.yaml", line=7)
    with pytest.raises(Permanent) as raised:
        cluster_of(odd, Policy(cluster=key))
    assert "app.yaml:7: /etc/iris#admin does not name a cluster" in plain(raised.value.reason)


@pytest.mark.parametrize(
    "stored", [{"paths": ["a.yaml"]}, {"paths": ["a.yaml"], "namespace": "ml", "workload": "iris"}]
)
def test_a_place_that_an_older_release_stored_is_in_the_bots_own_cluster(stored: dict[str, object]) -> None:
    assert msgspec.convert(stored, Place).cluster is None


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("prod-eu", Access(context="prod-eu")),
        ("arn:aws:eks:eu:1:cluster/prod", Access(context="arn:aws:eks:eu:1:cluster/prod")),
        ("/etc/prod", Access(kubeconfig="/etc/prod")),
        ("~/prod#admin@prod", Access(kubeconfig="~/prod", context="admin@prod")),
        (None, Access()),
    ],
)
def test_a_name_is_a_context_or_a_path(name: str | None, access: Access) -> None:
    assert access_of(name) == access


def place(folder: str, cluster: str | None) -> Place:
    return Place(
        paths=(f"{folder}/d.yaml",), namespace="ml", workload="iris", kind=("apps", "Deployment"), cluster=cluster
    )


def clash(here: Place, there: Place) -> object:
    path = here.paths[0]
    found = find({path: "env:\n- {name: MODEL_STAGE, value: staging}\n"}, "iris")
    return workload_clash(LIVE, found, here, {STAGING: there})


@pytest.mark.parametrize(("one", "other"), [("staging", "prod"), (None, "prod"), ("prod", None)])
def test_the_same_names_in_two_clusters_are_two_workloads(one: str | None, other: str | None) -> None:
    assert clash(place("production", one), place("staging", other)) is None
    assert clash(place("production", one), place("staging", one)) is not None


def test_one_pin_cannot_be_for_two_clusters() -> None:
    found = clash(place("all", "prod"), place("all", None))
    expected = TwoClusters(file=Name("all/d.yaml"), line=2, cluster=Name("prod"), stage=Name("staging"), other=None)
    assert found == expected
    assert plain(expected) == (
        "all/d.yaml:2: the same pin is that of staging, which app.yaml puts in Callboard's own cluster and not in prod"
        "; give each stage its own manifest, or both the same `cluster`"
    )
    assert clash(place("all", "prod"), place("all", "prod")) is None
