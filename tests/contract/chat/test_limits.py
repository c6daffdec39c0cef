"""Slack answers 429 with Retry-After when it is called too often, and takes calls again when that is over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from callboard_demo.chat import Limits
from tests.fixtures.chat_world import CHANNEL, served


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    at: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


async def limited(call: Any) -> str:
    """Return the Retry-After of a call that is refused for coming too soon."""
    with pytest.raises(SlackApiError) as caught:
        await call
    assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
    wait: str = caught.value.response.headers["Retry-After"]
    return wait


async def test_a_channel_takes_a_message_a_second_after_a_burst(tmp_path: Path) -> None:
    clock = Clock()
    async with served(tmp_path, limits=Limits(post_burst=2), clock=clock) as world:
        for _ in range(2):
            await world.sdk.chat_postMessage(channel=CHANNEL, text="x")
        assert await limited(world.sdk.chat_postMessage(channel="#ml-releases", text="x")) == "1"
        await world.sdk.chat_postMessage(channel="#random", text="another channel has a limit of its own")
        clock.at += 1
        await world.sdk.chat_postMessage(channel=CHANNEL, text="x")
        assert len(world.chat.state()["messages"]) == 4


async def test_each_method_has_its_tier(tmp_path: Path) -> None:
    clock = Clock()
    async with served(tmp_path, limits=Limits(), clock=clock) as world:
        for _ in range(20):
            await world.sdk.usergroups_list()
        assert await limited(world.sdk.usergroups_list()) == "3"
        ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
        for n in range(50):
            await world.sdk.chat_update(channel=CHANNEL, ts=ts, text=str(n))
        assert await limited(world.sdk.chat_update(channel=CHANNEL, ts=ts, text="x")) == "2"
        clock.at += 2
        await world.sdk.chat_update(channel=CHANNEL, ts=ts, text="x")


async def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    async with served(tmp_path, limits=Limits(post_burst=1), clock=Clock()) as world:
        await world.sdk.chat_postMessage(channel=CHANNEL, text="x")
        await limited(world.sdk.chat_postMessage(channel=CHANNEL, text="y"))
        assert [m["text"] for m in world.chat.state()["messages"]] == ["x"]


async def test_a_wrong_token_is_told_before_it_is_counted(tmp_path: Path) -> None:
    async with served(tmp_path, token="xoxb-another", limits=Limits(post_burst=1), clock=Clock()) as world:
        for _ in range(3):
            with pytest.raises(SlackApiError) as caught:
                await world.sdk.chat_postMessage(channel=CHANNEL, text="x")
            assert caught.value.response["error"] == "invalid_auth"
