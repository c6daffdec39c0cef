"""The JSON API behind the page: each order reaches the world once, and bad ones are told what was expected."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bot.domain.json import Json
from callboard_demo.chat.world import BOT_USER, ChatMessage
from callboard_demo.page import Page
from callboard_demo.page.app import STATIC
from tests.fixtures.canned_world import CannedWorld, canned

TOKEN = "the-token-of-this-run"
BUTTON = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "d1"}
PARTS = {
    "channels", "people", "messages", "private", "repository", "pulls", "pods", "workloads", "services", "models",
    "training", "promotions", "bot", "faults", "commands",
}  # fmt: skip


class Script:
    """What a script does with the API."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http

    async def state(self) -> Json:
        """GET the picture of the world."""
        async with self.http.get(f"{self.url}/api/state") as answer:
            picture: Json = await answer.json()
            return picture

    async def order(self, name: str, body: Any) -> tuple[int, Json]:
        """POST an order; return status and JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Callboard-Token": TOKEN}
        async with self.http.post(f"{self.url}/api/{name}", data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def frames(self) -> AsyncIterator[Json]:
        """Yield the pictures that the stream sends."""
        async with self.http.get(f"{self.url}/api/events") as answer:
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


@pytest.fixture
def world(tmp_path: Path) -> CannedWorld:
    return canned(tmp_path)


@pytest.fixture
async def script(world: CannedWorld) -> AsyncIterator[Script]:
    page = Page(world, token=TOKEN)
    timeout = aiohttp.ClientTimeout(total=10)
    async with TestServer(page.app) as server, aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as http:
        await page.start()
        yield Script(str(server.make_url("")).rstrip("/"), http)
    await world.chat.close()


def card(world: CannedWorld) -> ChatMessage:
    """Put a message with a button into the channel."""
    chat = world.chat.world
    blocks: list[Json] = [{"type": "actions", "block_id": "b", "elements": [BUTTON]}]
    return chat.add(ChatMessage(channel="C0MLRELEASES", ts=chat.stamp(), user=BOT_USER, text="card", blocks=blocks))


async def test_the_state_has_every_part_of_the_world(script: Script) -> None:
    state = await script.state()
    assert set(state) == PARTS
    assert state["bot"]["alive"]
    assert [pull["number"] for pull in state["pulls"]] == [12, 11, 10]
    assert [promotion["id"] for promotion in state["promotions"]] == [3, 2, 1]


@pytest.mark.parametrize("channel", ["#ml-releases", "ml-releases", "C0MLRELEASES"])
@pytest.mark.parametrize("person", ["alice", "@alice", "U0ALICE"])
async def test_a_person_says_something_in_a_channel(script: Script, person: str, channel: str) -> None:
    status, _ = await script.order("say", {"as": person, "channel": channel, "text": "Good morning"})
    assert status == 200
    message = (await script.state())["messages"][-1]
    assert (message["name"], message["text"]) == ("alice", "Good morning")


async def test_a_reaction_is_put_on_and_taken_off(script: Script, world: CannedWorld) -> None:
    ts = card(world).ts
    react = {"as": "bob", "ts": ts, "emoji": ":white_check_mark:"}
    await script.order("react", react)
    assert (await script.state())["messages"][0]["reactions"] == [{"name": "white_check_mark", "users": ["U0BOB"]}]
    await script.order("react", {**react, "remove": True})
    assert (await script.state())["messages"][0]["reactions"] == []


async def test_a_click_on_a_button_that_nobody_serves_is_told_to_the_clicker(
    script: Script, world: CannedWorld
) -> None:
    assert (await script.order("click", {"as": "bob", "ts": card(world).ts, "action_id": "approve"}))[0] == 200
    (ephemeral,) = (await script.state())["private"]
    assert ephemeral["to"] == "U0BOB"


async def test_a_training_is_seen_while_it_lasts_and_answers_with_its_version(
    script: Script, world: CannedWorld
) -> None:
    asked = asyncio.create_task(script.order("train", {"model": "churn", "quality": "better"}))
    async for picture in script.frames():
        if picture["training"]:
            break
    assert picture["training"] == [{"model": "churn", "quality": "better", "seconds": 0, "says": "fitting"}]
    world.registry.may_finish.set()
    assert await asked == (200, {"ok": True, "model": "churn", "version": 4})
    assert (await script.state())["training"] == []


async def test_the_bot_is_killed_and_started(script: Script) -> None:
    await script.order("bot", {"do": "kill"})
    state = await script.state()
    assert (state["bot"]["alive"], state["promotions"]) == (False, [])
    await script.order("bot", {"do": "start"})
    assert (await script.state())["bot"]["alive"]


async def test_a_fault_is_set_and_shown(script: Script, world: CannedWorld) -> None:
    assert (await script.order("fault", {"system": "mlflow", "kind": "lost_answer", "seconds": 30}))[0] == 200
    assert (await script.state())["faults"]["mlflow"]["kind"] == "lost_answer"
    assert world.faults.present("mlflow") == "lost_answer"


SAY = {"as": "alice", "channel": "#ml-releases", "text": "hi"}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("say", b"{", 'Expected {"as": "alice"'),
        ("say", b'["as"]', "Expected `object`, got `array`"),
        ("say", b"\xff\xfe", 'Expected {"as": "alice"'),
        ("say", {"as": "alice", "channel": "#ml-releases"}, "missing required field `text`"),
        ("say", {**SAY, "colour": "red"}, "unknown field `colour`"),
        ("say", {**SAY, "text": ""}, "length >= 1"),
        ("say", {**SAY, "text": 7}, "Expected `str`, got `int`"),
        ("say", {**SAY, "as": "dave"}, 'no person "dave"; known: alice, bob, carol, mallory'),
        ("say", {**SAY, "as": "callboard"}, 'no person "callboard"'),
        ("say", {**SAY, "channel": "#nowhere"}, 'no channel "nowhere"; known: ml-releases, random'),
        ("react", {"as": "bob", "ts": "1.0", "emoji": "x"}, 'no message with the ts "1.0"'),
        ("react", {"as": "bob", "ts": "CARD", "emoji": "<x>"}, "matching regex"),
        ("react", {"as": "bob", "ts": "CARD", "emoji": "no-such-emoji"}, "there is no emoji 'no-such-emoji'"),
        ("click", {"as": "bob", "ts": "CARD", "action_id": "veto"}, 'no button "veto": it has approve'),
        ("train", {"model": "iris", "quality": "better"}, 'no model "iris"; known: churn, iris-classifier'),
        ("train", {"model": "churn", "quality": "best"}, "Invalid enum value 'best'"),
        ("bot", {"do": "restart"}, "Invalid enum value 'restart'"),
        ("fault", {"system": "gitlab", "kind": "down", "seconds": 1}, "Invalid enum value 'gitlab'"),
        ("fault", {"system": "slack", "kind": "slow", "seconds": 1}, "Invalid enum value 'slow'"),
        ("fault", {"system": "slack", "kind": "down", "seconds": 601}, "<= 600"),
    ],
)
async def test_a_bad_order_changes_nothing_and_is_told_what_was_expected(
    script: Script, world: CannedWorld, name: str, body: Any, expected: str
) -> None:
    ts = card(world).ts
    if isinstance(body, dict) and body.get("ts") == "CARD":
        body = {**body, "ts": ts}
    before = await script.state()
    status, said = await script.order(name, body)
    assert status == 400
    assert expected in said["error"]
    assert await script.state() == before


async def test_the_stream_begins_with_a_whole_picture_and_sends_one_per_change(
    script: Script, world: CannedWorld
) -> None:
    frames = script.frames()
    first = await anext(frames)
    assert set(first) == PARTS
    world.forge.change(pulls=[])
    second = await anext(frames)
    assert (len(first["pulls"]), second["pulls"]) == (3, [])
    await frames.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator


async def test_many_changes_at_once_are_one_picture(script: Script, world: CannedWorld) -> None:
    frames = script.frames()
    await anext(frames)
    for number in range(50):
        world.forge.change(head=f"{number:07d}", pulls=[{"number": number}])
    seen = [(await anext(frames))["pulls"][0]["number"]]
    while seen[-1] != 49:
        seen.append((await anext(frames))["pulls"][0]["number"])
    assert len(seen) <= 2
    await frames.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator


async def test_closing_the_page_ends_its_streams(tmp_path: Path) -> None:
    world = canned(tmp_path)
    page = Page(world, token=TOKEN)
    async with TestServer(page.app) as server, aiohttp.ClientSession(read_bufsize=1 << 20) as http:
        await page.start()
        script = Script(str(server.make_url("")).rstrip("/"), http)
        frames = script.frames()
        await anext(frames)
        await page.close()
        with pytest.raises(StopAsyncIteration):
            await anext(frames)
    await world.chat.close()
    assert world.forge.on_change == []


def test_no_script_of_the_page_turns_text_into_markup() -> None:
    for source in STATIC.glob("*.js"):
        text = source.read_text(encoding="utf-8")
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
            assert forbidden not in text, f"{source.name} uses {forbidden}"
