"""The client of Kubernetes: it passes raw JSON on, and each error tells the one who can do something about it."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.clients.kubernetes.client import Expired, Kubernetes
from bot.domain.errors import Explained, Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import cluster, systems
from bot.rules.wording.reasons import plain
from tests.fixtures.kubernetes_script import (
    TOKEN,
    Answer,
    cut,
    kubeconfig,
    line,
    listed,
    refusal,
    scripted,
    stream,
    thing,
)
from tests.fixtures.raising import raising

LISTING = cluster.Listing(kind=Name("pods"), namespace=Name("models"))
WATCHING = cluster.Watching(kind=Name("pods"), namespace=Name("models"))
TEAPOT = cluster.Refused(during=LISTING, status=418, said=Said("short and stout"))


def failing(status: int, words: str) -> Reason:
    return systems.Failing(system=systems.CLUSTER, during=LISTING, status=status, said=Said(words))


def malformed(cause: Reason) -> Reason:
    return systems.Malformed(system=systems.CLUSTER, during=LISTING, cause=cause)


def unreachable(words: str) -> Reason:
    cause = systems.ConnectionFailed(said=Said(words))
    return systems.Unreachable(system=systems.CLUSTER, during=LISTING, cause=cause)


async def all_of(events: AsyncIterator[Json]) -> list[Json]:
    return [event async for event in events]


def always(answer: web.Response) -> Answer:
    """Answer every request so, each time anew: a response cannot be sent twice, and a refused client asks again."""

    async def same(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return same


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_comes_page_by_page_with_the_kind_that_its_items_leave_out(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.path == "/api/v1/namespaces/models/pods"
        if "continue" not in request.query:
            return listed("Pod", thing("a"), following="more")
        assert request.query["continue"] == "more"
        return listed("Pod", thing("b"), version="100")

    async with scripted(answer, tmp_path) as kubernetes:
        items, version = await kubernetes.list("models", "pods")
    assert [(i["kind"], i["apiVersion"], i["metadata"]["name"]) for i in items] == [
        ("Pod", "v1", "a"),
        ("Pod", "v1", "b"),
    ]
    assert version == "100"


async def test_what_is_kept_of_an_item_is_up_to_the_caller(tmp_path: Path) -> None:
    async with scripted(always(listed("Pod", thing("a"))), tmp_path) as kubernetes:
        items, _ = await kubernetes.list("models", "pods", keep=lambda obj: {"n": obj["metadata"]["name"]})
    assert items == [{"n": "a"}]


async def test_a_namespace_cannot_lead_astray(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.raw_path.startswith("/api/v1/namespaces/..%2Fnodes%3Fx/pods?")
        return listed("Pod")

    async with scripted(answer, tmp_path) as kubernetes:
        assert await kubernetes.list("../nodes?x", "pods") == ([], "100")


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        pytest.param(
            refusal(500, "etcd is unavailable"), Temporary, failing(500, "etcd is unavailable"), id="unhealthy"
        ),
        pytest.param(refusal(503, "starting"), Temporary, failing(503, "starting"), id="starting"),
        pytest.param(refusal(429, "slow down"), Temporary, failing(429, "slow down"), id="too-fast"),
        pytest.param(
            refusal(410, "too old"), Expired, cluster.VersionExpired(during=LISTING, said=Said("too old")), id="expired"
        ),
        pytest.param(
            refusal(401, "Unauthorized"), Permanent, cluster.CredentialsRefused(during=LISTING), id="unknown-user"
        ),
        pytest.param(
            refusal(404, "no"), Permanent, cluster.NotFound(during=LISTING, said=Said("no")), id="no-such-place"
        ),
        pytest.param(web.Response(text="<html>login</html>"), Temporary, systems.Malformed, id="a-login-page"),
        pytest.param(web.Response(text="[]"), Temporary, malformed(systems.UnexpectedForm()), id="no-object"),
        pytest.param(web.Response(status=418, text="short and stout"), Permanent, TEAPOT, id="a-teapot"),
    ],
)
async def test_a_failure_is_sorted_by_who_can_mend_it(
    tmp_path: Path, answer: web.Response, error: type[Explained], why: Reason | type[Reason]
) -> None:
    async with scripted(always(answer), tmp_path) as kubernetes:
        with raising(error, why) as raised:
            await kubernetes.list("models", "pods")
    assert TOKEN not in f"{raised.value}{plain(raised.value.reason)}"


async def test_a_missing_right_is_named_with_how_to_grant_it(tmp_path: Path) -> None:
    said = 'pods is forbidden: User "bot" cannot list resource "pods" in API group "" in the namespace "models"'
    async with scripted(always(refusal(403, said)), tmp_path) as kubernetes:
        why = cluster.NotAllowed(during=LISTING, namespace=Said("models"), said=Said(said))
        with raising(Permanent, why) as raised:
            await kubernetes.list("models", "pods")
    assert "kubectl create role callboard-watch -n models --verb=get,list,watch" in plain(raised.value.reason)


async def test_the_servers_own_pause_is_kept(tmp_path: Path) -> None:
    answer = refusal(429, "slow down", **{"Retry-After": "7"})
    async with scripted(always(answer), tmp_path) as kubernetes:
        with pytest.raises(Temporary) as raised:
            await kubernetes.list("models", "pods")
    assert raised.value.after == timedelta(seconds=7)


async def test_a_cluster_that_is_not_there_may_be_back(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig("http://127.0.0.1:1"))
    kubernetes = await Kubernetes.connect(str(tmp_path / "config"))
    with raising(Temporary, unreachable("Connection refused")):
        await kubernetes.list("models", "pods")
    await kubernetes.close()


@pytest.mark.parametrize(
    "text", [None, "", "a: [", "- a", "kind: Config", "clusters: 1\nusers: 1", "current-context: x\ncontexts: []\n"]
)
async def test_a_kubeconfig_that_cannot_be_used_is_said_so(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config").write_text(text)
    with raising(Permanent, cluster.KubeconfigUnusable) as raised:
        await Kubernetes.connect(str(tmp_path / "config"))
    text = plain(raised.value.reason).replace(str(tmp_path), "")
    assert not re.search(r"\w+Error|Errno|' object|None|\n|<|\[", text)
    assert "set KUBECONFIG" in text
    (tmp_path / "folder").mkdir()
    why = cluster.KubeconfigUnreadable(said=Said("Is a directory"))
    path = Name(str(tmp_path / "folder"))
    with raising(Permanent, cluster.KubeconfigUnusable(path=path, cause=why)):
        await Kubernetes.connect(str(tmp_path / "folder"))


async def test_expired_credentials_are_read_again(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        known = request.headers["Authorization"] == "Bearer renewed"
        return listed("Pod") if known else refusal(401, "Unauthorized")

    async with scripted(answer, tmp_path) as kubernetes:
        config = tmp_path / "kubeconfig"
        config.write_text(config.read_text().replace(TOKEN, "renewed"))
        assert await kubernetes.list("models", "pods") == ([], "100")


# ── watches ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_watch_is_read_whatever_way_its_bytes_are_cut(tmp_path: Path) -> None:
    whole = line("ADDED", thing("Größe")) + b"\n" + line("BOOKMARK", thing("", 9))
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.query))
        return await stream(request, [bytes([byte]) for byte in whole])

    opened: list[bool] = []
    async with scripted(answer, tmp_path) as kubernetes:
        lasts = timedelta(seconds=60)
        watching = kubernetes.watch("models", "pods", "7", lasts=lasts, opened=lambda: opened.append(True))
        events = await all_of(watching)
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [("ADDED", "Größe"), ("BOOKMARK", "")]
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "60", "resourceVersion": "7"}
    assert seen == [query]
    assert opened == [True]


async def test_a_version_forgotten_in_mid_watch_asks_for_a_new_list(tmp_path: Path) -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}

    async def answer(request: web.Request) -> web.StreamResponse:
        return await stream(request, [line("ERROR", gone)])

    async with scripted(answer, tmp_path) as kubernetes:
        with raising(Expired, cluster.VersionExpired(during=WATCHING, said=Said("too old resource version"))):
            await all_of(kubernetes.watch("models", "pods", "7"))


async def test_a_watch_that_breaks_off_may_be_taken_up_again(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await cut(request, [line("ADDED", thing("a"))])

    events: list[Json] = []
    async with scripted(answer, tmp_path) as kubernetes:
        with raising(Temporary, systems.Unreachable):
            async for event in kubernetes.watch("models", "pods", "7"):
                events.append(event)
    assert len(events) == 1


async def test_a_half_open_watch_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await stream(request, hold=True)

    monkeypatch.setattr("bot.clients.kubernetes.client.GRACE", timedelta(seconds=-0.9))
    async with scripted(answer, tmp_path) as kubernetes:
        with raising(Temporary, systems.TimedOut(system=systems.CLUSTER, during=WATCHING)):
            await all_of(kubernetes.watch("models", "pods", "7", lasts=timedelta(seconds=1)))


@pytest.mark.parametrize(
    "junk", [b"<html>\n", b"[]\n", b'{"type": "ADDED"}\n', b'{"type":"ERROR","object":{"code":"x"}}\n']
)
async def test_junk_in_a_watch_is_an_ailing_cluster(tmp_path: Path, junk: bytes) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await stream(request, [junk])

    async with scripted(answer, tmp_path) as kubernetes:
        with pytest.raises(Temporary, match=r"(Malformed|Failing).*kind='pods', namespace='models'"):
            await all_of(kubernetes.watch("models", "pods", "7"))


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_log_is_the_last_lines_and_never_large(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/v1/namespaces/models/pods/iris-1/log"
        assert dict(request.query) == {"tailLines": "40", "limitBytes": "65536"}
        return web.Response(body=b"one\ntw\xff\n")

    async with scripted(answer, tmp_path) as kubernetes:
        assert await kubernetes.log("models", "iris-1") == "one\ntw\ufffd\n"


async def test_where_there_was_no_run_before_the_present_one_is_shown(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "previous" in request.query:
            return refusal(400, 'previous terminated container "server" in pod "iris-1" not found')
        return web.Response(text="the present one")

    async with scripted(answer, tmp_path) as kubernetes:
        assert await kubernetes.log("models", "iris-1", previous=True) == "the present one"


async def test_the_log_of_the_first_of_several_containers_is_read(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "container" not in request.query:
            return refusal(400, "a container name must be specified for pod iris-1, choose one of: [server proxy]")
        return web.Response(text=request.query["container"])

    async with scripted(answer, tmp_path) as kubernetes:
        assert await kubernetes.log("models", "iris-1") == "server"


@pytest.mark.parametrize("answer", [refusal(404, "gone"), refusal(400, "container is waiting to start")])
async def test_a_pod_without_a_log_has_an_empty_one(tmp_path: Path, answer: web.Response) -> None:
    async with scripted(always(answer), tmp_path) as kubernetes:
        assert await kubernetes.log("models", "iris-1") == ""


async def test_a_log_that_may_not_be_read_is_said_so(tmp_path: Path) -> None:
    async with scripted(always(refusal(403, "no")), tmp_path) as kubernetes:
        reading = cluster.ReadingLog(pod=Name("iris-1"), namespace=Name("models"))
        why = cluster.NotAllowed(during=reading, namespace=Said("models"), said=Said("no"))
        with raising(Permanent, why) as raised:
            await kubernetes.log("models", "iris-1")
    assert "pods/log" in plain(raised.value.reason)


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────


def test_no_typed_model_is_imported() -> None:
    code = (
        "import sys, bot.clients.kubernetes.client;"
        "print(sum(name.startswith('kubernetes.') and '.models.v' in name for name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0"
