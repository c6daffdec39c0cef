"""The model servers, one pod at a time: what has it loaded, and does it answer predictions?

Connects to pods directly, as the kubelet's probes do; behind a Service any of them could answer.  Where that fails (a
NetworkPolicy, a bot outside the cluster), the API server's proxy is tried, if Callboard may use it.  Pods of another
cluster are asked through its proxy only.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final, Protocol

import aiohttp
import msgspec

from bot.clients.failures import cause, unanswered
from bot.clients.limits import FAILURES, Bounded, Malformed, decoded, head, whole
from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import systems
from bot.domain.reasons.cluster import (
    ExampleRefused,
    PredictionNotJSON,
    PredictionNotObject,
    UnreachableBothWays,
    of_cluster,
)
from bot.domain.verification import Question, Reply
from bot.rules.wording.redaction import excerpt

BODY: Final = 1 << 20
"""Bytes of an answer that are read: no model's answer to its one example should be larger."""
TIMEOUT: Final = timedelta(seconds=3)
FORGET: Final = timedelta(minutes=10)
"""How long the proxy is not tried again after it was refused."""
UNVERIFIED: Final = False
"""No certificate is verified, as `Question.https` says."""
MODEL: Final = Question(path="/model")
BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class _Model(msgspec.Struct):
    """The answer of /model; msgspec ignores fields that are not named here."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    version: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
    """Decoded leniently: may come as a string."""
    digest: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodName:
    """Which pod it is, for the API server."""

    namespace: str
    workload: str
    """The pods of one workload are reached the same way."""
    name: str


class Proxy(Protocol):
    """Asks a pod through the API server, as `Kubernetes.ask_pod` does."""

    def __call__(
        self, namespace: str, pod: str, port: int, question: Question, *, most: int, within: timedelta
    ) -> Awaitable[tuple[int, bytes]]: ...


class Pods:
    """All pods, over one session.  Proxies of the environment are not used: pods are never behind one."""

    def __init__(
        self, *, timeout: timedelta | None = None, proxy: Proxy | None = None, cluster: str | None = None
    ) -> None:
        """Take the timeout of one answer, and the way through the API server, if there is one.

        `cluster` names another cluster than the bot's own.  Its pods are asked through its API server only: here,
        another pod may have the same address.
        """
        self._within = timeout or TIMEOUT
        self._proxy = proxy
        self._cluster = cluster
        self._session: aiohttp.ClientSession | None = None
        self._proxied: set[tuple[str, str]] = set()
        """The workloads (by namespace) whose pods were last reached through the API server."""
        self._refused: dict[tuple[str, bool], tuple[float, Reason]] = {}
        """Until when (by the loop's clock) the proxy is not tried for a namespace, apart for POST, and why."""

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def served(self, address: str, pod: PodName | None = None) -> Served:
        """Return the version that the model server at `ip:port` has loaded.

        Raises:
            Temporary: it does not answer, or not (yet) as Callboard's model server does.
        """
        status, body = await self._reach(address, MODEL, pod)
        if status != HTTPStatus.OK:
            raise Temporary(_malformed(address, systems.Status(status=status)))
        try:
            model = decoded(body, _Model)
        except Malformed as error:
            raise Temporary(_malformed(address, cause(error))) from error
        return Served(model=model.name, version=model.version, digest=model.digest)

    async def ask(self, address: str, question: Question, pod: PodName | None = None) -> Reply:
        """Return what any model server at `ip:port` answers.

        Raises:
            Temporary: it does not answer.
        """
        status, body = await self._reach(address, question, pod)
        try:
            return Reply(status=status, content=decoded(body))
        except Malformed:
            return Reply(status=status)

    async def predict(self, address: str, example: bytes) -> Json:
        """Return the answer to a prediction request (MLflow's JSON: `{"inputs": …}`), as `{"predictions": …}`.

        Raises:
            Temporary: it does not answer, or is overloaded.
            Permanent: the model refuses the example, or its answer is not a JSON object.
        """
        status, body = await self._connect("POST", f"http://{address}/invocations", example)
        if status in BUSY:
            raise Temporary(systems.Failing(system=systems.SERVER, at=Name(address), status=status))
        if status != HTTPStatus.OK:
            raise Permanent(ExampleRefused(address=Name(address), status=status, said=Said(_message(body))))
        try:
            answer = decoded(body)
        except Malformed as error:
            raise Permanent(PredictionNotJSON(address=Name(address))) from error
        if not isinstance(answer, dict):
            raise Permanent(PredictionNotObject(address=Name(address)))
        return answer

    # ── the two ways ────────────────────────────────────────────────────────────────────────────────

    async def _reach(self, address: str, question: Question, pod: PodName | None) -> tuple[int, bytes]:
        """Ask the way that worked last for the workload, then the other one.

        Raises:
            Temporary: neither brought an answer.
        """
        if pod is None or self._proxy is None:
            return await self._directly(address, question)
        if self._cluster is not None:
            return await self._through(self._proxy, address, question, pod)
        workload = (pod.namespace, pod.workload)
        if workload in self._proxied:
            try:
                return await self._through(self._proxy, address, question, pod)
            except Temporary:
                self._proxied.discard(workload)
        try:
            return await self._directly(address, question)
        except Temporary as error:
            if not isinstance(error.reason, systems.Unreachable | systems.TimedOut):
                raise
            direct = error
        try:
            answer = await self._through(self._proxy, address, question, pod)
        except Temporary as error:
            raise Temporary(UnreachableBothWays(direct=direct.reason, proxied=error.reason)) from error
        self._proxied.add(workload)
        return answer

    async def _directly(self, address: str, question: Question) -> tuple[int, bytes]:
        method, body = ("POST", b"{}") if question.post else ("GET", None)
        scheme = "https" if question.https else "http"
        return await self._connect(method, f"{scheme}://{address}{question.path}", body)

    async def _through(self, proxy: Proxy, address: str, question: Question, pod: PodName) -> tuple[int, bytes]:
        """Ask through the API server, unless it refused that a short time ago.

        Raises:
            Temporary: no answer, or not allowed.
        """
        now, right = asyncio.get_running_loop().time(), (pod.namespace, question.post)
        until, why = self._refused.get(right, (now, None))
        if why is not None and now < until:
            raise Temporary(why)
        port = int(address.rpartition(":")[2])
        try:
            return await proxy(pod.namespace, pod.name, port, question, most=BODY, within=self._within)
        except Temporary as error:
            raise Temporary(of_cluster(self._cluster, error.reason), after=error.after) from error
        except Permanent as error:
            why = of_cluster(self._cluster, error.reason)
            self._refused[right] = now + FORGET.total_seconds(), why
            raise Temporary(why) from error

    async def _connect(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            session = self._opened()
            async with session.request(
                method, url, data=body, headers=headers, allow_redirects=False, ssl=UNVERIFIED
            ) as answer:
                good = answer.status == HTTPStatus.OK
                return answer.status, await (whole(answer, BODY) if good else head(answer))
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.SERVER, at=url)) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not in __init__: a session belongs to the running loop
            jar = aiohttp.DummyCookieJar()
            timeout = aiohttp.ClientTimeout(total=self._within.total_seconds())
            self._session = aiohttp.ClientSession(
                timeout=timeout, trust_env=False, cookie_jar=jar, response_class=Bounded
            )
        return self._session


def _malformed(address: str, why: Reason) -> Reason:
    during = systems.Request(name=Name("/model"))
    return systems.Malformed(system=systems.SERVER, at=Name(address), during=during, cause=why)


def _message(body: bytes) -> str:
    """Return MLflow's message about a failed prediction, else the start of the body."""
    try:
        found = decoded(body)
    except Malformed:
        return excerpt(body.decode(errors="replace"))
    return excerpt(str(found.get("message", found) if isinstance(found, dict) else found))
