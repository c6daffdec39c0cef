"""A manifest that takes seconds to parse does not block the event loop: a commit may hold anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import pytest

from bot.config.app_yaml import parse
from bot.domain.promotion import State, Status
from bot.domain.registry import ModelVersion, VersionDetails
from bot.domain.repository import Base
from bot.domain.target import Place
from bot.engine.evidence import gather
from bot.engine.repository_sync import RepositorySync
from bot.rules.release.decision import Editable, Proposal
from bot.store.store import Store
from tests.fixtures.liveness import alive
from tests.fixtures.promotions import NOON, READY, TARGET

CONFIG: Final = parse("repository: a/b\nstages: {production: {approvals: 1}}\nmodels: {iris-classifier: {}}\n")
PATH: Final = "manifests/iris-classifier/production/a.yaml"
HEAD: Final = """\
kind: Deployment
metadata: {name: iris, namespace: models}
env: [{name: MODEL_STAGE, value: production}, {name: MODEL_VERSION, value: "2"}]
"""
SLOW: Final = HEAD + "x: {" + "".join(f"k{number}: 1," for number in range(18_000)) + "}\n"


class Forge:
    """A repository of one manifest."""

    async def base(self) -> Base:
        return Base(branch="main", commit="c", tree="t")

    async def folder(self, _path: str, _at: Base) -> dict[str, str]:
        return {PATH: SLOW}

    async def files(self, _paths: Iterable[str], _at: Base) -> dict[str, str]:
        return {PATH: SLOW}


class Registry:
    """Knows the version, and nothing of it."""

    async def version_details(self, what: ModelVersion) -> VersionDetails:
        return VersionDetails(what=what)


@dataclass
class Cluster:
    """Which namespaces are watched."""

    watched: list[str] = field(default_factory=list)

    @property
    def watch(self) -> "Cluster":
        return self

    def of(self, _name: str | None) -> "Cluster":
        return self

    async def ensure(self, namespace: str, _kind: object, *, configmaps: bool) -> None:
        self.watched.append(namespace)


@dataclass
class Systems:
    """The clients that are needed here."""

    github: Forge
    mlflow: Registry = field(default_factory=Registry)
    clusters: Cluster = field(default_factory=Cluster)


async def test_the_loop_steps_on_while_pins_are_searched(store: Store) -> None:
    await store.mirror.see({TARGET.model: {}})
    systems = Systems(Forge())
    async with alive("the repository's sync"):
        await RepositorySync(config=CONFIG, store=store, clients=cast("Any", systems)).sync()
    assert systems.clusters.watched == ["models"]


@pytest.mark.parametrize(
    "known", [None, Place(paths=(PATH,), namespace="models", workload="iris")], ids=["new", "known"]
)
async def test_the_loop_steps_on_while_a_change_is_made(store: Store, known: Place | None) -> None:
    promotion = replace(READY, state=State.CHECKING, status=Status())
    await store.place(TARGET, known)
    loaded = replace(await store.load(TARGET), promotion=promotion)
    clients = cast("Any", Systems(Forge()))
    async with alive("a pass"):
        evidence = await gather(loaded, config=CONFIG, store=store, clients=clients, now=NOON)
    assert isinstance(evidence, Proposal)
    assert isinstance(evidence.manifest, Editable)
    assert 'value: "3"' in evidence.manifest.change.after[PATH]
