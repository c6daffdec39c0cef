"""The Kubernetes API as the official client speaks it, at the demo's cluster and at a real one.

Lists and watches go as raw JSON through `kubernetes.aio`'s ApiClient, as the bot's do.  Not here: kubectl
(`test_cluster_kubectl.py`), logs (`test_cluster_logs.py`), the controllers (`test_cluster_traces.py`), the kubelet
(`test_kubelet.py`).
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from bot.domain.json import Json
from tests.contract.cluster.cluster_client import Client, connected, hang_up, said
from tests.contract.control_plane import ControlPlane

pytestmark = pytest.mark.slow

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    """The client at each of the two clusters."""
    async with connected(control_plane) as each:
        yield each


@pytest.fixture
async def demo(fake: ControlPlane) -> AsyncIterator[Client]:
    """The client at the demo's cluster."""
    async with connected(fake) as client:
        yield client


async def first(watch: AsyncGenerator[Json]) -> Json:
    """Return the first event of a watch, and leave it."""
    async with aclosing(watch):
        return await anext(watch)


def outline(event: Json) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


# ── list and watch ───────────────────────────────────────────────────────────────────────────────────


async def test_a_watch_goes_on_where_the_list_was_and_ends_when_it_was_asked_to(client: Client) -> None:
    await client.settings("before")
    revision = (await client.ask("GET", client.path("configmaps")))["metadata"]["resourceVersion"]
    await client.settings("a")
    await client.ask("PATCH", client.path("configmaps", "a"), {"data": {"colour": "blue"}}, kind=MERGE)
    await client.ask("DELETE", client.path("configmaps", "a"))
    query = (("timeoutSeconds", "1"), ("fieldSelector", "metadata.name!=kube-root-ca.crt"))
    events = [event async for event in client.watch("configmaps", revision, *query)]
    assert [outline(event) for event in events] == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert [int(revision), *revisions] == sorted({int(revision), *revisions})


async def test_what_ceases_to_match_is_deleted_to_a_watch_that_selects(client: Client) -> None:
    revision = (await client.ask("GET", client.path("configmaps")))["metadata"]["resourceVersion"]
    await client.settings("a", team="ml")
    await client.settings("b", team="other")
    for team in ("other", "ml"):
        await client.ask("PATCH", client.path("configmaps", "a"), {"metadata": {"labels": {"team": team}}}, kind=MERGE)
    query = (("labelSelector", "team=ml"), ("timeoutSeconds", "1"))
    events = [event async for event in client.watch("configmaps", revision, *query)]
    assert [outline(event) for event in events] == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]


async def test_a_revision_too_old_is_told_in_the_stream(demo: Client, fake: ControlPlane) -> None:
    await demo.settings("a")
    fake.demo.forget_history()
    answer = await demo.open("GET", demo.path("configmaps"), [("watch", "true"), ("resourceVersion", "1")])
    event = json.loads(await answer.content.readline())
    hang_up(answer)
    assert answer.status == 200
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_bookmark_tells_how_far_a_quiet_watch_has_come(demo: Client) -> None:
    """The demo's alone: a real server may keep a short watch waiting in vain."""
    revision = (await demo.ask("GET", demo.path("configmaps")))["metadata"]["resourceVersion"]
    query = (("allowWatchBookmarks", "true"), ("timeoutSeconds", "1"), ("labelSelector", "no=body"))
    await demo.settings("a")
    events = [event async for event in demo.watch("configmaps", revision, *query)]
    assert [event["type"] for event in events][-1:] == ["BOOKMARK"]
    value = events[-1]["object"]
    assert (value["kind"], value["apiVersion"]) == ("ConfigMap", "v1")
    assert int(value["metadata"]["resourceVersion"]) > int(revision)


async def test_a_list_comes_in_pages_and_its_items_without_their_kind(client: Client) -> None:
    for name in ("a", "b", "c"):
        await client.settings(name, page="yes")
    query = [("labelSelector", "page=yes"), ("limit", "2")]
    first = await client.ask("GET", client.path("configmaps"), query=query)
    assert (first["kind"], [sorted(item) for item in first["items"]]) == ("ConfigMapList", [["data", "metadata"]] * 2)
    rest = await client.ask(
        "GET", client.path("configmaps"), query=[*query, ("continue", first["metadata"]["continue"])]
    )
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert "continue" not in rest["metadata"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("team=ml", ["a"]),
        ("team!=ml", ["b", "c"]),
        ("team in (ml, web)", ["a", "b"]),
        ("team notin (ml),level", ["b"]),
        ("!team", ["c"]),
        ("team,level=2", ["b"]),
    ],
)
async def test_labels_select(demo: Client, selector: str, names: list[str]) -> None:
    await demo.settings("a", team="ml")
    await demo.settings("b", team="web", level="2")
    await demo.settings("c")
    assert await demo.names("configmaps", ("labelSelector", selector)) == names


async def test_fields_select(client: Client) -> None:
    await client.settings("a")
    assert await client.names("configmaps", ("fieldSelector", "metadata.name=a")) == ["a"]
    assert await client.names("pods", ("fieldSelector", "status.phase=Running,spec.nodeName=nowhere")) == []
    with pytest.raises(ApiException) as no:
        await client.names("pods", ("fieldSelector", "spec.colour=red"))
    assert said(no)["reason"] == "BadRequest"


# ── patches ──────────────────────────────────────────────────────────────────────────────────────────


def deployment() -> Json:
    main = {"name": "main", "image": "m:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    spec = {"containers": [main, {"name": "sidecar", "image": "s:1"}]}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": spec}
    return {
        "metadata": {"name": "a"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": template},
    }


def containers(value: Json) -> list[Json]:
    found: list[Json] = value["spec"]["template"]["spec"]["containers"]
    return found


def change(*changed: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": list(changed)}}}}


async def test_a_strategic_patch_keeps_the_sidecar_and_the_other_variables(client: Client) -> None:
    made = await client.ask("POST", client.path("deployments"), deployment())
    patch = change({"name": "main", "env": [{"name": "B", "value": "3"}]})
    value = await client.ask("PATCH", client.path("deployments", "a"), patch, kind=STRATEGIC)
    assert [c["name"] for c in containers(value)] == ["main", "sidecar"]
    assert sorted((v["name"], v["value"]) for v in containers(value)[0]["env"]) == [("A", "1"), ("B", "3")]
    assert value["metadata"]["generation"] == made["metadata"]["generation"] + 1
    drop = change({"name": "sidecar", "$patch": "delete"})
    value = await client.ask("PATCH", client.path("deployments", "a"), drop, kind=STRATEGIC)
    assert [c["name"] for c in containers(value)] == ["main"]


async def test_a_merge_patch_replaces_a_list_whole(client: Client) -> None:
    await client.ask("POST", client.path("deployments"), deployment())
    patch = change({"name": "main", "image": "m:2"})
    value = await client.ask("PATCH", client.path("deployments", "a"), patch, kind=MERGE)
    assert [(c["name"], c["image"], "env" in c) for c in containers(value)] == [("main", "m:2", False)]


async def test_a_json_patch_is_done_wholly_or_not_at_all(client: Client) -> None:
    await client.settings("a")
    test, swap = {"op": "test", "path": "/data/colour", "value": "red"}, {"op": "replace", "path": "/data/colour"}
    value = await client.ask(
        "PATCH", client.path("configmaps", "a"), [test, {**swap, "value": "blue"}], kind=JSON_PATCH
    )
    assert value["data"] == {"colour": "blue"}
    with pytest.raises(ApiException) as no:
        await client.ask("PATCH", client.path("configmaps", "a"), [{**swap, "value": "green"}, test], kind=JSON_PATCH)
    assert said(no)["code"] == 422
    assert (await client.ask("GET", client.path("configmaps", "a")))["data"] == {"colour": "blue"}


async def test_a_write_on_an_older_look_is_a_conflict(client: Client) -> None:
    old = await client.settings("a")
    await client.ask("PUT", client.path("configmaps", "a"), {**old, "data": {"colour": "blue"}})
    with pytest.raises(ApiException) as no:
        await client.ask("PUT", client.path("configmaps", "a"), {**old, "data": {"colour": "green"}})
    assert said(no)["reason"] == "Conflict"
    with pytest.raises(ApiException) as exists:
        await client.settings("a")
    assert said(exists)["message"] == 'configmaps "a" already exists'


async def test_the_status_has_its_own_endpoint(client: Client) -> None:
    await client.ask("POST", client.path("deployments"), deployment())
    both = {"spec": {"paused": True}, "status": {"collisionCount": 7}}
    value = await client.ask("PATCH", client.path("deployments", "a/status"), both, kind=MERGE)
    assert (value["spec"].get("paused"), value["status"]["collisionCount"]) == (None, 7)
    both = {"spec": {"paused": True}, "status": {"collisionCount": 8}}
    value = await client.ask("PATCH", client.path("deployments", "a"), both, kind=MERGE)
    assert (value["spec"]["paused"], value["status"]["collisionCount"]) == (True, 7)


# ── who may, and what breaks ─────────────────────────────────────────────────────────────────────────


async def test_a_forbidden_verb_is_refused_and_no_other(demo: Client, fake: ControlPlane) -> None:
    fake.demo.forbid("watch", "pods")
    assert await demo.names("pods") == []
    with pytest.raises(ApiException) as no:
        await anext(demo.watch("pods", "0"))
    refusal = said(no)
    assert (refusal["code"], refusal["reason"]) == (403, "Forbidden")
    assert 'cannot watch resource "pods" in API group "" in the namespace "models"' in refusal["message"]
    fake.demo.allow_all()
    assert [event async for event in demo.watch("pods", "0", ("timeoutSeconds", "1"))] == []


async def test_without_the_token_nothing_is_said(client: Client) -> None:
    client.api.configuration.api_key["BearerToken"] = "Bearer guessed"
    with pytest.raises(ApiException) as no:
        await client.names("pods")
    assert said(no)["reason"] == "Unauthorized"


async def test_a_watch_that_is_cut_breaks_off_and_goes_on_from_its_last_revision(
    demo: Client, fake: ControlPlane
) -> None:
    revision = (await demo.settings("a"))["metadata"]["resourceVersion"]
    watch = demo.watch("configmaps", revision)
    await demo.settings("b")
    event = await anext(watch)
    fake.demo.drop_watches()
    with pytest.raises(aiohttp.ClientError):
        await anext(watch)
    await demo.settings("c")
    after = event["object"]["metadata"]["resourceVersion"]
    assert outline(await first(demo.watch("configmaps", after))) == ("ADDED", "c")


async def test_a_watch_on_a_dead_path_is_silent_until_the_reader_loses_patience(
    demo: Client, fake: ControlPlane
) -> None:
    revision = (await demo.settings("a"))["metadata"]["resourceVersion"]
    fake.demo.stall_watches()
    await demo.settings("b")
    with pytest.raises(TimeoutError):
        await anext(demo.watch("configmaps", revision, silence=0.3))
    fake.demo.stall_watches(stalled=False)
    assert outline(await first(demo.watch("configmaps", revision))) == ("ADDED", "b")
