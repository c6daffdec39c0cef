"""The fake Slack delivers to a real Bolt app: commands, clicks and events, signed, on time, tried again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.chat_world import CHANNEL, SECRET, Bolted, Served, bolted, served, until

BUTTON = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "7"}
CARD = [{"type": "actions", "block_id": "doors", "elements": [BUTTON]}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The workspace and the app."""

    slack: Served
    bolt: Bolted

    def private(self) -> list[str]:
        return [w["text"] for w in self.slack.chat.state()["private"]]

    def public(self) -> list[str]:
        return [m["text"] for m in self.slack.chat.state()["messages"]]

    async def type(self, text: str, *, user: str = "alice") -> dict[str, Any]:
        return await self.slack.chat.say(user=user, channel="#ml-releases", text=text)

    async def post(self, **more: Any) -> str:
        posted = await self.slack.sdk.chat_postMessage(channel=CHANNEL, text="card", **more)
        return str(posted["ts"])


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

        told = await slack.chat.say(user="alice", channel="#ml-releases", text="/promote")
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

        told = await slack.chat.say(user="alice", channel="#ml-releases", text="/promote")
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

        await slack.chat.say(user="alice", channel="#ml-releases", text="/promote")
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
            await slack.chat.say(user="alice", channel="#ml-releases", text="/promote")
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


# ── events ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reaction_arrives_with_what_it_was_made_on(sides: Sides) -> None:
    ts = await sides.post()
    await sides.slack.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await until(lambda: sides.bolt.seen)
    await sides.slack.chat.react(user="bob", ts=ts, emoji="white_check_mark", remove=True)
    await until(lambda: len(sides.bolt.seen) == 2)
    added, removed = sides.bolt.seen
    event = added["event"]
    assert (event["type"], event["user"], event["reaction"]) == ("reaction_added", "U0BOB", "white_check_mark")
    assert event["item"] == {"type": "message", "channel": CHANNEL, "ts": ts}
    assert (event["item_user"], removed["event"]["type"]) == ("U0CALLBOARD", "reaction_removed")
    assert float(event["event_ts"]) > float(ts)
    assert (added["api_app_id"], added["team_id"]) == ("A0CALLBOARD", "T0ACME")
    assert added["authorizations"][0]["user_id"] == "U0CALLBOARD"
    assert added["event_id"] != removed["event_id"]


async def test_the_same_reaction_twice_is_one_event(sides: Sides) -> None:
    ts = await sides.post()
    for _ in range(2):
        await sides.slack.chat.react(user="bob", ts=ts, emoji="thumbsup")
    await sides.slack.chat.react(user="carol", ts=ts, emoji="+1::skin-tone-3")
    await until(lambda: len(sides.bolt.seen) == 2)
    assert {e["event"]["reaction"] for e in sides.bolt.seen} == {"+1", "+1::skin-tone-3"}
    assert len(sides.bolt.requests) == 2


@pytest.mark.parametrize("failure", [0, 500, 404])
async def test_an_event_is_tried_again_with_the_same_id(sides: Sides, failure: int) -> None:
    sides.bolt.statuses = [failure] * 3
    await sides.slack.chat.react(user="bob", ts=await sides.post(), emoji="eyes")
    await until(lambda: sides.bolt.seen)
    bodies = {await request.text() for request in sides.bolt.requests}
    assert len(bodies) == 1
    tries = [request.headers.get("X-Slack-Retry-Num") for request in sides.bolt.requests]
    assert tries == [None, "1", "2", "3"]
    reason = "http_error" if failure else "connection_failed"
    assert {request.headers.get("X-Slack-Retry-Reason") for request in sides.bolt.requests[1:]} == {reason}


async def test_an_event_is_given_up_after_three_more_tries(sides: Sides) -> None:
    sides.bolt.statuses = [500] * 4
    ts = await sides.post()
    await sides.slack.chat.react(user="bob", ts=ts, emoji="eyes")
    await until(lambda: not sides.bolt.statuses)
    await sides.slack.chat.react(user="carol", ts=ts, emoji="tada")
    await until(lambda: sides.bolt.seen)
    assert [e["event"]["reaction"] for e in sides.bolt.seen] == ["tada"]
    assert len(sides.bolt.requests) == 5


async def test_an_app_may_forbid_further_tries(sides: Sides) -> None:
    sides.bolt.statuses, sides.bolt.headers = [500], {"X-Slack-No-Retry": "1"}
    ts = await sides.post()
    await sides.slack.chat.react(user="bob", ts=ts, emoji="eyes")
    await until(lambda: not sides.bolt.statuses)
    await sides.slack.chat.react(user="carol", ts=ts, emoji="tada")
    await until(lambda: sides.bolt.seen)
    assert len(sides.bolt.requests) == 2


async def test_retries_wait_as_long_as_they_are_told(tmp_path: Path) -> None:
    async with served(tmp_path, retries=(0.0, 3600.0)) as slack, bolted(slack) as bolt:
        bolt.statuses = [500, 500]
        posted = await slack.sdk.chat_postMessage(channel=CHANNEL, text="x")
        await slack.chat.react(user="bob", ts=posted["ts"], emoji="eyes")
        await until(lambda: not bolt.statuses)
        assert (len(bolt.requests), bolt.seen) == (2, [])
    # leaving ends the delivery that still waits for its hour


async def test_the_app_is_told_only_of_channels_that_it_is_in(sides: Sides) -> None:
    ts = await sides.post()
    sides.slack.chat.kick("#ml-releases")
    await sides.slack.chat.react(user="bob", ts=ts, emoji="eyes")
    sides.slack.chat.invite("#ml-releases")
    await sides.slack.chat.react(user="carol", ts=ts, emoji="eyes")
    await until(lambda: sides.bolt.seen)
    assert [e["event"]["user"] for e in sides.bolt.seen] == ["U0CAROL"]
    assert len(sides.bolt.requests) == 1


async def test_a_mention_and_an_opened_home_are_told(sides: Sides) -> None:
    said = await sides.type("@callboard what is live? a<b, ask @bob and @nobody")
    await until(lambda: sides.bolt.seen)
    await sides.slack.chat.open_home(user="alice")
    await until(lambda: len(sides.bolt.seen) == 2)
    mention, home = (e["event"] for e in sides.bolt.seen)
    assert mention["text"] == "<@U0CALLBOARD> what is live? a&lt;b, ask <@U0BOB> and @nobody"
    assert (mention["ts"], mention["channel"], mention["user"]) == (said["ts"], CHANNEL, "U0ALICE")
    assert (home["type"], home["tab"], home["user"]) == ("app_home_opened", "home", "U0ALICE")


async def test_words_that_mention_nobody_are_told_to_nobody(sides: Sides) -> None:
    root = await sides.type("hello")
    await sides.slack.chat.say(user="bob", channel=CHANNEL, text="@callboard", thread=root["ts"])
    await until(lambda: sides.bolt.seen)
    assert len(sides.bolt.requests) == 1
    assert sides.bolt.seen[0]["event"]["thread_ts"] == root["ts"]
    message = sides.slack.chat.state()["messages"][0]
    assert (message["name"], message["text"], len(message["thread"])) == ("alice", "hello", 1)


# ── the handshake, and strangers ─────────────────────────────────────────────────────────────────────


async def test_the_request_url_is_verified(sides: Sides) -> None:
    await sides.slack.chat.verify()
    sides.bolt.statuses = [200]
    with pytest.raises(ConnectionError):
        await sides.slack.chat.verify()


async def test_who_or_what_is_not_there_is_named(sides: Sides) -> None:
    ts = await sides.post()
    with pytest.raises(LookupError, match="eve"):
        await sides.type("/promote", user="eve")
    with pytest.raises(LookupError, match="#nowhere"):
        await sides.slack.chat.say(user="alice", channel="#nowhere", text="x")
    with pytest.raises(LookupError, match="no message"):
        await sides.slack.chat.react(user="alice", ts="1.000001", emoji="eyes")
    with pytest.raises(ValueError, match="no emoji"):
        await sides.slack.chat.react(user="alice", ts=ts, emoji="nonsense")
