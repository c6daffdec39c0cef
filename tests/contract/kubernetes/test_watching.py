"""Lists and watches follow each other without a gap, and say so when they cannot: as a real API server does."""

import asyncio
from collections.abc import Iterable

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from tests.contract.kubernetes.planes import Plane
from tests.contract.kubernetes.raw import Json, status_of


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Json:
    meta = {"name": name, "labels": {"watched": "yes", **(labels or {})}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


OURS = {"labelSelector": "watched=yes"}
"""A real namespace gets a ConfigMap of its own some time after it is made."""


def told(events: Iterable[Json]) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"]["name"]) for e in events if e["type"] != "BOOKMARK"]


async def test_a_watch_from_a_lists_revision_tells_every_later_change_in_order(plane: Plane) -> None:
    path = plane.core("configmaps")
    await plane.raw.post(path, config_map("before"))
    revision = (await plane.raw.get(path))["metadata"]["resourceVersion"]
    await plane.raw.post(path, config_map("c"))
    await plane.raw.patch(f"{path}/c", {"data": {"a": "1"}})
    await plane.raw.delete(f"{path}/c")
    events = [e async for e in plane.raw.watch(path, revision, seconds=1, **OURS)]
    assert told(events) == [("ADDED", "c"), ("MODIFIED", "c"), ("DELETED", "c")]
    revisions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
    assert revisions == sorted(set(revisions))
    assert events[0]["object"]["kind"] == "ConfigMap"


async def test_a_watch_from_nowhere_begins_with_what_there_is(plane: Plane) -> None:
    path = plane.core("configmaps")
    await plane.raw.post(path, config_map("a"))
    await plane.raw.post(path, config_map("b"))
    events = [e async for e in plane.raw.watch(path, seconds=1, **OURS)]
    assert sorted(told(events)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_a_watch_ends_when_its_time_is_over(plane: Plane) -> None:
    async with asyncio.timeout(20):
        assert [e async for e in plane.raw.watch(plane.core("configmaps"), seconds=1, **OURS)] == []


async def test_what_begins_to_match_a_selector_is_added_and_what_ceases_to_is_deleted(plane: Plane) -> None:
    path = plane.core("configmaps")
    await plane.raw.post(path, config_map("c", {"tier": "x"}))
    revision = (await plane.raw.get(path))["metadata"]["resourceVersion"]
    for tier in ("y", "x", "y"):
        await plane.raw.patch(f"{path}/c", {"metadata": {"labels": {"tier": tier}}})
    events = [e async for e in plane.raw.watch(path, revision, seconds=1, labelSelector="tier=y")]
    assert told(events) == [("ADDED", "c"), ("DELETED", "c"), ("ADDED", "c")]


async def test_one_watch_sees_a_live_change_at_once(plane: Plane) -> None:
    path = plane.core("configmaps")
    revision = (await plane.raw.get(path))["metadata"]["resourceVersion"]
    stream = plane.raw.watch(path, revision, seconds=20, **OURS)
    first = asyncio.ensure_future(anext(stream))
    await plane.raw.post(path, config_map("c"))
    async with asyncio.timeout(10):
        assert told([await first]) == [("ADDED", "c")]
    await stream.aclose()


async def test_a_fake_watch_from_a_forgotten_revision_is_an_error_event_in_a_200_stream(cluster: Plane) -> None:
    assert cluster.fake is not None
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    await cluster.raw.post(path, config_map("c"))
    cluster.fake.forget_history()
    events = [e async for e in cluster.raw.watch(path, revision, seconds=5)]
    assert [e["type"] for e in events] == ["ERROR"]
    status = events[0]["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: ")


async def test_a_window_that_is_overrun_expires(cluster: Plane) -> None:
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    await cluster.raw.post(path, config_map("c"))
    for turn in range(1000):
        await cluster.raw.patch(f"{path}/c", {"data": {"turn": str(turn)}})
    events = [e async for e in cluster.raw.watch(path, revision, seconds=5)]
    assert [e["type"] for e in events] == ["ERROR"]


async def test_a_bookmark_tells_the_revision_that_was_reached_elsewhere(cluster: Plane) -> None:
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    await cluster.raw.post(cluster.core("secrets"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}})
    reached = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    events = [e async for e in cluster.raw.watch(path, revision, seconds=1, allowWatchBookmarks="true")]
    assert [e["type"] for e in events] == ["BOOKMARK"]
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) >= int(reached) > int(revision)
    assert events[0]["object"]["kind"] == "ConfigMap"


async def test_initial_events_end_with_a_bookmark_that_says_so(cluster: Plane) -> None:
    path = cluster.core("configmaps")
    await cluster.raw.post(path, config_map("c"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    stream = cluster.raw.watch(path, seconds=5, **query)
    first, second = await anext(stream), await anext(stream)
    await stream.aclose()
    assert (first["type"], second["type"]) == ("ADDED", "BOOKMARK")
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_dropped_watch_breaks_off_and_can_be_taken_up_where_it_was(cluster: Plane) -> None:
    assert cluster.fake is not None
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    stream = cluster.raw.watch(path, revision, seconds=30)
    waiting = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(10):
        while cluster.fake.api.watches.count < 2:  # noqa: ASYNC110 - the kubelet's, and this one
            await asyncio.sleep(0.01)
    cluster.fake.drop_watches()
    with pytest.raises((aiohttp.ClientError, StopAsyncIteration)):
        await waiting
    await cluster.raw.post(path, config_map("c"))
    again = cluster.raw.watch(path, revision, seconds=30)
    assert told([await anext(again)]) == [("ADDED", "c")]
    await again.aclose()


async def test_a_stalled_watch_stays_open_and_carries_nothing(cluster: Plane) -> None:
    assert cluster.fake is not None
    path = cluster.core("configmaps")
    revision = (await cluster.raw.get(path))["metadata"]["resourceVersion"]
    cluster.fake.stall_watches()
    await cluster.raw.post(path, config_map("c"))
    assert [e async for e in cluster.raw.watch(path, revision, seconds=1, allowWatchBookmarks="true")] == []
    cluster.fake.stall_watches(stalled=False)
    assert told([e async for e in cluster.raw.watch(path, revision, seconds=1)]) == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("verb", "resource", "path"),
    [
        ("list", "pods", "pods"),
        ("watch", "pods", "pods?watch=true"),
        ("get", "pods/log", "pods/p/log"),
        ("*", "*", "events"),
    ],
)
async def test_a_forbidden_verb_is_403_with_who_what_and_where(
    cluster: Plane, verb: str, resource: str, path: str
) -> None:
    assert cluster.fake is not None
    cluster.fake.forbid(verb, resource, cluster.namespace)
    name, _, query = path.partition("?")
    with pytest.raises(ApiException) as caught:
        await cluster.raw.get(cluster.core(name), **(dict([query.split("=")]) if query else {}))
    status = status_of(caught.value)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert f'in the namespace "{cluster.namespace}"' in status["message"]
    cluster.fake.allow_all()
    assert (await cluster.raw.get(cluster.core("pods")))["items"] == []
