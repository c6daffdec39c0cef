"""Scripted containers, where they are like real ones: who is connected when one ends is told so."""

import asyncio
import socket

import pytest

from callboard_demo.cluster.runtime import Order
from callboard_demo.cluster.scripted import ScriptedRuntime
from tests.ports import free_port


@pytest.mark.parametrize("ticks", range(6))
async def test_nobody_who_connects_at_a_container_s_end_is_left_waiting(ticks: int) -> None:
    """However far the event loop has come with the connection when the container ends."""
    place = ("127.0.0.1", free_port())
    order = Order(
        namespace="models", pod="a", container="server", image="model-server:1", command=(), args=(), env={},
        address=place[0], port=place[1], write=lambda _: None,
    )  # fmt: skip
    running = await ScriptedRuntime().start(order)
    with socket.create_connection(place) as client:  # without the loop, which does not know of it yet
        client.setblocking(False)  # noqa: FBT003  (socket takes it so)
        for _ in range(ticks):
            await asyncio.sleep(0)
        running.kill()
        assert await running.wait() == 137
        try:
            said = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), 5)
        except ConnectionError:
            said = b""
    assert said == b""
