"""A line from outside has limits on size and time."""

import asyncio
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from bot.clients.limits import Oversized, lines


class Answer:
    """What `lines` reads from, as if it were connected."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        protocol = BaseProtocol(loop)
        protocol.transport = cast("Any", object())
        self.content = StreamReader(protocol, 1 << 16, loop=loop)


def fed(*parts: bytes, end: bool = True) -> aiohttp.ClientResponse:
    answer = Answer()
    for part in parts:
        answer.content.feed_data(part)
    if end:
        answer.content.feed_eof()
    return cast("aiohttp.ClientResponse", answer)


@given(st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 5))
async def test_lines_are_lines_however_they_are_cut(whole: list[bytes], size: int) -> None:
    body = b"".join(line + b"\n" for line in whole) + b"no end"
    answer = fed(*(body[at : at + size] for at in range(0, len(body), size)))
    assert [line async for line in lines(answer, 100, within=1)] == [line for line in whole if line]


@pytest.mark.parametrize("body", [b"x" * 11, b"x" * 11 + b"\n", b"short\n" + b"x" * 11])
async def test_a_line_that_is_too_long_is_not_read_to_its_end(body: bytes) -> None:
    with pytest.raises(Oversized):
        _ = [line async for line in lines(fed(body), 10, within=1)]


async def test_a_line_that_takes_too_long_ends_a_watch_and_a_silence_between_two_does_not() -> None:
    with pytest.raises(TimeoutError):
        _ = [line async for line in lines(fed(b"begun", end=False), 100, within=0.01)]
    silent = lines(fed(b"whole\n", end=False), 100, within=0.01)
    assert await anext(silent) == b"whole"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await anext(silent)
    await silent.aclose()
