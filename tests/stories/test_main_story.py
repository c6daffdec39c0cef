"""The main story, as the channel and the systems show it: each layout, approvals, failure, rollback."""

from datetime import timedelta
from pathlib import Path

from callboard_demo.cluster.scripted import Behaviour
from tests.fixtures.story_world import DEPLOYMENT, everything, story_world
from tests.stories.registry import Models

CRASH_AT_ONCE = timedelta(milliseconds=300)


async def test_a_version_goes_from_the_registry_to_production(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await registry.version(model)  # 3
        assert await world.hint(3) == 200
        new = await world.message("New version", "v3")
        assert "accuracy" in everything(new)

        await world.message("Released v3 to staging")
        assert await world.served("staging") == [3]
        assert await world.alias("staging") == 3

        assert "Started: " in await world.type("alice", f"/promote {model} production")
        pull = await world.pull()
        assert pull["head"] == f"callboard/{model}/production"
        changed = [x for x in pull["diff"].splitlines() if x[:1] in "+-" and x[:3] not in {"+++", "---"}]
        assert [x.strip("+- ") for x in changed] == ['value: "1"', 'value: "3"']

        card = await world.message(f"{model} v3", "production", "2 approvals")
        for who, why in (
            ("alice", "so your ✅ was not counted"),
            ("mallory", "only `@ml-release-captains` can approve"),
        ):
            await world.react(who, card)
            await world.until(lambda why=why: [p for p in world.chat.state()["private"] if why in everything(p)], why)  # type: ignore[misc]  # mypy infers no type for a default of a lambda
        await world.react("bob", card)
        assert world.pulls()[0]["state"] == "open"
        await world.react("carol", card)

        done = await world.message("Released v3 to production")
        assert done["ts"] == card["ts"], "the same message tells the whole story"
        assert await world.served("production") == [3, 3, 3]
        assert await world.alias("production") == 3
        assert '"3"' in world.pinned(f"manifests/{model}/production/deployment.yaml")
        assert pull["url"] in (await registry.tags(model, 3)).values()

        await world.type("bob", f"/rollback {model} production")
        await world.message("Released v1 to production")
        assert await world.alias("production") == 1
        assert await world.served("production") == [1, 1, 1]


async def test_one_manifest_whose_stage_itself_moves(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"staging": 2})
    path = f"manifests/{model}/deployment.yaml"
    text = DEPLOYMENT.format(name=model, replicas=1, model=model, stage="staging", version=2)
    async with story_world(
        tmp_path, model=model, mlflow=registry.url, files={path: text}, template="manifests/{model}"
    ) as world:
        await world.type("alice", f"/promote {model} production")
        pull = await world.pull()
        changed = [x for x in pull["diff"].splitlines() if x[:1] in "+-" and x[:3] not in {"+++", "---"}]
        assert [x.strip("+- ") for x in changed] == ["value: staging", "value: production"]
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        await world.react("carol", card)
        await world.message("Released v2 to production")
        assert await world.served("production") == [2]
        assert await world.alias("production") == 2


async def test_a_version_that_dies_is_taken_back_and_the_channel_knows_why(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    crash = Behaviour(output="RuntimeError: weights are corrupt: quokka", ready_after=None, crash_after=CRASH_AT_ONCE)
    async with story_world(tmp_path, model=model, mlflow=registry.url, behaviours={"3": crash}) as world:
        await registry.version(model)
        await world.hint(3)
        failed = await world.message("v3", "staging", "quokka")
        assert "Failed" in everything(failed)
        await world.message("Released v2 to staging")
        assert await world.served("staging") == [2]
        assert '"2"' in world.pinned(f"manifests/{model}/staging/deployment.yaml")
        assert await world.alias("staging") == 2, "the alias never moved"
        assert len(world.messages(f"{model} v3", "staging")) >= 1


async def test_a_veto_closes_the_pull_request(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        await world.react("carol", card, "x")
        await world.message("vetoed by")
        assert [p["number"] for p in world.pulls("closed")] == [1]
        assert '"1"' in world.pinned(f"manifests/{model}/production/deployment.yaml")
        assert "Started: " in await world.type("alice", f"/promote {model} production"), "the target is free again"


async def test_buttons_mean_the_same_as_reactions(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production v2")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        for who in ("bob", "carol"):
            await world.chat.click(user=who, ts=card["ts"], action_id="approve")
        await world.message("Released v2 to production")


async def test_an_impossible_request_is_answered_privately_and_changes_nothing(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    cases = {
        "/promote": "/promote MODEL STAGE",
        f"/promote {model[:-1]} production": "Did you mean",
        f"/promote {model} prodction": f"/promote {model} production",
        f"/promote {model} production 99": "has no version 99",
        f"/promote {model} production @champion": "has no alias",
        f"/promote {model} production 1": f"already runs `{model}` v1",
        f"/promote {model} production 2 please": "please",
        f"/rollback {model} production": "nothing to roll back",
        "/promotions 77": "There is no promotion 77",
        "/callboard dance": "/callboard promote",
    }
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        for typed, says in cases.items():
            assert says in await world.type("alice", typed), typed
        assert (world.pulls(), world.messages()) == ([], [])
        await world.type("alice", f"/promote {model} production")
        pull = await world.pull()
        again = await world.type("bob", f"/promote {model} production")
        assert "on its way" in again
        assert "promotion 1" in again
        assert len(world.pulls()) == 1
        assert pull["number"] == 1
        assert f"{model}" in await world.type("bob", "/models")
        assert "v2" in await world.type("bob", f"/models {model}")
        assert "production" in await world.type("bob", "/promotions")
        assert "requested it" in await world.type("bob", "/promotions 1")
