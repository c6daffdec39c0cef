"""A change is proposed only where it can be followed, and never in another target's place; going back always is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bot.config.app_yaml import Config, parse
from bot.domain.promotion import Kind, Request, State, Status
from bot.domain.reason import Reason
from bot.domain.reasons.places import NamespaceUnknown, SharedPin, SharedWorkload, TwoAnswers
from bot.domain.repository import Base
from bot.domain.target import Place, Target
from bot.engine.evidence import gather
from bot.rules.kubernetes.kinds.kind import Kind as WorkloadKind
from bot.rules.release.decision import Editable, Proposal, Rollout, Uneditable
from bot.store.store import Loaded, Store

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TARGET = Target(model="iris", stage="staging")
FOLDER = "manifests/iris/staging"
PATH = f"{FOLDER}/d.yaml"
BARE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris}
env: [{name: MODEL_STAGE, value: staging}, {name: MODEL_VERSION, value: "1"}]
"""
NAMED = BARE.replace("name: iris", "name: iris, namespace: ml")
APP = "repository: a/b\nstages: {staging: {}, production: {}}\n"


@dataclass
class Forge:
    """A repository; it counts what is asked for."""

    texts: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    async def base(self) -> Base:
        return Base(branch="main", commit="c", tree="t")

    async def folder(self, path: str, at: Base) -> dict[str, str]:
        self.asked.append(path)
        return {name: text for name, text in self.texts.items() if path in {name, name.rpartition("/")[0]}}

    async def files(self, paths: Iterable[str], at: Base) -> dict[str, str]:
        self.asked += paths
        return {path: self.texts[path] for path in paths if path in self.texts}


class Registry:
    """A registry that is not what these tests are about."""

    async def version_details(self, what: object) -> None:
        return None


@dataclass
class World:
    """The systems that are asked before a change is proposed."""

    store: Store
    config: Config
    github: Forge
    clusters: Any = None
    mlflow: Registry = field(default_factory=Registry)

    async def requested(self, kind: Kind, target: Target = TARGET) -> Loaded:
        """Request version 2 of the model, and return what is stored."""
        if (await self.store.places()).get(target) is None:
            await self.store.place(target, None)
        request = Request(target=target, kind=kind, version=2, by="U1", at=NOON)
        assert await self.store.ask(request, key=f"{kind}") is not None
        return await self.store.load(target)

    async def manifest(self, loaded: Loaded) -> Editable | Uneditable:
        """Return the change, or why there is none."""
        clients = cast("Any", self)
        found = await gather(loaded, config=self.config, store=self.store, clients=clients, now=NOON)
        assert isinstance(found, Proposal)
        assert isinstance(found.manifest, Editable | Uneditable)
        return found.manifest

    async def refused(self, kind: Kind = Kind.PROMOTE, target: Target = TARGET) -> Reason:
        """Return why nothing is proposed."""
        manifest = await self.manifest(await self.requested(kind, target))
        assert isinstance(manifest, Uneditable)
        return manifest.reason


def world(store: Store, files: Mapping[str, str], app: str = APP) -> World:
    return World(store=store, config=parse(app), github=Forge(files))


async def test_without_a_namespace_nothing_is_proposed(store: Store) -> None:
    assert isinstance(await world(store, {PATH: BARE}).refused(), NamespaceUnknown)


async def test_app_yaml_may_say_the_namespace_and_must_not_contradict(store: Store) -> None:
    app = APP.replace("staging: {}", "staging: {namespace: other}")
    manifest = await world(store, {PATH: BARE}, app).manifest(await world(store, {}).requested(Kind.PROMOTE))
    assert isinstance(manifest, Editable)
    assert manifest.place == Place(paths=(PATH,), namespace="other", workload="iris", kind=("apps", "Deployment"))
    contradicted = await world(store, {PATH: NAMED}, app).manifest(await store.load(TARGET))
    assert isinstance(contradicted, Uneditable)
    assert isinstance(contradicted.reason, TwoAnswers)


async def test_another_models_pin_is_not_changed(store: Store) -> None:
    app = f"{APP}models: {{iris: {{}}, churn: {{manifests: '{FOLDER}'}}}}\n"
    churn = Target(model="churn", stage="staging")
    why = await world(store, {PATH: NAMED}, app).refused(target=churn)
    assert isinstance(why, SharedPin)
    assert (why.model, why.other, why.place) == ("churn", "iris", f"{PATH}:4")


async def test_a_model_that_only_a_pattern_names_is_known_by_its_place(store: Store) -> None:
    app = f"{APP}models: {{'*': {{manifests: '{FOLDER}'}}}}\n"
    await store.place(Target(model="churn", stage="staging"), Place(paths=(PATH,), namespace="ml", workload="iris"))
    assert isinstance(await world(store, {PATH: NAMED}, app).refused(), SharedPin)


async def test_a_workload_of_another_folder_is_not_changed(store: Store) -> None:
    there = Place(paths=("manifests/iris/production/d.yaml",), namespace="ml", workload="iris")
    await store.place(Target(model="iris", stage="production"), there)
    assert isinstance(await world(store, {PATH: NAMED}).refused(), SharedWorkload)


@pytest.mark.parametrize("text", [BARE, NAMED])
async def test_going_back_is_possible_wherever_the_pin_can_be_edited(store: Store, text: str) -> None:
    app = f"{APP}models: {{iris: {{}}, churn: {{manifests: '{FOLDER}'}}}}\n"
    here = world(store, {PATH: text}, app)
    manifest = await here.manifest(await here.requested(Kind.ROLLBACK))
    assert isinstance(manifest, Editable)
    assert manifest.place.paths == (PATH,)
    assert manifest.place.namespace == ("ml" if text == NAMED else None)


async def test_a_promotion_of_release_0_1_0_whose_place_has_no_namespace_goes_on(store: Store) -> None:
    here = world(store, {PATH: BARE})
    old = Place(paths=(PATH,), workload="iris")
    await store.place(TARGET, old)
    loaded = await here.requested(Kind.PROMOTE)
    assert loaded.promotion is not None
    assert isinstance(await here.manifest(loaded), Uneditable), "a new one is refused"
    promotion = replace(loaded.promotion, status=Status(place=old))
    assert isinstance(await here.manifest(replace(loaded, promotion=promotion)), Editable)
    assert promotion.namespace == "default"


async def test_a_place_that_is_known_costs_no_search(store: Store) -> None:
    here = world(store, {PATH: NAMED})
    known = Place(paths=(PATH,), namespace="ml", workload="iris", kind=("apps", "Deployment"))
    await store.place(TARGET, known)
    manifest = await here.manifest(await here.requested(Kind.PROMOTE))
    assert isinstance(manifest, Editable)
    assert manifest.place == known
    assert here.github.asked == [PATH]


@dataclass
class Cluster:
    """A watch that remembers which kind it is asked about, and sees no workload."""

    asked: list[str] = field(default_factory=list)
    kubernetes: None = None
    pods: None = None

    @property
    def watch(self) -> "Cluster":
        return self

    def of(self, name: str | None) -> "Cluster":
        return self

    async def ensure(self, namespace: str, kind: WorkloadKind, *, configmaps: bool) -> None:
        self.asked.append(f"{namespace}: {kind.name}" + (" and ConfigMaps" if configmaps else ""))

    def trouble(self, namespace: str, kind: WorkloadKind) -> None:
        self.asked.append(f"{namespace}: {kind.name}")

    def fresh(self, namespace: str, kind: WorkloadKind) -> bool:
        return True

    def snapshot(
        self,
        namespace: str,
        model: str,
        stage: str,
        workload: str | None,
        kind: WorkloadKind,
        *,
        configmaps: bool = False,
    ) -> None:
        self.asked.append(f"{namespace}: {kind.name} {workload}" + (" and ConfigMaps" if configmaps else ""))


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        (Place(paths=(PATH,), namespace="ml", workload="iris", kind=("apps", "StatefulSet")), "ml: StatefulSet iris"),
        (Place(paths=(PATH,), namespace="ml", workload="iris"), "ml: Deployment iris"),
        (Place(paths=(PATH,), workload="iris"), "default: Deployment iris"),
    ],
    ids=["of-a-kind", "of-an-unknown-kind", "of-release-0.1.0"],
)
async def test_the_workload_that_was_located_is_the_one_that_is_watched(store: Store, place: Place, seen: str) -> None:
    assert await asked(store, place) == {seen.removesuffix(" iris"), seen}


async def test_configmaps_are_watched_only_where_one_holds_the_pin(store: Store) -> None:
    place = Place(paths=(PATH,), namespace="ml", workload="iris", in_configmap=True)
    with_them = {"ml: Deployment and ConfigMaps", "ml: Deployment iris and ConfigMaps"}
    assert with_them < await asked(store, place)


async def asked(store: Store, place: Place) -> set[str]:
    """Return what the watch is asked about for a promotion that was merged."""
    here, cluster = world(store, {PATH: NAMED}), Cluster()
    loaded = await here.requested(Kind.PROMOTE)
    assert loaded.promotion is not None
    promotion = replace(loaded.promotion, state=State.SYNCING, status=Status(place=place))
    loaded, clients = replace(loaded, promotion=promotion), cast("Any", replace(here, clusters=cluster))
    found = await gather(loaded, config=here.config, store=store, clients=clients, now=NOON)
    assert isinstance(found, Rollout)
    return set(cluster.asked)
