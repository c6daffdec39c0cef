"""Pods are asked by the method that fits them, one question after the other, and never more than it takes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.clients.pods import Pods
from bot.domain.cluster import Health, HealthStatus, ModelStatus, PodSeen, Served
from bot.domain.promotion import Promotion, State
from bot.domain.reason import Name
from bot.domain.reasons.rollout import NoAddress
from bot.domain.reasons.verification import AnswerWithoutVersion, NoSuchPort, ValueUnknown
from bot.domain.registry import VersionDetails
from bot.domain.target import Pin
from bot.domain.verification import Confirms, Differs, Method, Verify
from bot.engine.verification import SAMPLE, Workload, ask, live, values_of
from bot.rules.release.decision import Review
from bot.rules.release.templates import Values
from tests.clients.test_pods import pod
from tests.fixtures.evidence import HEALTHY, LIVE, PROMOTION, READY, TARGET

VALUES = Values(target=TARGET, version=3)
OLD = Pin(stage="production", version=1)


@dataclass
class Server:
    """A model server that answers these paths with JSON, and others with 404."""

    pages: Mapping[str, Any]
    address: str
    pods: Pods
    asked: list[str]

    def workload(self, count: int = 1, *, pin: Pin | None = OLD, ready: bool = True) -> Workload:
        """Return a workload of so many pods, which are all this server."""
        pods = tuple(PodSeen(name=f"p{number}", address=self.address, ready=ready) for number in range(count))
        return Workload(namespace="models", name="iris", health=replace(HEALTHY, pods=pods, pin=pin))


@asynccontextmanager
async def server(pages: Mapping[str, Any]) -> AsyncIterator[Server]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(pages[request.path]) if request.path in pages else web.json_response({}, status=404)

    async with pod(answer, timeout=timedelta(seconds=3)) as (pods, address):
        yield Server(pages, address, pods, asked)


def index(version: str) -> Mapping[str, Any]:
    return {"/v2/repository/index": [{"name": "iris", "version": version, "state": "READY"}]}


# ── new pods ─────────────────────────────────────────────────────────────────────────────────────────


async def test_every_ready_pod_is_asked_by_the_method() -> None:
    how = Verify(method=Method.OPEN_INFERENCE)
    async with server(index("3")) as each:
        assert await ask(how, each.workload(2), VALUES, each.pods) == {"p0": Confirms(), "p1": Confirms()}
        assert each.asked == ["/v2/repository/index"] * 2, "no question after the one that tells"
        assert await ask(how, each.workload(2, ready=False), VALUES, each.pods) == {}


async def test_a_server_without_an_answer_is_asked_all_questions() -> None:
    async with server({}) as each:
        found = await ask(Verify(method=Method.OPEN_INFERENCE), each.workload(), VALUES, each.pods)
        assert each.asked == ["/v2/repository/index", "/v2/models/iris", "/v2/models/iris/versions/3"]
        assert found == {"p0": AnswerWithoutVersion(path=Name("/v2/models/iris/versions/3"), status=404)}


async def test_a_rollout_alone_asks_nobody() -> None:
    async with server({}) as each:
        assert await ask(Verify(method=Method.ROLLOUT), each.workload(), VALUES, each.pods) == {}
        assert each.asked == []


@pytest.mark.parametrize("value", [None, "..", "."])
async def test_a_value_that_is_unknown_or_leads_elsewhere_asks_nobody(value: str | None) -> None:
    how = Verify(method=Method.FIELD, path="/x/{tag.a}/y", field="/v", equals="1")
    tags = {"a": value} if value is not None else {}
    async with server({}) as each:
        (answer,) = (await ask(how, each.workload(), replace(VALUES, tags=tags), each.pods)).values()
        assert isinstance(answer, ValueUnknown)
        assert each.asked == []


async def test_a_pod_without_an_address_says_nothing_and_kserve_answers_for_it() -> None:
    status = ModelStatus(transition="UpToDate", active="Loaded", target="Loaded")
    seen = PodSeen(name="p", address=None, ready=True)
    health = Health(status=HealthStatus.HEALTHY, reason=HEALTHY.reason, pods=(seen,), model_status=status)
    workload, pods = Workload(namespace="models", name="iris", health=health), Pods()
    for method, expected in (
        (Method.CALLBOARD, NoAddress()),
        (Method.FIELD, NoAddress()),
        (Method.KSERVE, Confirms()),
    ):
        verify = Verify(method=method, path="/info")
        assert await ask(verify, workload, VALUES, pods) == {"p": expected}


async def test_another_port_is_asked_by_its_number_or_its_name() -> None:
    async with server(index("3")) as each:
        right = each.address.rpartition(":")[2]
        pods = (PodSeen(name="p", address="127.0.0.1:1", ready=True, ports=(("metrics", 1), ("rest", int(right)))),)
        workload = replace(each.workload(), health=replace(HEALTHY, pods=pods))
        for port in (right, "rest"):
            how = Verify(method=Method.OPEN_INFERENCE, port=port)
            assert await ask(how, workload, VALUES, each.pods) == {"p": Confirms()}
        unknown = await ask(Verify(method=Method.OPEN_INFERENCE, port="grpc"), workload, VALUES, each.pods)
        assert unknown == {"p": NoSuchPort(port=Name("grpc"))}


# ── old pods ─────────────────────────────────────────────────────────────────────────────────────────


def review(**changes: Any) -> Review:
    return replace(READY, **{"release": LIVE, **changes})


async def test_before_a_merge_a_few_pods_are_asked_about_what_they_run() -> None:
    async with server(index("1")) as each:
        found = await live(review(), each.workload(9), each.pods)
        assert found is not None
        assert (found.version, found.reached) == (1, True)
        assert list(found.answers[Method.OPEN_INFERENCE]) == [Confirms()] * SAMPLE
        assert each.asked.count("/model") == SAMPLE


async def test_our_own_server_is_asked_nothing_else() -> None:
    async with server({"/model": {"name": "iris", "version": 1}}) as each:
        found = await live(review(), each.workload(), each.pods)
        assert found is not None
        assert list(found.answers[Method.CALLBOARD]) == [Served(model="iris", version=1)]
        assert each.asked == ["/model"]


async def test_another_version_than_the_pinned_one_is_no_confirmation() -> None:
    async with server(index("7")) as each:
        found = await live(review(), each.workload(), each.pods)
        assert found is not None
        assert list(found.answers[Method.OPEN_INFERENCE]) == [Differs(found=Name("7"))]


async def test_pods_that_nobody_reaches_are_told_apart() -> None:
    async with server({}) as each:
        seen = PodSeen(name="p", address="127.0.0.1:1", ready=True)
        workload = replace(each.workload(), health=replace(HEALTHY, pods=(seen,), pin=OLD))
        found = await live(review(), workload, each.pods)
        assert found is not None
        assert not found.reached


@pytest.mark.parametrize(
    "pin", [pytest.param(Pin(stage="production", version=3), id="the-new-ones"), pytest.param(None, id="no-pin")]
)
async def test_pods_that_run_the_change_already_tell_nothing_about_before(pin: Pin | None) -> None:
    async with server(index("1")) as each:
        found = await live(review(), each.workload(pin=pin), each.pods)
        assert (found is None) is (pin is not None)


async def test_a_named_method_needs_no_asking() -> None:
    policy = replace(READY.policy, verify=Verify(method=Method.ROLLOUT, named=True))
    async with server({}) as each:
        assert await live(review(policy=policy), each.workload(), each.pods) is None
        assert await live(review(), None, each.pods) is None
        assert each.asked == []


# ── placeholders ─────────────────────────────────────────────────────────────────────────────────────


class Registry:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def version_details(self, what: object) -> VersionDetails:
        self.asked += 1
        return VersionDetails(what=PROMOTION.what, run="ab12", tags={"image": "v3"})


async def test_the_registry_is_asked_only_for_what_it_knows() -> None:
    registry: Any = Registry()
    promotion: Promotion = replace(PROMOTION, state=State.VERIFYING)
    plain = await values_of(promotion, Verify(method=Method.FIELD, equals="{version}"), "sha256:1", registry)
    assert (plain, registry.asked) == (Values(target=TARGET, version=3, digest="sha256:1"), 0)
    tagged = await values_of(promotion, Verify(method=Method.IMAGE, equals="{tag.image}"), None, registry)
    assert (tagged.run, tagged.tags, registry.asked) == ("ab12", {"image": "v3"}, 1)
