"""Two targets never change the same place, nor the same workload from two places."""

from collections.abc import Sequence

import pytest

from bot.domain.reason import Name
from bot.domain.reasons.places import PinOfOtherStage, SharedPin, SharedWorkload
from bot.domain.target import Place, Target
from bot.rules.pins import Found, find
from bot.rules.pins.clashes import pin_clash, workload_clash
from bot.rules.wording.reasons import plain

IRIS = Target(model="iris", stage="staging")
LIVE = Target(model="iris", stage="production")
CHURN = Target(model="churn", stage="staging")
PATH = "manifests/all/d.yaml"


def found(*, names: bool = False, path: str = PATH) -> Found:
    """Return a pin on staging; `names`: it says that it is for iris."""
    named = "- {name: MODEL_NAME, value: iris}\n" if names else ""
    return find({path: f"env:\n{named}- {{name: MODEL_STAGE, value: staging}}\n"}, "iris")


def test_a_pin_that_names_no_model_belongs_to_one_model_only() -> None:
    clash = pin_clash(CHURN, found(), [CHURN, IRIS])
    assert clash == SharedPin(file=Name(PATH), line=2, model=Name("churn"), other=Name("iris"), stage=Name("staging"))
    assert "releasing churn would change its version too; write MODEL_NAME" in plain(clash)
    assert pin_clash(IRIS, found(), [CHURN, IRIS]) is not None, "nobody can tell whose it is"


def test_two_models_in_one_file_are_told_apart_by_their_names() -> None:
    assert pin_clash(IRIS, found(names=True), [CHURN, IRIS]) is None


@pytest.mark.parametrize("readers", [[IRIS, LIVE], [LIVE, IRIS]])
def test_stages_of_a_model_may_have_one_place_whose_stage_itself_moves(readers: Sequence[Target]) -> None:
    assert pin_clash(LIVE, found(), readers) is None
    assert pin_clash(IRIS, found(), readers) is None


def test_a_place_of_one_stage_must_pin_that_stage() -> None:
    assert pin_clash(IRIS, found(), [IRIS]) is None
    clash = pin_clash(LIVE, found(), [LIVE])
    assert clash == PinOfOtherStage(file=Name(PATH), line=2, pinned=Name("staging"), stage=Name("production"))
    assert plain(clash) == f"{PATH}:2: pins the stage staging, expected production"


def place(folder: str, name: str = "d.yaml", **more: object) -> Place:
    """Return a place of the workload ml/iris."""
    settings = {"namespace": "ml", "workload": "iris", "kind": ("apps", "Deployment"), **more}
    return Place(paths=(f"{folder}/{name}",), **settings)  # type: ignore[arg-type]  # each has its field's type


def test_two_stages_with_the_same_workload_in_two_folders_are_refused() -> None:
    there = place("iris/staging")
    clash = workload_clash(LIVE, found(path="iris/production/d.yaml"), place("iris/production"), {IRIS: there})
    assert clash == SharedWorkload(
        file=Name("iris/production/d.yaml"),
        line=2,
        workload=Name("ml/iris"),
        other=Name("iris"),
        stage=Name("staging"),
        path=Name("iris/staging/d.yaml"),
    )
    assert "each release would overwrite the other" in plain(clash)


@pytest.mark.parametrize(
    ("other", "there"),
    [
        pytest.param(LIVE, place("iris/staging"), id="itself"),
        pytest.param(IRIS, place("iris/staging", namespace="elsewhere"), id="another-namespace"),
        pytest.param(IRIS, place("iris/staging", workload="iris-staging"), id="another-name"),
        pytest.param(IRIS, place("iris/staging", kind=("apps", "StatefulSet")), id="another-kind"),
        pytest.param(CHURN, place("iris/production", "churn.yaml"), id="two-patches-of-a-workload-in-one-folder"),
        pytest.param(IRIS, place("iris/gone"), id="a-place-that-app.yaml-has-no-longer"),
    ],
)
def test_other_workloads_are_no_matter(other: Target, there: Place) -> None:
    here = found(path="iris/production/d.yaml")
    reads = {"iris/gone/d.yaml": False}
    clash = workload_clash(
        LIVE, here, place("iris/production"), {other: there}, lambda _target, path: reads.get(path, True)
    )
    assert clash is None


def test_a_kind_that_is_not_known_may_be_the_same() -> None:
    here = found(path="iris/production/d.yaml")
    assert workload_clash(LIVE, here, place("iris/production"), {IRIS: place("iris/staging", kind=None)}) is not None


def test_a_workload_that_the_cluster_finds_by_its_environment_is_nobody_elses() -> None:
    here = found(path="iris/production/d.yaml")
    nameless = place("iris/production", workload=None)
    assert workload_clash(LIVE, here, nameless, {IRIS: place("iris/staging", workload=None)}) is None
