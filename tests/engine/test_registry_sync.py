"""The registry as a whole: the first sync is silent, and no later version is missed, however many others there are."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from bot.config.app_yaml import parse
from bot.domain.registry import ModelVersion
from bot.domain.repository import Base
from bot.domain.target import Target
from bot.engine import registry_sync, repository_sync
from bot.rules.kubernetes.kinds.kind import Kind
from bot.store.store import Store

APP = parse(
    "repository: a/b\nstages: {staging: {auto: true, approvals: 0}, production: {approvals: 1}}\nmodels: {iris: {}}\n"
)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Listed(NamedTuple):
    """One version in a listing."""

    what: ModelVersion


@dataclass
class Model:
    """One registered model."""

    name: str
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass
class Registry:
    """Lists what it was told, the newest first, and remembers how many were asked for."""

    listed: list[ModelVersion] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    async def models(self) -> list[Model]:
        return [Model("iris", {"production": 1}), Model("foreign")]

    async def newest(self, limit: int) -> list[Listed]:
        self.asked.append(limit)
        return [Listed(what) for what in self.listed[:limit]]


@dataclass
class OnlyMLflow:
    """The clients, of which only one is used here."""

    mlflow: Registry


def many(model: str, *numbers: int) -> list[ModelVersion]:
    return [ModelVersion(model=model, version=number) for number in sorted(numbers, reverse=True)]


async def look(store: Store, registry: Registry) -> int:
    return await registry_sync.sync_registry(config=APP, store=store, clients=cast("Any", OnlyMLflow(registry)))


async def heard(store: Store) -> set[Any]:
    return set(await store.due(datetime(2100, 1, 1, tzinfo=UTC)))


async def test_the_first_sync_announces_nothing_and_takes_the_aliases_as_releases(store: Store) -> None:
    await look(store, Registry(many("iris", 1, 2)))
    assert await heard(store) == set()
    release = await store.release(Target(model="iris", stage="production"))
    assert release is not None
    assert release.version == 1


async def test_a_newly_registered_version_is_announced(store: Store) -> None:
    registry = Registry(many("iris", 1))
    await look(store, registry)
    registry.listed = many("iris", 1, 2)
    assert await look(store, registry) == 1
    assert await heard(store) == set(many("iris", 2))
    assert await look(store, registry) == 0


async def test_no_version_is_missed_among_many_foreign_ones(store: Store) -> None:
    registry = Registry(many("iris", 1))
    await look(store, registry)
    registry.listed = many("foreign", *range(1, 120)) + many("iris", 1, 2)
    await look(store, registry)
    assert await heard(store) == set(many("iris", 2))


async def test_many_foreign_versions_cost_one_short_listing_per_sync(store: Store) -> None:
    registry = Registry(many("foreign", *range(1, 200)) + many("iris", 1))
    await look(store, registry)
    registry.asked.clear()
    await look(store, registry)
    assert registry.asked == [registry_sync.NEWEST]


# ── the repository ───────────────────────────────────────────────────────────────────────────────────

MANIFEST = """\
kind: Deployment
metadata: {{name: iris, namespace: {namespace}}}
spec: {{template: {{spec: {{containers: [{{env: [{{name: MODEL_STAGE, value: production}}]}}]}}}}}}
"""


@dataclass
class Forge:
    """A repository of one manifest."""

    namespace: str = "models"
    commits: int = 1

    async def base(self) -> Base:
        return Base(branch="main", commit=str(self.commits), tree=str(self.commits))

    async def folder(self, path: str, at: Base) -> dict[str, str]:
        manifest = {f"{path}/a.yaml": MANIFEST.format(namespace=self.namespace)}
        return manifest if path.endswith("/production") else {}


@dataclass
class Cluster:
    """Which namespaces are to be watched, in the order in which that was asked for."""

    watched: list[str] = field(default_factory=list)

    @property
    def watch(self) -> "Cluster":
        return self

    def of(self, name: str | None) -> "Cluster":
        return self

    async def ensure(self, namespace: str, kind: Kind, *, configmaps: bool) -> None:
        self.watched.append(namespace)


@dataclass
class OnlyGitHub:
    """The clients, of which only these are used here."""

    github: Forge
    clusters: Cluster


async def test_the_place_of_a_pin_is_found_again_when_its_manifests_change(store: Store) -> None:
    await look(store, Registry())
    forge, cluster = Forge(), Cluster()
    clients = cast("Any", OnlyGitHub(forge, cluster))
    repository = repository_sync.RepositorySync(config=APP, store=store, clients=clients)
    target = Target(model="iris", stage="production")
    seen = []
    for namespace in ("models", "models", "elsewhere"):
        forge.namespace = namespace
        forge.commits += 1
        await repository.sync()
        place = (await store.load(target)).place
        seen.append(place.namespace if place else None)
    assert seen == ["models", "models", "elsewhere"]
    assert cluster.watched == ["models", "elsewhere"]
    assert (await store.load(Target(model="iris", stage="staging"))).place is None
