"""The fake Slack delivers events to a real Bolt app: only those it may see, tried again with the same id."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.chat_world import CHANNEL, Sides, bolted, served
from tests.fixtures.waiting import until


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[Sides]:
    async with served(tmp_path, patience=1.0) as slack, bolted(slack) as bolt:
        yield Sides(slack=slack, bolt=bolt)


# ── events ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reaction_arrives_with_what_it_was_made_on(sides: Sides) -> None:
    ts = await sides.post()
    await sides.slack.chat.react(user="bob", ts=ts, emoji="white_check_mark")
    await until(lambda: sides.bolt.seen, "an event at the app")
    await sides.slack.chat.react(user="bob", ts=ts, emoji="white_check_mark", remove=True)
    await until(lambda: len({each["event_id"] for each in sides.bolt.seen}) == 2, "two events at the app")
    added = sides.bolt.seen[0]  # a busy app gets it again
    removed = next(each for each in sides.bolt.seen if each["event_id"] != added["event_id"])
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
    await until(lambda: len(sides.bolt.seen) == 2, "two events at the app")
    assert {e["event"]["reaction"] for e in sides.bolt.seen} == {"+1", "+1::skin-tone-3"}
    assert len(sides.bolt.requests) == 2


@pytest.mark.parametrize("failure", [0, 500, 404])
async def test_an_event_is_tried_again_with_the_same_id(sides: Sides, failure: int) -> None:
    sides.bolt.statuses = [failure] * 3
    await sides.slack.chat.react(user="bob", ts=await sides.post(), emoji="eyes")
    await until(lambda: sides.bolt.seen, "an event at the app")
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
    await until(lambda: not sides.bolt.statuses, "the last delivery that is to fail")
    await sides.slack.chat.react(user="carol", ts=ts, emoji="tada")
    await until(lambda: sides.bolt.seen, "an event at the app")
    assert [e["event"]["reaction"] for e in sides.bolt.seen] == ["tada"]
    assert len(sides.bolt.requests) == 5


async def test_an_app_may_forbid_further_tries(sides: Sides) -> None:
    sides.bolt.statuses, sides.bolt.headers = [500], {"X-Slack-No-Retry": "1"}
    ts = await sides.post()
    await sides.slack.chat.react(user="bob", ts=ts, emoji="eyes")
    await until(lambda: not sides.bolt.statuses, "the last delivery that is to fail")
    await sides.slack.chat.react(user="carol", ts=ts, emoji="tada")
    await until(lambda: sides.bolt.seen, "an event at the app")
    assert len(sides.bolt.requests) == 2


async def test_retries_wait_as_long_as_they_are_told(tmp_path: Path) -> None:
    async with served(tmp_path, retries=(0.0, 3600.0)) as slack, bolted(slack) as bolt:
        bolt.statuses = [500, 500]
        posted = await slack.sdk.chat_postMessage(channel=CHANNEL, text="x")
        await slack.chat.react(user="bob", ts=posted["ts"], emoji="eyes")
        await until(lambda: not bolt.statuses, "the last delivery that is to fail")
        assert (len(bolt.requests), bolt.seen) == (2, [])
    # leaving ends the delivery that still waits for its hour


async def test_the_app_is_told_only_of_channels_that_it_is_in(sides: Sides) -> None:
    ts = await sides.post()
    sides.slack.chat.kick("#ml-releases")
    await sides.slack.chat.react(user="bob", ts=ts, emoji="eyes")
    sides.slack.chat.invite("#ml-releases")
    await sides.slack.chat.react(user="carol", ts=ts, emoji="eyes")
    await until(lambda: sides.bolt.seen, "an event at the app")
    assert [e["event"]["user"] for e in sides.bolt.seen] == ["U0CAROL"]
    assert len(sides.bolt.requests) == 1


async def test_a_mention_and_an_opened_home_are_told(sides: Sides) -> None:
    said = await sides.type("@callboard what is live? a<b, ask @bob and @nobody")
    await until(lambda: sides.bolt.seen, "an event at the app")
    await sides.slack.chat.open_home(user="alice")
    await until(lambda: len(sides.bolt.seen) == 2, "two events at the app")
    mention, home = (e["event"] for e in sides.bolt.seen)
    assert mention["text"] == "<@U0CALLBOARD> what is live? a&lt;b, ask <@U0BOB> and @nobody"
    assert (mention["ts"], mention["channel"], mention["user"]) == (said["ts"], CHANNEL, "U0ALICE")
    assert (home["type"], home["tab"], home["user"]) == ("app_home_opened", "home", "U0ALICE")


async def test_words_that_mention_nobody_are_told_to_nobody(sides: Sides) -> None:
    root = await sides.type("hello")
    await sides.slack.chat.send(user="bob", channel=CHANNEL, text="@callboard", thread=root["ts"])
    await until(lambda: sides.bolt.seen, "an event at the app")
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
        await sides.slack.chat.send(user="alice", channel="#nowhere", text="x")
    with pytest.raises(LookupError, match="no message"):
        await sides.slack.chat.react(user="alice", ts="1.000001", emoji="eyes")
    with pytest.raises(ValueError, match="no emoji"):
        await sides.slack.chat.react(user="alice", ts=ts, emoji="nonsense")
