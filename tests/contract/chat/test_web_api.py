"""The fake Slack answers the real SDK as Slack does: arguments, errors, history, people."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from callboard_demo.chat.web_api import METHODS
from tests.fixtures.chat_world import CHANNEL, TOKEN, Served, served

SECTION = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}]
METADATA = {"event_type": "callboard", "event_payload": {"key": "7"}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as served_world:
        yield served_world


async def refusal(call: Any) -> dict[str, Any]:
    """Return what Slack refuses a call with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    body: dict[str, Any] = caught.value.response.data
    return body


def shown(world: Served, ts: str) -> dict[str, Any]:
    """Return a message as the page sees it."""
    found: dict[str, Any] = next(m for m in world.chat.state()["messages"] if m["ts"] == ts)
    return found


# ── arguments and tokens ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["get-query", "post-query", "form", "multipart", "json"])
async def test_arguments_are_read_wherever_the_caller_puts_them(world: Served, way: str) -> None:
    flat = {"channel": CHANNEL, "text": "hi", "blocks": json.dumps(SECTION), "metadata": json.dumps(METADATA)}
    nested = {"channel": CHANNEL, "text": "hi", "blocks": SECTION, "metadata": METADATA}
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "get-query": ("GET", {"params": flat}),
        "post-query": ("POST", {"params": flat}),
        "form": ("POST", {"data": flat}),
        "multipart": ("POST", {"data": _multipart(flat)}),
        "json": ("POST", {"json": nested}),
    }
    verb, given = ways[way]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, world.url + "chat.postMessage", headers=headers, **given) as response,
    ):
        body = await response.json()
    assert body["ok"], body
    assert body["message"]["blocks"][0]["text"]["text"] == "*hello*"
    history = await world.sdk.conversations_history(channel=CHANNEL, include_all_metadata=True)
    assert history["messages"][0]["metadata"] == METADATA


def _multipart(fields: dict[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value, content_type="text/plain")
    return form


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-another", "invalid_auth")])
async def test_a_wrong_token_is_refused(tmp_path: Path, token: str, error: str) -> None:
    async with served(tmp_path, token=token) as world:
        assert (await refusal(world.sdk.auth_test()))["error"] == error


async def test_a_token_may_be_an_argument(world: Served) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(world.url + "auth.test", data={"token": TOKEN}) as response:
            assert (await response.json())["user_id"] == "U0CALLBOARD"
        async with session.post(world.url + "auth.test", json={"token": TOKEN}) as response:
            assert (await response.json())["error"] == "not_authed"


async def test_an_unknown_method_is_named(world: Served) -> None:
    body = await refusal(world.sdk.api_call("chat.shout"))
    assert (body["error"], body["req_method"]) == ("unknown_method", "chat.shout")


async def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    async with served(tmp_path, scopes={"reactions:read"}) as world:
        body = await refusal(world.sdk.chat_postMessage(channel=CHANNEL, text="hi"))
    assert (body["error"], body["needed"], body["provided"]) == ("missing_scope", "chat:write", "reactions:read")


async def test_the_log_tells_what_was_called_and_how_it_ended(world: Served) -> None:
    await world.sdk.chat_postMessage(channel=CHANNEL, text="hi")
    await refusal(world.sdk.chat_postMessage(channel="C0NOWHERE", text="hi"))
    told = [(c.method, c.args["channel"], c.error) for c in world.chat.log]
    assert told == [("chat.postMessage", CHANNEL, None), ("chat.postMessage", "C0NOWHERE", "channel_not_found")]


def test_every_method_that_the_design_names_is_there() -> None:
    promised = {
        *("auth.test", "team.info", "bots.info", "users.info", "users.list", "users.lookupByEmail"),
        *("chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral", "chat.getPermalink"),
        *("conversations.list", "conversations.info", "conversations.history", "conversations.replies"),
        *("conversations.members", "conversations.open", "conversations.join"),
        *("usergroups.list", "usergroups.users.list", "reactions.add", "reactions.remove", "reactions.get"),
        *("views.publish", "views.open"),
    }
    assert promised <= set(METHODS)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "error"),
    [
        pytest.param({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found", id="no-channel"),
        pytest.param({"text": "x", "channel": ""}, "channel_not_found", id="empty-channel"),
        pytest.param({"channel": CHANNEL, "text": ""}, "no_text", id="no-text"),
        pytest.param({"channel": CHANNEL, "text": "  \n"}, "no_text", id="blank"),
        pytest.param({"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long", id="too-long"),
        pytest.param(
            {"channel": CHANNEL, "text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message", id="no-thread"
        ),
        pytest.param({"channel": CHANNEL, "text": "x", "blocks": "[{"}, "invalid_blocks_format", id="not-json"),
        pytest.param(
            {"channel": CHANNEL, "text": "x", "attachments": [{}] * 101}, "too_many_attachments", id="attachments"
        ),
        pytest.param({"channel": CHANNEL, "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format", id="metadata"),
        pytest.param(
            {"channel": CHANNEL, "text": "x", "metadata": {"event_type": "e", "event_payload": {"a": {"b": {}}}}},
            "invalid_metadata_schema",
            id="metadata-too-deep",
        ),
    ],
)
async def test_a_message_that_slack_would_not_take_is_refused(world: Served, args: dict[str, Any], error: str) -> None:
    assert (await refusal(world.sdk.api_call("chat.postMessage", json=args)))["error"] == error
    assert world.chat.state()["messages"] == []


async def test_the_bot_posts_only_where_it_is_a_member(world: Served) -> None:
    world.chat.kick("#random")
    assert (await refusal(world.sdk.chat_postMessage(channel="#random", text="x")))["error"] == "not_in_channel"
    await world.sdk.conversations_join(channel="C0RANDOM")
    assert (await world.sdk.chat_postMessage(channel="#random", text="x"))["channel"] == "C0RANDOM"


async def test_control_characters_are_escaped_and_mentions_are_kept(world: Served) -> None:
    posted = await world.sdk.chat_postMessage(channel=CHANNEL, text="<!channel> <@U0BOB> a<b & c &amp; <https://x.y|z>")
    assert posted["message"]["text"] == "<!channel> <@U0BOB> a&lt;b &amp; c &amp; <https://x.y|z>"
    assert shown(world, posted["ts"])["pings"] == ["channel", "U0BOB"]


async def test_what_a_block_calls_is_a_ping_too_but_plain_text_calls_nobody(world: Served) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "<!here>"}}
    header = {"type": "header", "text": {"type": "plain_text", "text": "<!everyone>"}}
    posted = await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=[section, header])
    assert shown(world, posted["ts"])["pings"] == ["here"]


async def test_an_edit_with_blocks_shows_no_mark_and_text_alone_takes_the_blocks_away(world: Served) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="one", blocks=SECTION, metadata=METADATA))["ts"]
    await world.sdk.chat_update(channel=CHANNEL, ts=ts, text="two", blocks=SECTION)
    assert (shown(world, ts)["edited"], len(shown(world, ts)["blocks"])) == (False, 1)
    await world.sdk.chat_update(channel=CHANNEL, ts=ts, text="three")
    assert (shown(world, ts)["edited"], shown(world, ts)["blocks"]) == (True, [])
    kept = world.chat.world.find(ts)
    assert kept is not None
    assert [v["text"] for v in kept.versions] == ["one", "two", "three"]
    assert kept.metadata == METADATA


@pytest.mark.parametrize(
    ("args", "error"),
    [
        pytest.param({"channel": CHANNEL, "ts": "1.000001", "text": "x"}, "message_not_found", id="gone"),
        pytest.param({"channel": "#ml-releases", "ts": "1.000001", "text": "x"}, "channel_not_found", id="by-name"),
    ],
)
async def test_an_edit_of_what_is_not_there_is_refused(world: Served, args: dict[str, Any], error: str) -> None:
    assert (await refusal(world.sdk.chat_update(**args)))["error"] == error


async def test_the_text_of_an_edit_has_a_tenth_of_the_room_of_a_post(world: Served) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x" * 40_000))["ts"]
    await world.sdk.chat_update(channel=CHANNEL, ts=ts, text="x" * 4_000)
    assert (await refusal(world.sdk.chat_update(channel=CHANNEL, ts=ts, text="x" * 4_001)))["error"] == "msg_too_long"


async def test_other_peoples_messages_can_be_neither_edited_nor_deleted(world: Served) -> None:
    ts = (await world.chat.send(user="alice", channel="#ml-releases", text="mine"))["ts"]
    assert (await refusal(world.sdk.chat_update(channel=CHANNEL, ts=ts, text="x")))["error"] == "cant_update_message"
    assert (await refusal(world.sdk.chat_delete(channel=CHANNEL, ts=ts)))["error"] == "cant_delete_message"


async def test_a_deleted_message_is_gone(world: Served) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
    await world.sdk.chat_delete(channel=CHANNEL, ts=ts)
    assert (await refusal(world.sdk.chat_getPermalink(channel=CHANNEL, message_ts=ts)))["error"] == "message_not_found"


async def test_only_one_person_sees_an_ephemeral_message(world: Served) -> None:
    await world.sdk.chat_postEphemeral(channel=CHANNEL, user="U0MALLORY", text="not you")
    assert world.chat.state()["messages"] == []
    assert [(w["to"], w["text"]) for w in world.chat.state()["private"]] == [("U0MALLORY", "not you")]
    body = await refusal(world.sdk.chat_postEphemeral(channel=CHANNEL, user="U0NOBODY", text="x"))
    assert body["error"] == "user_not_in_channel"


async def test_a_permalink_names_the_thread(world: Served) -> None:
    root = (await world.sdk.chat_postMessage(channel=CHANNEL, text="root"))["ts"]
    reply = (await world.sdk.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root))["ts"]
    link = (await world.sdk.chat_getPermalink(channel=CHANNEL, message_ts=reply))["permalink"]
    assert link == f"https://acme.slack.com/archives/{CHANNEL}/p{reply.replace('.', '')}?thread_ts={root}&cid={CHANNEL}"


# ── history ──────────────────────────────────────────────────────────────────────────────────────────


async def test_history_pages_backwards_without_thread_replies(world: Served) -> None:
    tops = [(await world.sdk.chat_postMessage(channel=CHANNEL, text=str(n)))["ts"] for n in range(5)]
    await world.sdk.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=tops[0])
    pages = await world.sdk.conversations_history(channel=CHANNEL, limit=2)
    found = [m["ts"] async for page in pages for m in page["messages"]]
    assert found == tops[::-1]
    root = (await world.sdk.conversations_history(channel=CHANNEL, latest=tops[0], inclusive=True))["messages"][0]
    assert (root["reply_count"], root["reply_users"]) == (1, ["U0CALLBOARD"])


async def test_the_ends_of_a_span_count_only_when_asked(world: Served) -> None:
    a, b, c = [(await world.sdk.chat_postMessage(channel=CHANNEL, text=t))["ts"] for t in "abc"]

    async def texts(**span: Any) -> str:
        history = await world.sdk.conversations_history(channel=CHANNEL, **span)
        return "".join(m["text"] for m in history["messages"])

    assert await texts(oldest=a, latest=c) == "b"
    assert await texts(oldest=a, latest=c, inclusive=True) == "cba"
    assert await texts(oldest=b) == "c"
    error = (await refusal(world.sdk.conversations_history(channel=CHANNEL, oldest="yesterday")))["error"]
    assert error == "invalid_ts_oldest"


async def test_metadata_is_shown_only_when_asked_for(world: Served) -> None:
    await world.sdk.chat_postMessage(channel=CHANNEL, text="x", metadata=METADATA)
    assert "metadata" not in (await world.sdk.conversations_history(channel=CHANNEL))["messages"][0]
    asked = await world.sdk.conversations_history(channel=CHANNEL, include_all_metadata=True)
    assert asked["messages"][0]["metadata"] == METADATA


async def test_replies_begin_with_the_root(world: Served) -> None:
    root = (await world.sdk.chat_postMessage(channel=CHANNEL, text="root"))["ts"]
    for text in ("one", "two"):
        await world.sdk.chat_postMessage(channel=CHANNEL, text=text, thread_ts=root)
    found = (await world.sdk.conversations_replies(channel=CHANNEL, ts=root))["messages"]
    assert [m["text"] for m in found] == ["root", "one", "two"]
    assert [m["text"] for m in shown(world, root)["thread"]] == ["one", "two"]
    missing = await refusal(world.sdk.conversations_replies(channel=CHANNEL, ts="1.000001"))
    assert missing["error"] == "thread_not_found"


async def test_the_kind_of_cursor_that_slack_did_not_give_is_refused(world: Served) -> None:
    assert (await refusal(world.sdk.conversations_list(cursor="2")))["error"] == "invalid_cursor"


# ── people, groups, channels ─────────────────────────────────────────────────────────────────────────


async def test_ids_are_fixed(world: Served) -> None:
    who = await world.sdk.auth_test()
    assert (who["team_id"], who["user_id"], who["bot_id"]) == ("T0ACME", "U0CALLBOARD", "B0CALLBOARD")
    channels = (await world.sdk.conversations_list())["channels"]
    assert {c["name"]: c["id"] for c in channels} == {"ml-releases": CHANNEL, "random": "C0RANDOM"}
    group = (await world.sdk.usergroups_list(include_users=True))["usergroups"][0]
    assert (group["id"], group["handle"]) == ("S0MLRELEASECAPTAINS", "ml-release-captains")
    assert group["users"] == (await world.sdk.usergroups_users_list(usergroup=group["id"]))["users"]
    assert group["users"] == ["U0BOB", "U0CAROL"]


async def test_whoever_is_not_there_is_refused_in_the_methods_own_words(world: Served) -> None:
    assert (await refusal(world.sdk.users_info(user="U0NOBODY")))["error"] == "user_not_found"
    assert (await refusal(world.sdk.users_lookupByEmail(email="x@y.z")))["error"] == "users_not_found"
    assert (await refusal(world.sdk.usergroups_users_list(usergroup="S0NONE")))["error"] == "no_such_subteam"
    assert (await refusal(world.sdk.bots_info(bot="B0NONE")))["error"] == "bot_not_found"


async def test_people_and_places_can_be_looked_up(world: Served) -> None:
    user = (await world.sdk.users_lookupByEmail(email="bob@acme.example"))["user"]
    assert (user["id"], user["is_bot"], user["team_id"]) == ("U0BOB", False, "T0ACME")
    assert len((await world.sdk.users_list())["members"]) == 5
    assert "U0CALLBOARD" in (await world.sdk.conversations_members(channel=CHANNEL))["members"]
    assert (await world.sdk.conversations_info(channel=CHANNEL))["channel"]["is_member"]
    assert (await world.sdk.team_info())["team"]["id"] == "T0ACME"
    assert (await world.sdk.bots_info(bot="B0CALLBOARD"))["bot"]["user_id"] == "U0CALLBOARD"


async def test_a_direct_message_goes_to_a_persons_own_conversation(world: Served) -> None:
    opened = (await world.sdk.conversations_open(users="U0ALICE"))["channel"]["id"]
    assert (await world.sdk.chat_postMessage(channel="U0ALICE", text="psst"))["channel"] == opened


# ── reactions ────────────────────────────────────────────────────────────────────────────────────────


async def test_reactions_are_kept_under_one_name_with_their_skin_tone(world: Served) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
    await world.sdk.reactions_add(channel=CHANNEL, timestamp=ts, name="thumbsup")
    await world.chat.react(user="bob", ts=ts, emoji="+1::skin-tone-3")
    await world.chat.react(user="carol", ts=ts, emoji=":+1:")
    found = (await world.sdk.reactions_get(channel=CHANNEL, timestamp=ts))["message"]["reactions"]
    assert found == [
        {"name": "+1", "users": ["U0CALLBOARD", "U0CAROL"], "count": 2},
        {"name": "+1::skin-tone-3", "users": ["U0BOB"], "count": 1},
    ]


async def test_what_cannot_be_reacted_is_refused(world: Served) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
    mark = {"channel": CHANNEL, "timestamp": ts, "name": "eyes"}
    await world.sdk.reactions_add(**mark)
    assert (await refusal(world.sdk.reactions_add(**mark)))["error"] == "already_reacted"
    await world.sdk.reactions_remove(**mark)
    assert (await refusal(world.sdk.reactions_remove(**mark)))["error"] == "no_reaction"
    for name in ("no_such_emoji", "white_check_mark::skin-tone-2", "+1::skin-tone-9"):
        assert (await refusal(world.sdk.reactions_add(**mark | {"name": name})))["error"] == "invalid_name"
    gone = mark | {"timestamp": "1.000001"}
    assert (await refusal(world.sdk.reactions_add(**gone)))["error"] == "message_not_found"


# ── views, and what lasts ────────────────────────────────────────────────────────────────────────────


async def test_a_home_is_published_and_guards_its_hash(world: Served) -> None:
    view = {"type": "home", "blocks": SECTION * 100}
    published = (await world.sdk.views_publish(user_id="U0ALICE", view=view))["view"]
    await world.sdk.views_publish(user_id="U0ALICE", view=view, hash=published["hash"])
    stale = await refusal(world.sdk.views_publish(user_id="U0ALICE", view=view, hash=published["hash"]))
    assert stale["error"] == "hash_conflict"
    too_long = {"type": "home", "blocks": SECTION * 101}
    body = await refusal(world.sdk.views_publish(user_id="U0ALICE", view=too_long))
    assert body["response_metadata"]["messages"] == [
        "[ERROR] no more than 100 items allowed [json-pointer:/view/blocks]"
    ]


async def test_the_workspace_survives_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as world:
        root = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=SECTION, metadata=METADATA))["ts"]
        await world.sdk.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)
        await world.chat.react(user="bob", ts=root, emoji="white_check_mark")
        await world.sdk.chat_postEphemeral(channel=CHANNEL, user="U0MALLORY", text="not you", blocks=SECTION)
        await world.sdk.chat_postMessage(channel="U0ALICE", text="psst")
        world.chat.kick("#random")
        before = world.chat.state()
    async with served(tmp_path) as world:
        assert world.chat.state() == before
        assert (await refusal(world.sdk.chat_postMessage(channel="#random", text="x")))["error"] == "not_in_channel"
        assert (await world.sdk.chat_postMessage(channel=CHANNEL, text="later"))["ts"] > root


async def test_every_change_is_told_to_the_page(world: Served) -> None:
    told: list[str] = []
    world.chat.on_change.append(lambda: told.append("changed"))
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
    await world.sdk.chat_update(channel=CHANNEL, ts=ts, text="y")
    await world.chat.react(user="bob", ts=ts, emoji="eyes")
    assert len(told) == 3
    await world.chat.react(user="bob", ts=ts, emoji="eyes")
    assert len(told) == 3


async def test_the_clients_own_default_settings_work_too(world: Served) -> None:
    plain = AsyncWebClient(TOKEN, base_url=world.url)
    assert (await plain.auth_test())["ok"]
