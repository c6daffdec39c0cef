"""Lists and watches follow each other without a gap, and say so when they cannot: as a real API server does."""

import asyncio
from collections.abc import Iterable

import pytest

from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import Json

pytestmark = pytest.mark.slow


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Json:
    meta = {"name": name, "labels": {"watched": "yes", **(labels or {})}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


OURS = {"labelSelector": "watched=yes"}
"""A real namespace gets a ConfigMap of its own some time after it is made."""


def told(events: Iterable[Json]) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"]["name"]) for e in events if e["type"] != "BOOKMARK"]


async def test_a_watch_from_nowhere_begins_with_what_there_is(plane: Plane) -> None:
    path = plane.core("configmaps")
    await plane.raw.post(path, config_map("a"))
    await plane.raw.post(path, config_map("b"))
    events = [e async for e in plane.raw.watch(path, seconds=1, **OURS)]
    assert sorted(told(events)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_one_watch_sees_a_live_change_at_once(plane: Plane) -> None:
    path = plane.core("configmaps")
    revision = (await plane.raw.get(path))["metadata"]["resourceVersion"]
    stream = plane.raw.watch(path, revision, seconds=20, **OURS)
    first = asyncio.ensure_future(anext(stream))
    await plane.raw.post(path, config_map("c"))
    async with asyncio.timeout(10):
        assert told([await first]) == [("ADDED", "c")]
    await stream.aclose()


async def test_a_window_that_is_overrun_expires(cluster: Plane) -> None:
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    await cluster.raw.post(path, config_map("c"))
    for turn in range(1000):
        await cluster.raw.patch(f"{path}/c", {"data": {"turn": str(turn)}})
    events = [e async for e in cluster.raw.watch(path, revision, seconds=5)]
    assert [e["type"] for e in events] == ["ERROR"]


async def test_initial_events_end_with_a_bookmark_that_says_so(cluster: Plane) -> None:
    path = cluster.core("configmaps")
    await cluster.raw.post(path, config_map("c"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    stream = cluster.raw.watch(path, seconds=5, **query)
    first, second = await anext(stream), await anext(stream)
    await stream.aclose()
    assert (first["type"], second["type"]) == ("ADDED", "BOOKMARK")
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
