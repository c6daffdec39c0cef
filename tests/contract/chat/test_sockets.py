"""The fake Slack's Socket Mode, held to what the unmodified SDK and Bolt hear and say over it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.request import SocketModeRequest

from tests.fixtures.chat_world import APP_TOKEN, CHANNEL, TOKEN, Bolted, Served, bolted, served
from tests.fixtures.waiting import until

CARD = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}}],
    }
]


@dataclass(slots=True, kw_only=True)
class Ends:
    """The workspace, and a Bolt app that has come to it."""

    slack: Served
    bolt: Bolted
    handler: AsyncSocketModeHandler
    envelopes: list[SocketModeRequest] = field(default_factory=list)

    async def listen(self, _: object, envelope: SocketModeRequest) -> None:
        self.envelopes.append(envelope)

    def private(self) -> list[str]:
        return [w["text"] for w in self.slack.chat.state()["private"]]

    async def post(self, **more: Any) -> str:
        return str((await self.slack.sdk.chat_postMessage(channel=CHANNEL, text="card", **more))["ts"])


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    async with served(tmp_path, patience=0.3) as slack, bolted(slack) as bolt:
        handler = AsyncSocketModeHandler(bolt.app, APP_TOKEN, web_client=slack.sdk, ping_interval=0.2)
        ends = Ends(slack=slack, bolt=bolt, handler=handler)
        handler.client.socket_mode_request_listeners.append(ends.listen)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # the SDK is untyped there
        await until(lambda: slack.chat.sockets.connected, "the socket to connect")
        yield ends
        await handler.close_async()  # type: ignore[no-untyped-call]  # the SDK is untyped there


async def test_what_people_do_comes_over_the_socket_and_no_request_is_made(ends: Ends) -> None:
    @ends.bolt.app.command("/promote")
    async def promote(ack: Any, command: dict[str, Any]) -> None:
        await ack(text=f"you typed {command['text']}", response_type="ephemeral")

    @ends.bolt.app.action("approve")
    async def approve(ack: Any) -> None:
        await ack()

    told = await ends.slack.chat.send(user="alice", channel="#ml-releases", text="/promote iris production")
    assert (told["ok"], ends.private()) == (True, ["you typed iris production"])
    ts = await ends.post(blocks=CARD)
    await ends.slack.chat.click(user="bob", ts=ts, action_id="approve")
    await ends.slack.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await until(lambda: ends.bolt.seen, "an event at the app")
    assert [(e.type, e.accepts_response_payload) for e in ends.envelopes] == [
        ("slash_commands", True),
        ("interactive", True),
        ("events_api", False),
    ]
    assert ends.bolt.seen[0]["event"]["reaction"] == "white_check_mark"
    assert len({e.envelope_id for e in ends.envelopes}) == 3
    assert ends.bolt.requests == []


async def test_an_event_that_is_not_acknowledged_comes_again_with_the_same_id(ends: Ends) -> None:
    ends.slack.chat.sockets.lost = 2
    await ends.slack.chat.react(user="bob", ts=await ends.post(), emoji="eyes")
    await until(lambda: len(ends.envelopes) == 3, "three envelopes")
    assert [(e.retry_attempt, e.retry_reason) for e in ends.envelopes] == [(0, ""), (1, "timeout"), (2, "timeout")]
    assert len({e.payload["event_id"] for e in ends.envelopes}) == 1


async def test_a_command_that_is_not_acknowledged_is_a_timeout_and_does_not_come_again(ends: Ends) -> None:
    told = await ends.slack.chat.send(user="alice", channel="#ml-releases", text="/nobody-listens")
    assert told["error"] == "operation_timeout"
    assert len(ends.envelopes) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_an_app_that_is_asked_to_come_again_does(ends: Ends, reason: str) -> None:
    await ends.slack.chat.sockets.dismiss(reason, notice=0.0)
    await until(lambda: ends.slack.chat.sockets.connected, "the socket to connect")
    await ends.slack.chat.react(user="bob", ts=await ends.post(), emoji="eyes")
    await until(lambda: ends.bolt.seen, "an event at the app")
    assert ends.bolt.requests == []


@pytest.mark.parametrize(("token", "error"), [(TOKEN, "not_allowed_token_type"), ("xapp-1-another", "invalid_auth")])
async def test_only_the_apps_own_token_opens_a_socket_and_it_does_nothing_else(
    ends: Ends, token: str, error: str
) -> None:
    with pytest.raises(SlackApiError, match=error):
        await ends.slack.sdk.apps_connections_open(app_token=token)
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await ends.slack.sdk.auth_test(token=APP_TOKEN)


async def test_an_address_opens_one_socket(ends: Ends) -> None:
    url = (await ends.slack.sdk.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 2)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)
