"""A pod is asked directly, or through the API server where that fails; what worked is remembered for its workload."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clients.kubernetes.client import Kubernetes, Refused
from bot.clients.pods import PodName, Pods
from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Said
from bot.domain.reasons import cluster, systems
from bot.domain.verification import Question, Reply
from bot.rules.wording.reasons import plain
from tests.clients.test_pods import always, pod
from tests.fixtures.certificates import Authority
from tests.fixtures.kubernetes_script import Answer, refusal, scripted
from tests.fixtures.raising import raising

NOWHERE = "127.0.0.1:1"
POD = PodName(namespace="models", workload="iris", name="iris-7c9")
SIBLING = PodName(namespace="models", workload="iris", name="iris-7d0")
INFO, INDEX = Question(path="/info?x=1"), Question(path="/v2/repository/index", post=True)
ASKING = cluster.AskingPod(pod=Name("iris-7c9"), namespace=Name("models"))


# ── a pod's answer ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"text": '{"version": 3}'}, Reply(status=200, content={"version": 3})),
        ({"text": "<html>"}, Reply(status=200)),
        ({"text": "[" * 100_000}, Reply(status=200)),
        ({"text": '{"detail": "Not Found"}', "status": 404}, Reply(status=404, content={"detail": "Not Found"})),
        ({"text": "", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, Reply(status=302)),
    ],
)
async def test_any_server_may_be_asked_anything(answer: dict[str, object], expected: Reply) -> None:
    async with pod(always(**answer)) as (pods, address):
        assert await pods.ask(address, INFO) == expected


async def test_a_question_is_sent_as_it_stands() -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.raw_path, await request.read()))
        return web.json_response([])

    async with pod(answer) as (pods, address):
        await pods.ask(address, Question(path="/v2/models/a%2Fb/versions/3?x=%20"))
        await pods.ask(address, INDEX)
    assert asked == [("GET", "/v2/models/a%2Fb/versions/3?x=%20", b""), ("POST", "/v2/repository/index", b"{}")]


async def test_over_tls_the_certificate_is_not_verified(tmp_path: Path) -> None:
    """As the kubelet's probes do it: it is for the name of a Service, not for the address of a pod."""
    certificate, key = Authority(tmp_path, "theirs").sign("iris.models.svc")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/info", always(text='{"version": 3}'))
    server = TestServer(app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context, shutdown_timeout=0.1)
    pods = Pods()
    address = f"127.0.0.1:{server.port}"
    assert await pods.ask(address, replace(INFO, https=True)) == Reply(status=200, content={"version": 3})
    with raising(Temporary, systems.Unreachable):
        await pods.ask(address, INFO)
    await pods.close()
    await server.close()


async def test_over_tls_the_api_server_is_asked_for_https(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({})

    async with scripted(answer, tmp_path) as kubernetes:
        await ask(kubernetes, replace(INFO, https=True))
    assert asked == ["/api/v1/namespaces/models/pods/https:iris-7c9:8080/proxy/info?x=1"]


# ── the two ways ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Asked:
    """A stand-in for the API server's proxy, which counts what it is asked."""

    answer: Callable[[Question], tuple[int, bytes]]
    calls: list[tuple[str, int, Question]] = field(default_factory=list)

    async def __call__(
        self, namespace: str, pod: str, port: int, question: Question, *, most: int, within: timedelta
    ) -> tuple[int, bytes]:
        self.calls.append((f"{namespace}/{pod}", port, question))
        return self.answer(question)


def serves(question: Question) -> tuple[int, bytes]:
    return 200, b'{"name": "iris", "version": 3}'


def forbids(question: Question) -> tuple[int, bytes]:
    raise Permanent(cluster.NotAllowed(during=ASKING, namespace=Said("models"), said=Said("pods/proxy")))


@asynccontextmanager
async def through(answer: Callable[[Question], tuple[int, bytes]]) -> AsyncIterator[tuple[Pods, Asked]]:
    asked = Asked(answer)
    pods = Pods(proxy=asked)
    try:
        yield pods, asked
    finally:
        await pods.close()


async def test_a_pod_that_cannot_be_connected_to_is_asked_through_the_api_server() -> None:
    async with through(serves) as (pods, asked):
        assert await pods.served(NOWHERE, POD) == Served(model="iris", version=3)
        assert await pods.ask(NOWHERE, INFO, SIBLING) == Reply(status=200, content={"name": "iris", "version": 3})
        assert asked.calls == [("models/iris-7c9", 1, Question(path="/model")), ("models/iris-7d0", 1, INFO)]


async def test_pods_of_another_cluster_are_asked_through_its_api_server_only() -> None:
    async with pod(always(text='{"name": "churn", "version": 9}')) as (_, address):
        asked = Asked(serves)
        pods = Pods(proxy=asked, cluster="prod")
        assert await pods.served(address, POD) == Served(model="iris", version=3)
        asked.answer = forbids
        with pytest.raises(Temporary) as raised:
            await pods.served(address, POD)
        assert plain(raised.value.reason).startswith("cluster prod: asking iris-7c9 in models through the API server")
        assert "kubectl create role callboard-ask" in plain(raised.value.reason)
        await pods.close()


async def test_a_pod_that_answers_is_not_asked_twice() -> None:
    async with pod(always(status=404)) as (direct, address):
        asked = Asked(serves)
        direct._proxy = asked
        assert await direct.ask(address, INFO, POD) == Reply(status=404)
        assert asked.calls == []


async def test_the_way_that_worked_is_taken_first_until_it_does_not() -> None:
    async with through(serves) as (pods, asked), pod(always(text='{"name": "iris", "version": 4}')) as (_, address):
        await pods.served(NOWHERE, POD)
        assert (await pods.served(address, SIBLING)).version == 3, "through the API server"

        def unreachable(question: Question) -> tuple[int, bytes]:
            raise Temporary(cluster.PodNotProxied(during=ASKING, said=Said("no route")))

        asked.answer = unreachable
        assert (await pods.served(address, SIBLING)).version == 4, "directly"
        before = len(asked.calls)
        assert (await pods.served(address, POD)).version == 4
        assert len(asked.calls) == before


async def test_where_neither_way_works_both_are_named_and_how_to_allow_one() -> None:
    async with through(forbids) as (pods, _):
        with raising(Temporary, cluster.UnreachableBothWays) as caught:
            await pods.served(NOWHERE, POD)
    said = plain(caught.value.reason)
    assert "127.0.0.1:1" in said
    assert "asking iris-7c9 in models through the API server is not allowed" in said
    assert "kubectl create role callboard-ask -n models --verb=get --resource=pods/proxy" in said


async def test_what_the_api_server_does_not_allow_is_not_asked_again_at_once() -> None:
    """A POST needs another right than a GET."""

    def allows_get(question: Question) -> tuple[int, bytes]:
        return forbids(question) if question.post else serves(question)

    async with through(allows_get) as (pods, asked):
        for _ in range(3):
            with raising(Temporary, cluster.UnreachableBothWays):
                await pods.ask(NOWHERE, INDEX, POD)
        assert len(asked.calls) == 1
        assert (await pods.ask(NOWHERE, INFO, POD)).status == 200


# ── the API server's proxy ───────────────────────────────────────────────────────────────────────────


async def proxied(answer: Answer, folder: Path, question: Question = INFO) -> tuple[int, bytes]:
    async with scripted(answer, folder) as kubernetes:
        return await ask(kubernetes, question)


async def ask(kubernetes: Kubernetes, question: Question = INFO) -> tuple[int, bytes]:
    return await kubernetes.ask_pod("models", "iris-7c9", 8080, question, most=1 << 20, within=timedelta(seconds=3))


async def test_the_api_server_passes_the_question_on(tmp_path: Path) -> None:
    asked: list[tuple[str, str, bytes, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.raw_path, await request.read(), request.headers["Authorization"]))
        return web.Response(text="3", headers={"Set-Cookie": "a=b"})

    async with scripted(answer, tmp_path) as kubernetes:
        assert await ask(kubernetes) == (200, b"3")
        await ask(kubernetes, INDEX)
    base = "/api/v1/namespaces/models/pods/iris-7c9:8080/proxy"
    assert [(method, path, body) for method, path, body, _ in asked] == [
        ("GET", f"{base}/info?x=1", b""),
        ("POST", f"{base}/v2/repository/index", b"{}"),
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 501])
async def test_what_the_pod_says_is_its_own_answer(tmp_path: Path, status: int) -> None:
    assert await proxied(always(status=status, text='{"error": "x"}'), tmp_path) == (status, b'{"error": "x"}')


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, 'pods "iris-7c9" not found'),
        (500, "error trying to reach service: dial tcp 10.0.0.7:8080: connect: connection refused"),
        (400, "address not allowed"),
        (503, "no endpoints available"),
    ],
)
async def test_what_the_api_server_itself_says_is_no_answer_of_the_pod(tmp_path: Path, status: int, said: str) -> None:
    """Kubernetes 1.20 answered so."""

    async def answer(request: web.Request) -> web.Response:
        return refusal(status, said)

    with raising(Temporary, cluster.PodNotProxied(during=ASKING, said=Said(said))):
        await proxied(answer, tmp_path)


async def test_a_missing_right_is_told_apart(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return refusal(403, 'cannot get resource "pods/proxy"')

    with pytest.raises(Refused) as caught:
        await proxied(answer, tmp_path)
    assert isinstance(caught.value.reason, cluster.NotAllowed)


async def test_a_redirect_is_not_followed_with_our_token(tmp_path: Path) -> None:
    with pytest.raises(Temporary) as caught:
        await proxied(always(status=302, headers={"Location": "http://127.0.0.1:1/"}), tmp_path)
    assert isinstance(caught.value.reason, systems.Malformed | systems.Unreachable)
