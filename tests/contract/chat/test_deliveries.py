"""The fake Slack delivers to a real Bolt app what people do: commands and clicks, signed, on time, tried once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers import COMMANDS
from tests.fixtures.chat_world import CHANNEL, SECRET, Sides, bolted, installed, served

BUTTON = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "7"}
CARD = [{"type": "actions", "block_id": "doors", "elements": [BUTTON]}]


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[Sides]:
    async with served(tmp_path, patience=1.0) as slack, bolted(slack) as bolt:
        yield Sides(slack=slack, bolt=bolt)


# ── slash commands ───────────────────────────────────────────────────────────────────────────────────


async def test_a_command_arrives_with_all_that_slack_sends(sides: Sides) -> None:
    heard: list[dict[str, Any]] = []

    @sides.bolt.app.command("/promote")
    async def promote(ack: Any, command: dict[str, Any]) -> None:
        heard.append(command)
        await ack()

    told = await sides.type("/promote iris-classifier  production @champion")
    assert (told["ok"], told["status"]) == (True, 200)
    command = heard[0]
    assert (command["command"], command["text"]) == ("/promote", "iris-classifier  production @champion")
    assert (command["user_id"], command["user_name"]) == ("U0ALICE", "alice")
    assert (command["channel_id"], command["channel_name"]) == (CHANNEL, "ml-releases")
    assert set(command) == {
        *("token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text"),
        *("api_app_id", "is_enterprise_install", "response_url", "trigger_id"),
    }
    assert (sides.private(), sides.public()) == ([], [])


async def test_once_the_app_is_installed_only_its_commands_are_delivered(sides: Sides) -> None:
    installed(sides.slack.chat)
    told = await sides.type("/promotee iris-classifier")
    assert (told["ok"], told["error"]) == (False, "not a valid command")
    (said,) = sides.private()
    assert said.startswith(
        '`/promotee` is not a valid command. In Slack, all messages that start with the "/" character'
    )
    assert [each["name"] for each in sides.slack.chat.state()["commands"]] == list(COMMANDS)


@pytest.mark.parametrize(
    ("answer", "private", "public"),
    [
        pytest.param("on it", ["on it"], [], id="plain"),
        pytest.param({"text": "on it"}, ["on it"], [], id="json"),
        pytest.param({"text": "on it", "response_type": "in_channel"}, [], ["on it"], id="in-channel"),
        pytest.param({"text": "on it", "blocks": CARD}, ["on it"], [], id="blocks"),
        pytest.param("", [], [], id="nothing"),
    ],
)
async def test_a_commands_answer_is_shown(sides: Sides, answer: Any, private: list[str], public: list[str]) -> None:
    @sides.bolt.app.command("/promote")
    async def promote(ack: Any) -> None:
        await (ack(**answer) if isinstance(answer, dict) else ack(answer))

    assert (await sides.type("/promote"))["ok"]
    assert (sides.private(), sides.public()) == (private, public)


async def test_an_answer_that_slack_would_not_take_is_said(sides: Sides) -> None:
    @sides.bolt.app.command("/promote")
    async def promote(ack: Any) -> None:
        await ack(text="x", blocks=[{"type": "nonsense"}])

    assert not (await sides.type("/promote"))["ok"]
    assert sides.private() == ['/promote failed with the error "invalid_command_response"']


async def test_a_command_is_never_tried_again(sides: Sides) -> None:
    sides.bolt.statuses = [500]
    assert (await sides.type("/promote"))["status"] == 500
    assert sides.private() == ['/promote failed with the error "dispatch_failed"']
    assert len(sides.bolt.requests) == 1


async def test_a_dropped_connection_is_said_to_the_person(sides: Sides) -> None:
    sides.bolt.statuses = [0]
    told = await sides.type("/promote", user="mallory")
    assert (told["ok"], told["status"], told["error"]) == (False, 0, "dispatch_failed")
    assert sides.slack.chat.state()["private"][0]["to"] == "U0MALLORY"


async def test_an_answer_that_is_late_is_a_timeout(tmp_path: Path) -> None:
    async with served(tmp_path, patience=0.2) as slack, bolted(slack) as bolt:
        never = asyncio.Event()

        @bolt.app.command("/promote")
        async def promote(ack: Any) -> None:
            await never.wait()

        told = await slack.chat.send(user="alice", channel="#ml-releases", text="/promote")
        assert told["error"] == "operation_timeout"
        assert slack.chat.state()["private"][0]["text"] == '/promote failed with the error "operation_timeout"'
        never.set()


async def test_a_request_carries_slacks_signature(sides: Sides) -> None:
    await sides.type("/promote iris")
    request = sides.bolt.requests[0]
    verifier = SignatureVerifier(SECRET)
    assert verifier.is_valid_request(await request.text(), request.headers)
    assert not verifier.is_valid_request(await request.text() + "x", request.headers)


async def test_an_app_with_another_secret_takes_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as slack, bolted(slack, secret="another-secret") as bolt:

        @bolt.app.command("/promote")
        async def promote(ack: Any) -> None:
            raise AssertionError("an unsigned command was taken")

        told = await slack.chat.send(user="alice", channel="#ml-releases", text="/promote")
        assert (told["ok"], told["status"]) == (False, 401)


# ── clicks ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_click_arrives_with_the_message_it_was_made_on(sides: Sides) -> None:
    heard: list[dict[str, Any]] = []

    @sides.bolt.app.action("approve")
    async def approve(ack: Any, body: dict[str, Any]) -> None:
        heard.append(body)
        await ack()

    ts = await sides.post(blocks=CARD)
    await sides.slack.chat.click(user="bob", ts=ts, action_id="approve")
    body = heard[0]
    assert (body["type"], body["user"]["id"], body["channel"]["id"]) == ("block_actions", "U0BOB", CHANNEL)
    assert body["container"] == {"type": "message", "message_ts": ts, "channel_id": CHANNEL, "is_ephemeral": False}
    assert (body["message"]["ts"], body["message"]["blocks"][0]["block_id"]) == (ts, "doors")
    action = body["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "doors", "7")
    assert float(action["action_ts"]) > float(ts)


async def test_a_click_that_fails_is_said_privately_and_not_repeated(sides: Sides) -> None:
    ts = await sides.post(blocks=CARD)
    sides.bolt.statuses = [500]
    await sides.slack.chat.click(user="bob", ts=ts, action_id="approve")
    assert sides.private() == ['That button failed with the error "dispatch_failed"']
    assert len(sides.bolt.requests) == 1


async def test_a_button_that_is_not_there_cannot_be_pressed(sides: Sides) -> None:
    ts = await sides.post(blocks=CARD)
    for where, action in ((ts, "veto"), ("1.000001", "approve")):
        with pytest.raises(LookupError):
            await sides.slack.chat.click(user="bob", ts=where, action_id=action)
    assert sides.bolt.requests == []


async def test_a_button_in_private_words_can_be_pressed_by_their_reader_alone(sides: Sides) -> None:
    heard: list[dict[str, Any]] = []

    @sides.bolt.app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], respond: Any) -> None:
        heard.append(body)
        await ack()
        await respond(text="thank you", replace_original=True)

    sent = await sides.slack.sdk.chat_postEphemeral(channel=CHANNEL, user="U0BOB", text="sure?", blocks=CARD)
    with pytest.raises(LookupError):
        await sides.slack.chat.click(user="mallory", ts=sent["message_ts"], action_id="approve")
    await sides.slack.chat.click(user="bob", ts=sent["message_ts"], action_id="approve")
    assert (heard[0]["container"]["is_ephemeral"], "message" in heard[0]) == (True, False)
    assert sides.private() == ["thank you"]


# ── response_url, triggers ───────────────────────────────────────────────────────────────────────────


async def test_a_response_url_is_good_for_five_answers(sides: Sides) -> None:
    @sides.bolt.app.command("/promote")
    async def promote(ack: Any, command: dict[str, Any]) -> None:
        await ack(command["response_url"])

    await sides.type("/promote")
    url = sides.private().pop()
    hook = AsyncWebhookClient(url, session=sides.slack.sdk.session)
    for n in range(5):
        assert (await hook.send(text=str(n), response_type="in_channel")).body == "ok"
    refused = await hook.send(text="once more")
    assert (refused.status_code, "used_url" in refused.body) == (404, True)
    assert sides.public() == ["0", "1", "2", "3", "4"]


async def test_a_response_url_replaces_and_deletes_what_was_clicked(sides: Sides) -> None:
    @sides.bolt.app.action("approve")
    async def approve(ack: Any, respond: Any, action: dict[str, Any]) -> None:
        await ack()
        await respond(text="approved", replace_original=True)
        if action["value"] == "8":
            await respond(delete_original=True)

    await sides.slack.chat.click(user="bob", ts=await sides.post(blocks=CARD), action_id="approve")
    gone = await sides.post(blocks=[CARD[0] | {"elements": [BUTTON | {"value": "8"}]}])
    await sides.slack.chat.click(user="bob", ts=gone, action_id="approve")
    assert sides.public() == ["approved"]


async def test_a_response_url_takes_no_nonsense_and_does_not_count_it(sides: Sides) -> None:
    @sides.bolt.app.command("/promote")
    async def promote(ack: Any, command: dict[str, Any]) -> None:
        await ack(command["response_url"])

    await sides.type("/promote")
    hook = AsyncWebhookClient(sides.private().pop(), session=sides.slack.sdk.session)
    for _ in range(6):
        refused = await hook.send(text="x", blocks=[{"type": "nonsense"}])
        assert (refused.status_code, refused.body) == (400, "invalid_blocks")
    assert (await hook.send(text="x")).status_code == 200


async def test_a_response_url_lasts_half_an_hour(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    async with served(tmp_path, clock=lambda: now[0]) as slack, bolted(slack) as bolt:

        @bolt.app.command("/promote")
        async def promote(ack: Any, command: dict[str, Any]) -> None:
            await ack(command["response_url"])

        await slack.chat.send(user="alice", channel="#ml-releases", text="/promote")
        hook = AsyncWebhookClient(slack.chat.state()["private"][0]["text"], session=slack.sdk.session)
        now[0] += 29 * 60
        assert (await hook.send(text="x")).status_code == 200
        now[0] += 61
        assert "expired_url" in (await hook.send(text="x")).body


async def test_a_trigger_opens_one_view_within_three_seconds(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Why?"}, "blocks": CARD}
    async with served(tmp_path, clock=lambda: now[0]) as slack, bolted(slack) as bolt:
        triggers: list[str] = []

        @bolt.app.command("/promote")
        async def promote(ack: Any, command: dict[str, Any]) -> None:
            triggers.append(command["trigger_id"])
            await ack()

        for _ in range(2):
            await slack.chat.send(user="alice", channel="#ml-releases", text="/promote")
        assert (await slack.sdk.views_open(trigger_id=triggers[0], view=view))["view"]["type"] == "modal"
        now[0] += 3.1
        for trigger, error in (
            (triggers[0], "exchanged_trigger_id"),
            (triggers[1], "expired_trigger_id"),
            ("nonsense", "invalid_trigger_id"),
        ):
            with pytest.raises(SlackApiError) as caught:
                await slack.sdk.views_open(trigger_id=trigger, view=view)
            assert caught.value.response["error"] == error
