"""MLflow's client, against a real server behind a proxy that loses answers; what it writes is read past the client."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bot.clients.mlflow.client import MLflow, Registered, RegisteredModel
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reasons import systems
from bot.domain.registry import ModelVersion
from callboard_demo.faults import FaultKind, Faults
from callboard_demo.registry.proxy import proxy
from tests.fixtures.raising import raising
from tests.fixtures.registry import MLflowServer

pytestmark = pytest.mark.slow

IRIS = ModelVersion(model="iris-classifier", version=1)
S3 = "s3://bucket/model"
"""Where the server cannot read: it lacks the library for that, as many a real one lacks the credentials."""
ODD_NAMES = ["it's a model", 'say "hello"', "a&b=c?d#e%20", "Füchse 🦊", "under_score.dot", " padded "]


@dataclass(kw_only=True)
class World:
    """The client under test, and another way to the same server."""

    mlflow: MLflow
    faults: Faults
    http: aiohttp.ClientSession
    writes: list[None] = field(default_factory=list)
    """One for each write that passed through the proxy."""

    async def send(self, method: str, path: str, body: Json) -> Json:
        async with self.http.request(method, f"/api/2.0/mlflow/{path}", json=body) as answer:
            said: Json = await answer.json()
            assert answer.ok, said
            return said

    async def model(self, versions: int = 1, name: str = "", **more: object) -> str:
        """Register a model of a name that no other test uses."""
        name = name or f"model-{secrets.token_hex(4)}"
        await self.send("POST", "registered-models/create", {"name": name})
        for _ in range(versions):
            await self.send("POST", "model-versions/create", {"name": name, "source": S3} | more)
        return name

    async def at(self, model: str, alias: str) -> int | None:
        """Return where an alias points, as the server itself says."""
        async with self.http.get("/api/2.0/mlflow/registered-models/get", params={"name": model}) as answer:
            aliases = (await answer.json())["registered_model"].get("aliases", [])
        return next((int(a["version"]) for a in aliases if a["alias"] == alias), None)


@pytest.fixture
async def world(mlflow_server: MLflowServer) -> AsyncIterator[World]:
    faults, writes = Faults(), list[None]()
    app = proxy(mlflow_server.url, middlewares=[faults.middleware("mlflow")], written=lambda: writes.append(None))
    async with TestServer(app) as server, aiohttp.ClientSession(mlflow_server.url) as http:
        mlflow = MLflow.connect(str(server.make_url("")))
        yield World(mlflow=mlflow, faults=faults, http=http, writes=writes)
        await mlflow.close()


# ── what there is ──


async def test_every_model_is_listed_with_its_aliases_and_its_newest_version(world: World) -> None:
    name, empty = await world.model(versions=3), await world.model(versions=0)
    for alias, version in (("production", "1"), ("Staging_2", "3")):
        await world.send("POST", "registered-models/alias", {"name": name, "alias": alias, "version": version})
    models = await world.mlflow.models()
    assert RegisteredModel(name=name, aliases={"production": 1, "Staging_2": 3}, newest=3) in models
    assert RegisteredModel(name=empty, aliases={}, newest=None) in models
    assert [m.name for m in models] == sorted(m.name for m in models)


async def test_a_version_of_a_legacy_stage_does_not_hide_a_newer_one(world: World) -> None:
    name = await world.model(versions=2)
    await world.send("POST", "model-versions/transition-stage", {"name": name, "version": "1", "stage": "Production"})
    assert next(m.newest for m in await world.mlflow.models() if m.name == name) == 2


async def test_more_models_than_fit_on_a_page_are_all_listed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.clients.mlflow.client.PAGE", "2")
    names = {await world.model() for _ in range(5)}
    assert names <= {m.name for m in await world.mlflow.models()}


async def test_the_newest_versions_come_first_over_all_models(world: World) -> None:
    one, other = await world.model(versions=2), await world.model(versions=1)
    newest = await world.mlflow.newest(3)
    assert [r.what for r in newest] == [
        ModelVersion(model=other, version=1),
        ModelVersion(model=one, version=2),
        ModelVersion(model=one, version=1),
    ]
    assert isinstance(newest[0], Registered)
    assert newest[0].status == "READY"
    assert timedelta(0) <= datetime.now(UTC) - newest[0].created < timedelta(minutes=1)


async def test_a_registry_larger_than_one_answer_is_read_in_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.clients.mlflow.client.PAGE", "2")
    monkeypatch.setattr("bot.clients.mlflow.rest.LARGEST", 6_000)
    name = await world.model(versions=5, description="x" * 1_500)
    newest = await world.mlflow.newest(5)
    assert [r.what for r in newest] == [ModelVersion(model=name, version=number) for number in (5, 4, 3, 2, 1)]
    assert [r.what.version for r in await world.mlflow.newest(3)] == [5, 4, 3]
    with raising(Permanent, systems.AnswerTooLarge):
        monkeypatch.setattr("bot.clients.mlflow.client.PAGE", "5")
        await world.mlflow.newest(5)


async def test_a_prompt_is_no_model_version(world: World) -> None:
    tag = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    name = f"prompt-{secrets.token_hex(4)}"
    await world.send("POST", "registered-models/create", {"name": name, "tags": tag})
    await world.send("POST", "model-versions/create", {"name": name, "source": "prompt-template", "tags": tag})
    assert name not in {r.what.model for r in await world.mlflow.newest()}
    assert name not in {m.name for m in await world.mlflow.models()}


async def test_versions_are_numbers_in_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.clients.mlflow.client.PAGE", "4")
    assert await world.mlflow.versions(await world.model(versions=11)) == tuple(range(1, 12))
    assert await world.mlflow.versions("no-such-model") == ()


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_name_is_data_whatever_it_is_made_of(world: World, name: str) -> None:
    name = await world.model(versions=2, name=f"{name}{secrets.token_hex(4)}")
    what = ModelVersion(model=name, version=2)
    await world.mlflow.move_alias(name, "production", 2)
    await world.mlflow.tag(what, "pull request", "https://github.test/1?a=b&c=d")
    details = await world.mlflow.version_details(what)
    assert details is not None
    assert (details.what, dict(details.tags)) == (what, {"pull request": "https://github.test/1?a=b&c=d"})
    assert await world.mlflow.versions(name) == (1, 2)
    assert await world.mlflow.alias(name, "production") == 2


# ── the card ──


async def test_a_card_holds_what_was_logged(world: World, mlflow_server: MLflowServer) -> None:
    details = await world.mlflow.version_details(IRIS)
    seen = (await mlflow_server.versions("iris-classifier"))[1]
    assert details is not None
    assert details.ready
    assert details.run == seen["run_id"]
    assert dict(details.metrics) == seen["metrics"]
    assert set(details.params) == {"smoothing", "rows"}
    assert details.run_tags["trained_by"] == "alice"
    assert len(details.run_tags["mlflow.source.git.commit"]) == 40
    assert details.inputs is not None
    assert details.inputs[0] == ("sepal_length_mm", "long", True)
    assert details.outputs == (("species", "string", True),)
    assert any(line.startswith("scikit-learn==") for line in details.requirements)
    assert details.size is not None
    assert 1_000 < details.size < 1_000_000


async def test_versions_of_the_demo_differ_in_all_that_is_compared(world: World) -> None:
    one, two = (
        await world.mlflow.version_details(IRIS),
        await world.mlflow.version_details(ModelVersion(model=IRIS.model, version=2)),
    )
    assert one is not None
    assert two is not None
    assert one.metrics["accuracy"] < two.metrics["accuracy"]
    assert one.inputs != two.inputs
    assert one.requirements != two.requirements
    assert one.run_tags["mlflow.source.git.commit"] != two.run_tags["mlflow.source.git.commit"]


async def test_a_missing_version_has_no_details(world: World) -> None:
    assert await world.mlflow.version_details(ModelVersion(model=IRIS.model, version=4711)) is None
    assert await world.mlflow.version_details(ModelVersion(model="no-such-model", version=1)) is None


async def test_files_that_mlflow_itself_cannot_read_leave_the_rest_of_the_card(world: World) -> None:
    what = ModelVersion(model=await world.model(source=S3), version=1)
    details = await world.mlflow.version_details(what)
    assert details is not None
    assert details.what == what
    assert (details.run, details.inputs, details.requirements, details.size, dict(details.metrics)) == (
        None,
        None,
        (),
        None,
        {},
    )
    with pytest.raises(Temporary, match=r"Failing.*status=500"):  # a proof is not left out for it
        await world.mlflow.input_example(what)


async def test_a_version_registered_without_its_run_is_led_to_it_by_the_logged_model(world: World) -> None:
    path, query = "/api/2.0/mlflow/model-versions/get", {"name": IRIS.model, "version": "1"}
    async with world.http.get(path, params=query) as answer:
        source = (await answer.json())["model_version"]["source"]
    model = await world.model(source=source, model_id=source.removeprefix("models:/"))
    original, copied = (
        await world.mlflow.version_details(IRIS),
        await world.mlflow.version_details(ModelVersion(model=model, version=1)),
    )
    assert original is not None
    assert copied is not None
    assert (copied.run, copied.metrics, copied.inputs) == (original.run, original.metrics, original.inputs)


async def test_a_copy_of_a_version_is_led_to_the_model_that_was_copied(world: World) -> None:
    copy = ModelVersion(model=await world.model(source="models:/iris-classifier/1"), version=1)
    original, copied = await world.mlflow.version_details(IRIS), await world.mlflow.version_details(copy)
    assert original is not None
    assert copied is not None
    assert (copied.run, copied.metrics) == (original.run, original.metrics)


async def test_a_metric_that_is_no_number_is_left_out(world: World) -> None:
    run = (await world.send("POST", "runs/create", {"experiment_id": "0"}))["run"]["info"]["run_id"]
    for key, value in (("loss", "NaN"), ("worst", "Infinity"), ("accuracy", 0.5), ("accuracy", 0.75)):
        body = {"run_id": run, "key": key, "value": value, "timestamp": 1}
        await world.send("POST", "runs/log-metric", body)
    details = await world.mlflow.version_details(ModelVersion(model=await world.model(run_id=run), version=1))
    assert details is not None
    assert dict(details.metrics) == {"accuracy": 0.75}


async def test_the_input_example_is_what_was_logged_byte_for_byte(world: World) -> None:
    example = await world.mlflow.input_example(IRIS)
    assert example is not None
    assert example.startswith(b'{\n  "dataframe_split"')
    assert await world.mlflow.input_example(ModelVersion(model=IRIS.model, version=4711)) is None


# ── aliases and tags ──


async def test_an_alias_that_is_not_there_is_none(world: World) -> None:
    name = await world.model()
    assert await world.mlflow.alias(name, "production") is None
    assert await world.mlflow.alias(name, "no alias could be called this / ever") is None


async def test_an_alias_of_no_model_needs_the_operator(world: World) -> None:
    with pytest.raises(Permanent, match=r"Refused.*no-such-model"):
        await world.mlflow.alias("no-such-model", "production")


async def test_a_value_that_is_already_set_causes_no_write(world: World) -> None:
    name = await world.model(versions=2)
    what = ModelVersion(model=name, version=2)
    for _ in range(2):
        await world.mlflow.move_alias(name, "production", 2)
        await world.mlflow.tag(what, "key", "value")
        assert len(world.writes) == 2
    for _ in range(2):
        await world.mlflow.delete_alias(name, "production")
        assert len(world.writes) == 3
    assert await world.at(name, "production") is None


async def test_an_alias_moves_and_a_tag_changes(world: World) -> None:
    name = await world.model(versions=2)
    for version in (1, 2):
        await world.mlflow.move_alias(name, "production", version)
        assert await world.at(name, "production") == version
    for value in ("one", "two", ""):
        await world.mlflow.tag(ModelVersion(model=name, version=1), "key", value)
        details = await world.mlflow.version_details(ModelVersion(model=name, version=1))
        assert details is not None
        assert details.tags["key"] == value


async def test_an_alias_to_no_version_and_a_tag_on_none_need_the_operator(world: World) -> None:
    name = await world.model()
    with pytest.raises(Permanent, match=r"Refused.*version=9"):
        await world.mlflow.move_alias(name, "production", 9)
    with pytest.raises(Permanent, match=r"Refused.*version=9"):
        await world.mlflow.tag(ModelVersion(model=name, version=9), "key", "value")


async def test_a_write_whose_answer_was_lost_may_be_repeated_and_is_done_once(world: World) -> None:
    name = await world.model(versions=2)
    await world.mlflow.move_alias(name, "old", 1)
    what = ModelVersion(model=name, version=2)
    verbs: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: world.mlflow.move_alias(name, "production", 2),
        lambda: world.mlflow.tag(what, "key", "value"),
        lambda: world.mlflow.delete_alias(name, "old"),
    )
    for verb in verbs:
        world.faults.set("mlflow", FaultKind.LOST_ANSWER, 60)
        with pytest.raises(Temporary):
            await verb()
        world.faults.set("mlflow", FaultKind.LOST_ANSWER, 0)
        done = len(world.writes)
        await verb()
        assert len(world.writes) == done
    assert (await world.at(name, "production"), await world.at(name, "old")) == (2, None)


async def test_a_registry_that_is_down_is_temporary_for_every_verb(world: World) -> None:
    world.faults.set("mlflow", FaultKind.DOWN, 60)
    mlflow = world.mlflow
    for verb in (
        mlflow.models(), mlflow.newest(), mlflow.versions("m"), mlflow.version_details(IRIS), mlflow.alias("m", "a"),
        mlflow.move_alias("m", "a", 1), mlflow.delete_alias("m", "a"), mlflow.tag(IRIS, "k", "v"),
        mlflow.input_example(IRIS),
    ):  # fmt: skip
        with raising(Temporary, systems.Unreachable):
            await verb
