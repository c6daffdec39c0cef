"""Kubernetes: list, watch and read logs, as raw JSON.  Read-only: Git changes the cluster.

Uses only the official client's ApiClient, for authentication, TLS and proxies.  Its typed models cost 9–17 times the
CPU and fail on one malformed object; its own Watch has no backoff and hangs on a half-open connection.  So nothing of
`kubernetes.aio.client.models` is used here.

Rules of list and watch: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final, Self, TypeAlias
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from bot.clients.failures import unanswered
from bot.clients.kubernetes.access import Renew, access, disconnect
from bot.clients.limits import FAILURES, Malformed, Pages, decoded, head, lines, whole
from bot.clients.pacing import Asked, asked
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import cluster, systems
from bot.domain.reasons.cluster import AskingPod, CheckingHealth, EventMalformed, Listing, ReadingLog, Watching
from bot.domain.verification import Question
from bot.rules.kubernetes import agents
from bot.rules.kubernetes.kinds import RESOURCES
from bot.rules.wording.redaction import excerpt

PATHS: Final = {
    "events": "/api/v1",
    "configmaps": "/api/v1",
    **{resource: kind.path for resource, kind in RESOURCES.items()},
    **agents.PATHS,
}
"""The API path of each kind that is read here, by its plural name."""

PAGE: Final = 500
PAGES: Final = {"configmaps": 20}
"""Objects in one page; of ConfigMaps, of which each may be as large as any object, as many as surely fit."""
PAGE_BYTES: Final = 32 << 20
"""A page of 500 pods takes 5 MB; an object may take 1.5 MB."""
LINE_BYTES: Final = 8 << 20
"""Bytes of one event of a watch."""
LOG_BYTES: Final = 65_536
ANSWER: Final = timedelta(seconds=30)
"""How long the server may be silent outside a watch, and how long one line of a watch may take."""
WHOLE: Final = timedelta(minutes=2)
"""How long a whole answer that is not a watch may take."""
GRACE: Final = timedelta(seconds=15)
"""How much longer a watch may last than requested."""

QUOTED: Final = 1000
"""Characters of the server's own message: quotas and webhooks send long ones."""

Connect: TypeAlias = Callable[[], Awaitable[tuple[ApiClient, Renew]]]
Query = Sequence[tuple[str, str]]
Call = Listing | Watching | ReadingLog | AskingPod
"""What is asked, for reasons."""


class Expired(Temporary):
    """The watch cannot continue from its resource version: list again."""


class Refused(Permanent):
    """A refusal of the server, with its HTTP status."""

    def __init__(self, reason: Reason, *, status: int, words: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words
        """The server's own message, for decisions."""


class Kubernetes:
    """One cluster, as one user."""

    def __init__(self, connect: Connect) -> None:
        """Take what makes a client: it is called by the first request, and by each one until it succeeds."""
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._opened: tuple[ApiClient, Renew] | None = None

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Return a client for the kubeconfig at that path; else for the pod that this runs in; else kubectl's default.

        Raises:
            Permanent: it does not exist, or cannot be parsed.
        """
        made = cls(partial(access, kubeconfig))
        await made.open()
        return made

    async def open(self) -> tuple[ApiClient, Renew]:
        """Read the credentials, unless that was done before; return the client, and what reads them again.

        Raises:
            Permanent: there are none that can be used.
        """
        async with self._connecting:
            if self._opened is None:
                self._opened = await self._connect()
            return self._opened

    async def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await disconnect(self._opened[0])

    async def list(
        self, namespace: str, kind: str, *, name: str = "", keep: Callable[[Json], Json] = lambda obj: obj
    ) -> tuple[list[Json], str]:
        """Return all objects of a kind (plural: `pods`), and the resource version to watch from.

        With `name`, only the object of that name, if there is one.

        Each item gets the `apiVersion` and `kind` that lists leave out, and passes through `keep` page by page, so that
        a large namespace is never completely in memory.

        Raises:
            Temporary: no answer, or the server is overloaded.  Expired: start the list again.
            Permanent: not allowed.
        """
        call, found, following = Listing(kind=Name(kind), namespace=Name(namespace)), list[Json](), ""
        pages = Pages(call)
        while True:
            page, size = await self._page(
                namespace,
                kind,
                [("limit", str(PAGES.get(kind, PAGE))), *_only(name), *_if("continue", following)],
                call,
            )
            pages.take(size)
            of = {"apiVersion": page.get("apiVersion"), "kind": str(page.get("kind", "")).removesuffix("List")}
            found += [keep(of | item) for item in page.get("items") or ()]
            meta = page.get("metadata") or {}
            following = str(meta.get("continue") or "")
            if not following:
                return found, str(meta.get("resourceVersion", ""))

    async def watch(
        self,
        namespace: str,
        kind: str,
        resource_version: str,
        *,
        name: str = "",
        lasts: timedelta = timedelta(seconds=290),
        opened: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Json]:
        """Yield what changes: `{"type": "ADDED|MODIFIED|DELETED|BOOKMARK", "object": …}`, until the server ends it.

        `opened` is called when the server has accepted the watch: the first change may be minutes away.

        Raises:
            Expired: list again.
            Temporary: the connection broke, or was silent for longer than the requested duration.
            Permanent: not allowed.
        """
        seconds = str(max(1, round(lasts.total_seconds())))
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", seconds)]
        query += [*_only(name), *_if("resourceVersion", resource_version)]
        call = Watching(kind=Name(kind), namespace=Name(namespace))
        async with self._open(_path(namespace, kind), query, call, lasts=lasts + GRACE) as answer:
            opened()
            async with aclosing(lines(answer, LINE_BYTES, within=ANSWER.total_seconds())) as changes:
                async for line in changes:
                    yield _event(line, call)

    async def ping(self, within: timedelta) -> None:
        """Ask whether the API server still answers; whatever it answers is a sign of life.

        https://kubernetes.io/docs/reference/using-api/health-checks/

        Raises:
            Temporary: no answer in that time.
        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                (await self._send("/livez", (), None)).close()
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.CLUSTER, during=CheckingHealth())) from error

    async def log(
        self, namespace: str, pod: str, *, container: str | None = None, previous: bool = False, lines: int = 40
    ) -> str:
        """Return the last lines of a container's log; empty when it has none (yet), or the pod is gone.

        `previous` asks for the run before the present one, and falls back to the present one where there was none.
        Without `container`, it is the pod's first.
        """
        query = [("tailLines", str(lines)), ("limitBytes", str(LOG_BYTES))]
        query += _if("container", container or "") + _if("previous", "true" if previous else "")
        path = f"{_path(namespace, 'pods')}/{quote(pod, safe='')}/log"
        call = ReadingLog(pod=Name(pod), namespace=Name(namespace))
        try:
            async with self._open(path, query, call) as answer:
                return (await head(answer, LOG_BYTES)).decode(errors="replace")
        except Refused as refused:
            if container is None and (first := _first_choice(refused.words)):
                return await self.log(namespace, pod, container=first, previous=previous, lines=lines)
            if previous and refused.status == HTTPStatus.BAD_REQUEST:
                return await self.log(namespace, pod, container=container, lines=lines)
            if refused.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:  # not created yet, or deleted
                return ""
            raise

    async def ask_pod(
        self, namespace: str, pod: str, port: int, question: Question, *, most: int, within: timedelta
    ) -> tuple[int, bytes]:
        """Return the status and the body that a pod answers, asked through the API server's proxy.

        What the API server itself says is told from the pod's own answers by its form, a `Status`.
        https://kubernetes.io/docs/reference/kubernetes-api/core/pod-v1/#get-connect-proxy-path

        Raises:
            Temporary: the proxy does not reach the pod.
            Permanent: not allowed (`get`, for a POST `create`, on `pods/proxy`).
        """
        call = AskingPod(pod=Name(pod), namespace=Name(namespace))
        where = f"{'https:' if question.https else ''}{quote(pod, safe='')}:{port}"
        path = f"{_path(namespace, 'pods')}/{where}/proxy{question.path}"
        try:
            async with asyncio.timeout(within.total_seconds()):
                async with await self._send(path, (), None, body={} if question.post else None) as answer:
                    body = await (whole(answer, most) if answer.status == HTTPStatus.OK else head(answer, most))
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.CLUSTER, during=call)) from error
        if answer.status >= HTTPStatus.BAD_REQUEST and (said := _status(body)) is not None:
            raise _not_proxied(answer.status, said, call)
        return answer.status, body

    async def _page(self, namespace: str, kind: str, query: Query, call: Call) -> tuple[Json, int]:
        """Return a page of a list, and its size in bytes."""
        async with self._open(_path(namespace, kind), query, call) as answer:
            body = await whole(answer, PAGE_BYTES)
            page = decoded(body)
        if not _is_list(page):
            raise Temporary(systems.Malformed(system=systems.CLUSTER, during=call, cause=systems.UnexpectedForm()))
        return page, len(body)

    @asynccontextmanager
    async def _open(
        self, path: str, query: Query, call: Call, *, lasts: timedelta | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the open answer, and translate any failure until its body is read.  A watch `lasts`."""
        try:
            answer = await self._send(path, query, lasts)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                answer.close()
                _, renew = await self.open()
                await renew()
                answer = await self._send(path, query, lasts)
            async with answer:
                if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                    wait = asked(answer.headers.get("Retry-After", ""))
                    raise _failure(answer.status, await _message(answer), call, wait)
                yield answer
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.CLUSTER, during=call)) from error

    async def _send(
        self, path: str, query: Query, lasts: timedelta | None, *, body: Json | None = None
    ) -> aiohttp.ClientResponse:
        headers, method = {"Accept": "application/json, */*"}, "GET" if body is None else "POST"
        api, _ = await self.open()
        request = await api.param_serialize(
            method, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        silence, total = (lasts or ANSWER).total_seconds(), (lasts or WHOLE).total_seconds()
        timeout = aiohttp.ClientTimeout(total=total, connect=10, sock_read=silence)
        async with asyncio.timeout(ANSWER.total_seconds()):  # a watch, too, is accepted at once
            answer: aiohttp.ClientResponse = (await api.call_api(*request, _request_timeout=timeout)).response
        return answer


def _path(namespace: str, kind: str) -> str:
    return f"{PATHS[kind]}/namespaces/{quote(namespace, safe='')}/{kind}"


def _if(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _only(name: str) -> list[tuple[str, str]]:
    """Return the selector of the object with a name; a Role may grant this for that name alone."""
    return _if("fieldSelector", f"metadata.name={name}" if name else "")


def _is_list(page: object) -> bool:
    """Return whether an answer has the frame of a list.  A malformed object concerns that object only."""
    if not isinstance(page, dict) or not isinstance(page.get("metadata", {}), dict | None):
        return False
    items = page.get("items") or []
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _event(line: bytes, call: Call) -> Json:
    event = decoded(line)
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise Expired(EventMalformed(during=call))
    if not isinstance(kind := event.get("type"), str):
        raise Expired(EventMalformed(during=call))
    if kind == "ERROR":
        status = event["object"]
        code = status.get("code")
        number = code if isinstance(code, int) else HTTPStatus.INTERNAL_SERVER_ERROR
        raise _failure(number, excerpt(str(status.get("message", ""))), call, Asked())
    return event


async def _message(answer: aiohttp.ClientResponse) -> str:
    """Return the message of the Status object that the server sends with a refusal, else the start of the body."""
    body = await head(answer)
    try:
        return excerpt(str(decoded(body)["message"]), QUOTED)
    except (Malformed, KeyError, TypeError):
        return excerpt(body.decode(errors="replace"), 200) or excerpt(answer.reason or "")


def _status(body: bytes) -> str | None:
    """Return the message of a Status object; None for anything else."""
    try:
        found = decoded(body)
    except Malformed:
        return None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return None
    return excerpt(str(found.get("message", "")), QUOTED)


def _not_proxied(status: int, words: str, call: AskingPod) -> Temporary | Refused:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}:
        return Refused(_refusal(status, Said(words), call), status=status, words=words)
    return Temporary(cluster.PodNotProxied(during=call, said=Said(words)))


def _failure(status: int, words: str, call: Call, wait: Asked) -> Temporary | Refused:
    said = Said(words)
    if status == HTTPStatus.GONE:
        return Expired(cluster.VersionExpired(during=call, said=said))
    if (
        status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        why = systems.Failing(system=systems.CLUSTER, during=call, status=status, said=said, wait=wait.remark)
        return Temporary(why, after=wait.after)
    return Refused(_refusal(status, said, call), status=status, words=words)


def _refusal(status: int, said: Said, call: Call) -> Reason:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return cluster.CredentialsRefused(during=call)
        case HTTPStatus.FORBIDDEN:
            return cluster.NotAllowed(during=call, namespace=Said(call.namespace), said=said)
        case HTTPStatus.NOT_FOUND:
            return cluster.NotFound(during=call, said=said)
        case _:
            return cluster.Refused(during=call, status=status, said=said)


def _first_choice(words: str) -> str:
    """Return the first container of "a container name must be specified for pod x, choose one of: [a b]"."""
    found = re.search(r"choose one of: \[([\w.-]+)", words)
    return found[1] if found else ""
