"""The client for Slack: every method may be repeated, and each error says who can do something about it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.clients.slack.client import Identity, Slack
from bot.domain.chat import Message, Person, Posted
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import slack as reasons
from bot.domain.reasons import systems
from bot.rules.wording.reasons import plain
from callboard_demo.chat import Chat, ChatUser, Limits
from tests.fixtures.chat_world import CHANNEL, PEOPLE, TOKEN, served
from tests.fixtures.raising import raising

CARD = Message(text="promotion 7", blocks=({"type": "section", "text": {"type": "mrkdwn", "text": "*iris* v3"}},))


def refused(method: str, error: str, cause: Reason) -> Reason:
    return reasons.Refused(method=Name(method), error=Said(error), cause=cause)


async def at_once(seconds: float) -> None:
    """Let time pass without waiting for it."""


@dataclass(slots=True)
class Line:
    """The line to Slack: as a middleware it drops connections, before a call or after it has taken effect."""

    down: bool = False
    loses_answers: bool = False

    @web.middleware
    async def carry(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = web.Response() if self.down else await handler(request)
        lost = self.loses_answers and request.match_info["method"].startswith("chat.")
        if (self.down or lost) and request.transport is not None:
            request.transport.abort()
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The workspace, what can go wrong with it, and the client of it."""

    chat: Chat
    line: Line
    slack: Slack

    def calls(self, method: str) -> int:
        return sum(call.method == method for call in self.chat.log)

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.chat.state()["messages"]
        return found


@asynccontextmanager
async def between(folder: Path, *, token: str = TOKEN, **more: Any) -> AsyncIterator[Sides]:
    """Stand between a workspace and the client of it."""
    line = Line()
    async with (
        served(folder, middlewares=[line.carry], **more) as world,
        Slack.connect(token, world.url, sleep=at_once) as slack,
    ):
        yield Sides(chat=world.chat, line=line, slack=slack)


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[Sides]:
    async with between(tmp_path) as found:
        yield found


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_posted_where_its_name_leads(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    assert posted == Posted(channel=CHANNEL, ts=sides.messages()[0]["ts"])
    assert sides.messages()[0]["blocks"][0]["text"]["text"] == "*iris* v3"


async def test_a_message_whose_answer_was_lost_is_found_and_not_posted_again(sides: Sides) -> None:
    tried = datetime.now(UTC)
    sides.line.loses_answers = True
    with pytest.raises(Temporary):
        await sides.slack.post("#ml-releases", CARD, key="7")
    assert len(sides.messages()) == 1
    sides.line.loses_answers = False
    posted = await sides.slack.post("#ml-releases", CARD, key="7", since=tried)
    assert [m["ts"] for m in sides.messages()] == [posted.ts]
    assert sides.calls("chat.postMessage") == 1


async def test_a_thread_reply_whose_answer_was_lost_is_found_in_its_thread(sides: Sides) -> None:
    root = await sides.slack.post("#ml-releases", CARD, key="7")
    tried = datetime.now(UTC)
    sides.line.loses_answers = True
    with pytest.raises(Temporary):
        await sides.slack.post("#ml-releases", CARD, key="7/log", thread=root.ts)
    assert len(sides.messages()[0]["thread"]) == 1
    sides.line.loses_answers = False
    found = await sides.slack.post("#ml-releases", CARD, key="7/log", since=tried, thread=root.ts)
    assert [m["ts"] for m in sides.messages()[0]["thread"]] == [found.ts]


async def test_a_try_that_never_arrived_is_made_good(sides: Sides) -> None:
    tried = datetime.now(UTC)
    sides.line.down = True
    with raising(Temporary, systems.Unreachable):
        await sides.slack.post("#ml-releases", CARD, key="7")
    sides.line.down = False
    await sides.slack.post("#ml-releases", CARD, key="7", since=tried)
    assert len(sides.messages()) == 1


async def test_only_the_same_key_of_our_own_bot_is_found(tmp_path: Path) -> None:
    """Anyone who may post can write metadata: what others wrote must not pass for our message."""
    async with served(tmp_path) as world, Slack.connect(TOKEN, world.url) as slack:
        start = datetime.now(UTC)
        other = await slack.post(CHANNEL, CARD, key="8")
        forged = await slack.post(CHANNEL, CARD, key="7")
        message = world.chat.world.find(forged.ts)
        assert message is not None
        message.user = "U0MALLORY"
        posted = await slack.post(CHANNEL, CARD, key="7", since=start)
        assert posted not in (other, forged)


async def test_the_message_is_found_behind_many_others(sides: Sides) -> None:
    start = datetime.now(UTC)
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    for n in range(450):
        await sides.chat.send(user="alice", channel="#ml-releases", text=str(n))
    assert await sides.slack.post("#ml-releases", CARD, key="7", since=start) == posted
    assert sides.calls("conversations.history") == 3


async def test_an_edit_may_be_repeated(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    for _ in range(2):
        await sides.slack.update(posted, Message(text="released", blocks=CARD.blocks))
    assert (sides.messages()[0]["text"], sides.messages()[0]["edited"]) == ("released", False)


async def test_an_edit_whose_answer_was_lost_may_be_made_again(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    sides.line.loses_answers = True
    with pytest.raises(Temporary):
        await sides.slack.update(posted, Message(text="released"))
    assert sides.messages()[0]["text"] == "released"
    sides.line.loses_answers = False
    await sides.slack.update(posted, Message(text="released"))


async def test_an_edit_keeps_the_key_by_which_the_message_is_found(sides: Sides) -> None:
    start = datetime.now(UTC)
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    await sides.slack.update(posted, Message(text="released"))
    assert await sides.slack.post("#ml-releases", CARD, key="7", since=start) == posted


async def test_a_message_that_somebody_deleted_cannot_be_edited(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    sides.chat.world.remove(sides.chat.world.channels[CHANNEL].messages[posted.ts])
    with raising(Permanent, refused("chat.update", "message_not_found", reasons.MessageDeleted())):
        await sides.slack.update(posted, CARD)


async def test_an_ephemeral_message_reaches_one_person(sides: Sides) -> None:
    await sides.slack.post_ephemeral("#ml-releases", "U0MALLORY", "you may not approve this")
    assert [(w["to"], w["text"]) for w in sides.chat.state()["private"]] == [("U0MALLORY", "you may not approve this")]
    assert sides.messages() == []


async def test_a_permalink_leads_to_the_message(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    assert await sides.slack.permalink(posted) == (
        f"https://acme.slack.com/archives/{CHANNEL}/p{posted.ts.replace('.', '')}"
    )


async def test_reactions_have_one_name_without_skin_tones(sides: Sides) -> None:
    posted = await sides.slack.post("#ml-releases", CARD, key="7")
    for user, emoji in (("bob", "+1::skin-tone-3"), ("carol", "thumbsup"), ("carol", "x")):
        await sides.chat.react(user=user, ts=posted.ts, emoji=emoji)
    found = await sides.slack.reactions(posted)
    assert found is not None
    assert found == {"+1": {"U0BOB", "U0CAROL"}, "x": {"U0CAROL"}}


async def test_a_message_that_is_gone_shows_nothing(sides: Sides) -> None:
    assert await sides.slack.reactions(Posted(channel=CHANNEL, ts="1.000001")) is None


# ── who and where ────────────────────────────────────────────────────────────────────────────────────


async def test_we_know_who_we_are(sides: Sides) -> None:
    assert await sides.slack.whoami() == Identity(team="T0ACME", user="U0CALLBOARD", bot="B0CALLBOARD")


STRANGERS = (
    ChatUser(name="gone", deleted=True),
    ChatUser(name="robot", is_bot=True),
    ChatUser(name="guest", is_restricted=True),
    ChatUser(name="visitor", is_ultra_restricted=True),
    ChatUser(name="stranger", is_stranger=True),
    ChatUser(name="foreigner", team_id="T0ELSEWHERE"),
    ChatUser(name="slackbot", id="USLACKBOT"),
)


@pytest.mark.parametrize("user", ["U0CALLBOARD", "U0NOBODY", *(s.id for s in STRANGERS)])
async def test_only_full_members_are_entitled(tmp_path: Path, user: str) -> None:
    async with between(tmp_path, people=(*PEOPLE, *STRANGERS)) as sides:
        assert not (await sides.slack.person(user)).entitled
        assert (await sides.slack.person("U0BOB")) == Person(id="U0BOB", name="bob", entitled=True)


async def test_a_group_is_known_by_handle_and_by_id(sides: Sides) -> None:
    captains = frozenset({"U0BOB", "U0CAROL"})
    assert await sides.slack.members("@ml-release-captains") == captains
    assert await sides.slack.members("S0MLRELEASECAPTAINS") == captains


async def test_a_group_that_is_not_there_is_named(sides: Sides) -> None:
    with raising(Permanent, reasons.GroupUnknown(group=Name("@ml-captains"))):
        await sides.slack.members("@ml-captains")


async def test_people_and_groups_are_remembered_for_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    async with served(tmp_path) as world, Slack.connect(TOKEN, world.url, clock=lambda: now[0]) as slack:
        for _ in range(3):
            await slack.members("@ml-release-captains")
            await slack.person("U0BOB")
            now[0] += 25
        asked = [c.method for c in world.chat.log]
        assert (asked.count("usergroups.list"), asked.count("users.info")) == (1, 1)
        await slack.members("@ml-release-captains")
        assert [c.method for c in world.chat.log].count("usergroups.list") == 2


async def test_a_channel_is_looked_up_once(sides: Sides) -> None:
    for _ in range(3):
        assert await sides.slack.channel_id("#ml-releases") == CHANNEL
    assert await sides.slack.channel_id("C0ANYWHERE") == "C0ANYWHERE"
    assert sides.calls("users.conversations") == 1


async def test_a_channel_without_the_bot_says_how_to_invite_it(sides: Sides) -> None:
    sides.chat.kick("#random")
    for name in ("#random", "#nowhere"):
        with raising(Permanent, reasons.NotInChannel(channel=Name(name))):
            await sides.slack.channel_id(name)


async def test_a_bot_that_was_removed_from_the_channel_is_reported(sides: Sides) -> None:
    await sides.slack.post("#ml-releases", CARD, key="7")
    sides.chat.kick("#ml-releases")
    with raising(Permanent, refused("chat.postMessage", "not_in_channel", reasons.ChannelUnavailable())):
        await sides.slack.post("#ml-releases", CARD, key="8")


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_token_is_reported_without_the_token(tmp_path: Path) -> None:
    async with between(tmp_path, token="xoxb-wrong") as sides:
        why = reasons.BotTokenRefused(error=Said("invalid_auth"), cause=reasons.TokenWrong())
        with raising(Permanent, why) as caught:
            await sides.slack.whoami()
    assert "xoxb" not in f"{caught.value}{plain(caught.value.reason)}"


async def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    async with between(tmp_path, scopes={"channels:read"}) as sides:
        with raising(Permanent, reasons.ScopeMissing(method=Name("chat.postMessage"), scope=Name("chat:write"))):
            await sides.slack.post("#ml-releases", CARD, key="7")


async def test_a_layout_that_slack_rejects_is_reported_with_its_place(sides: Sides) -> None:
    with pytest.raises(Permanent, match=r"unsupported type: nonsense \[json-pointer:/blocks/0/type\].*LayoutInvalid"):
        await sides.slack.post("#ml-releases", Message(text="x", blocks=({"type": "nonsense"},)), key="7")


async def test_slack_asking_for_less_is_obeyed_without_another_call(tmp_path: Path) -> None:
    async with between(tmp_path, limits=Limits(two=1)) as sides:
        await sides.slack.members("@ml-release-captains")
        for _ in range(2):
            with pytest.raises(Temporary, match=r"RateLimited|Paced") as caught:
                await sides.slack.members("@another")
            assert caught.value.after is not None
            assert timedelta(seconds=50) < caught.value.after <= timedelta(minutes=1)
        assert sides.calls("usergroups.list") == 2


async def test_a_closed_client_opens_no_connection(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        await sides.slack.close()
        with raising(Temporary, reasons.Stopping()):
            await sides.slack.whoami()
        assert len(sides.chat.log) == 0


async def test_loopback_is_not_asked_of_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with between(tmp_path) as sides:
        assert (await sides.slack.whoami()).user == "U0CALLBOARD"
        assert sides.slack.sdk.proxy is None
    slack = Slack.connect(TOKEN)
    assert slack.sdk.proxy == "http://127.0.0.1:9"
    await slack.close()


async def test_all_calls_share_connections(sides: Sides) -> None:
    await asyncio.gather(*(sides.slack.whoami() for _ in range(3)))
    session = sides.slack.sdk.session
    assert session is not None
    assert session.timeout.total == 15
    await sides.slack.person("U0BOB")
    assert sides.slack.sdk.session is session


async def test_posts_to_one_channel_are_booked_a_second_apart(tmp_path: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    async with served(tmp_path) as world, Slack.connect(TOKEN, world.url, clock=lambda: 0.0, sleep=sleep) as slack:
        for _ in range(4):
            await slack.post(CHANNEL, CARD, key="7")
        with raising(Temporary, reasons.Paced(method=Name("chat.postMessage"))) as caught:
            await slack.post(CHANNEL, CARD, key="7")
        await slack.post("#random", CARD, key="7")
        assert slept == [1.0, 2.0, 3.0]
        assert caught.value.after == timedelta(seconds=4)
        assert len(world.chat.state()["messages"]) == 5
