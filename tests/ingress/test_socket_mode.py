"""Hearing Slack over a socket: the same facts as over HTTP, each once, whatever becomes of sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import clock
from bot.clients.slack.client import Slack
from bot.config.app_yaml import parse
from bot.domain.chat import Posted
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.promotion import Kind as Wanted
from bot.domain.promotion import MessageStatus, PullStatus, Request
from bot.domain.reason import Said
from bot.domain.reasons.slack import AppTokenRefused, SocketRefused
from bot.domain.registry import ModelVersion
from bot.domain.target import Target
from bot.ingress import socket_mode
from bot.ingress.public import Inbound
from bot.rules.parsing.slack_requests import Kind
from bot.rules.release.decision import Decision, Post
from bot.store.store import Store
from callboard_demo.chat import Chat
from callboard_demo.faults import Faults
from tests.fixtures.chat_world import APP_TOKEN, CHANNEL, TOKEN, served
from tests.fixtures.inbound_world import APP
from tests.fixtures.raising import raising
from tests.fixtures.waiting import until

V1 = ModelVersion(model="iris-classifier", version=1)


@dataclass(slots=True, kw_only=True)
class Line:
    """The workspace, and the bot's ear at the other end of the socket."""

    chat: Chat
    slack: Slack
    store: Store
    inbound: Inbound
    faults: Faults
    lost: int = 0
    heard: list[Kind] = field(default_factory=list)
    fails: int = 0
    """So many of the next envelopes meet a fault of ours."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """What is heard is not taken before this is set."""

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        while True:
            try:
                return await self.slack.socket(APP_TOKEN)
            except Temporary:
                await asyncio.sleep(0.02)

    async def receive(self, kind: Kind, body: Json) -> Json | None:
        self.heard.append(kind)
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a fault of ours")
        return await self.inbound.receive(kind, body)

    def lose(self) -> None:
        self.lost += 1

    async def stand(self) -> str:
        """Let a promotion be under way; return the ts of its message."""
        target, now = Target(model=V1.model, stage="production"), clock.now()
        await self.store.ask(
            Request(target=target, kind=Wanted.PROMOTE, version=1, by="U0ALICE", at=now), key="standing"
        )
        posted = await self.slack.sdk.chat_postMessage(channel=CHANNEL, text="card", blocks=CARD)
        decision = Decision(note={"pull": PullStatus(number=7, url="https://forge/7", digest="d")}, action=Post())
        loaded = await self.store.commit(await self.store.load(target), decision, now=now)
        await self.store.outcome(
            loaded, {"message": MessageStatus(posted=Posted(channel=CHANNEL, ts=posted["ts"]), digest="d")}, now=now
        )
        return str(posted["ts"])

    async def votes(self) -> list[tuple[str, str]]:
        return [(fact.kind.value, fact.by) for fact in (await self.store.story(1))[1][1:]]

    async def until_votes(self, *expected: tuple[str, str]) -> None:
        async def told() -> bool:
            return await self.votes() == list(expected)

        await until(told, f"the votes {expected}")


CARD: list[dict[str, Any]] = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "veto", "text": {"type": "plain_text", "text": "Veto"}}],
    }
]


@asynccontextmanager
async def lined(folder: Path) -> AsyncIterator[Line]:
    """Serve a workspace and a record, with nothing between them yet."""
    store = await Store.open(f"sqlite:///{folder}/callboard.db")
    faults = Faults()
    middlewares = [faults.middleware("slack")]
    async with (
        served(folder / "chat", patience=0.5, middlewares=middlewares) as world,
        Slack.connect(TOKEN, world.url) as slack,
    ):
        inbound = Inbound(config=parse(APP), store=store, wake=lambda: None)
        await store.mirror.see({V1.model: {}})
        await store.mirror.meet((V1,), baseline=True, now=clock.now())
        line = Line(chat=world.chat, slack=slack, store=store, inbound=inbound, faults=faults)
        line.gate.set()
        yield line
    await store.close()


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with lined(tmp_path) as found:
        ear = asyncio.create_task(socket_mode.run(found.connect, found.receive, lost=found.lose))
        await until(lambda: found.chat.sockets.connected, "the socket to connect")
        yield found
        ear.cancel()
        await asyncio.gather(ear, return_exceptions=True)


@pytest.mark.usefixtures("quiet")
async def test_what_people_do_is_recorded_and_answered_as_over_http(line: Line) -> None:
    told = await line.chat.send(user="alice", channel="#ml-releases", text="/promote iris-classifier staging 1")
    assert told["ok"]
    assert "Started: " in line.chat.state()["private"][-1]["text"]
    assert await line.store.open_promotion(Target(model=V1.model, stage="staging"))


@pytest.mark.usefixtures("quiet")
async def test_reactions_and_buttons_are_votes(line: Line) -> None:
    ts = await line.stand()
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"))
    await line.chat.click(user="carol", ts=ts, action_id="veto")
    await line.until_votes(("approve", "U0BOB"), ("veto", "U0CAROL"))
    assert line.chat.state()["private"] == []


@pytest.mark.usefixtures("quiet")
async def test_an_envelope_that_is_delivered_again_changes_nothing(line: Line) -> None:
    ts = await line.stand()
    line.chat.sockets.lost = 2
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await until(lambda: len(line.heard) == 3, "three envelopes")
    await line.chat.react(user="carol", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"), ("approve", "U0CAROL"))


async def test_nothing_is_acknowledged_before_it_is_recorded(line: Line) -> None:
    line.gate.clear()
    typed = asyncio.create_task(line.chat.send(user="alice", channel="#ml-releases", text="/models"))
    await until(lambda: line.heard, "an envelope")
    assert not typed.done()
    line.gate.set()
    assert (await typed)["ok"]


async def test_what_could_not_be_taken_is_not_acknowledged_and_comes_again(line: Line) -> None:
    ts = await line.stand()
    line.fails = 2
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"))
    assert line.chat.sockets.connected


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
@pytest.mark.usefixtures("quiet")
async def test_asked_to_come_again_it_hears_on_over_another_socket(line: Line, reason: str) -> None:
    ts = await line.stand()
    await line.chat.sockets.dismiss(reason, notice=0.2)
    await until(lambda: line.chat.sockets.connected, "the socket to connect")
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"))
    assert (line.lost, line.chat.sockets.connected) == (1, 1)


@pytest.mark.usefixtures("quiet")
async def test_what_is_in_hand_when_it_is_asked_to_come_again_is_still_acknowledged(line: Line) -> None:
    line.gate.clear()
    typed = asyncio.create_task(line.chat.send(user="alice", channel="#ml-releases", text="/models"))
    await until(lambda: line.heard, "an envelope")
    await line.chat.sockets.dismiss(notice=0.4)
    line.gate.set()
    assert (await typed)["ok"]


@pytest.mark.usefixtures("quiet")
async def test_after_a_broken_connection_it_hears_on(line: Line) -> None:
    ts = await line.stand()
    line.faults.set("slack", "down", 0.5)
    await until(lambda: line.lost, "the loss of the connection")
    await until(lambda: line.chat.sockets.connected, "the socket to connect")
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"))


@pytest.mark.usefixtures("quiet")
async def test_an_address_that_was_spent_in_vain_is_not_tried_again(line: Line) -> None:
    """What the SDK's client does for ever, when Slack goes away between its answer and the socket."""
    redeem = line.chat.world.redeem
    tickets: list[str] = []

    def lapsed(ticket: str) -> bool:
        tickets.append(ticket)
        return len(tickets) > 3 and redeem(ticket)

    line.chat.world.redeem = lapsed  # type: ignore[method-assign]  # one connection is refused
    await line.chat.sockets.dismiss(notice=0.0)
    await until(lambda: line.chat.sockets.connected, "the socket to connect")
    assert len(set(tickets)) == len(tickets) == 4


@pytest.mark.usefixtures("quiet")
async def test_nonsense_over_the_socket_is_acknowledged_and_forgotten(line: Line) -> None:
    ts = await line.stand()
    for kind, payload in (("events_api", {"type": []}), ("interactive", {}), ("slash_commands", {"command": 7})):
        assert (await line.chat.sockets.deliver(kind, payload)).status == 200
    assert (await line.chat.sockets.deliver("events_api", [])).reason == "timeout"  # type: ignore[arg-type]  # a payload that is no object
    assert (await line.chat.sockets.deliver("of_a_later_slack", {})).reason == "timeout"
    await line.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await line.until_votes(("approve", "U0BOB"))


async def test_a_token_that_opens_no_socket_is_told_to_the_operator(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        for token in (TOKEN, "xapp-another"):
            with raising(Permanent, AppTokenRefused):
                await line.slack.socket(token)
        assert (await line.slack.whoami()).user == "U0CALLBOARD"


async def test_a_socket_that_slack_does_not_take_is_tried_later(line: Line) -> None:
    others = [await line.slack.socket(APP_TOKEN) for _ in range(9)]
    with raising(Temporary, SocketRefused(said=Said("too_many_websockets"))):
        await line.slack.socket(APP_TOKEN)
    for socket in others:
        await socket.close()
