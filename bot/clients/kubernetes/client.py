"""Kubernetes: list, watch and read logs, as raw JSON.  Reads only: what changes the cluster is Git.

Over the official client's ApiClient alone, which does authentication, TLS and proxies.  Its typed models cost 9–17
times the CPU and die of one odd object; its own Watch has no backoff and hangs on a half-open connection.  So nothing
of `kubernetes.aio.client.models` is used here.

Rules of list and watch: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from bot.clients.kubernetes.access import Renew, access, disconnect
from bot.clients.limits import FAILURES, Malformed, Pages, decoded, head, lines, whole
from bot.clients.pacing import Asked, asked
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.rules.wording.redaction import excerpt

GROUPS: Final = {
    "pods": "/api/v1",
    "events": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
}
"""Where the API keeps each kind that is read here, by its plural name."""

PAGE: Final = 500
PAGE_BYTES: Final = 32 << 20
"""A page of 500 pods has 5 MB; an object may have 1.5 MB."""
LINE_BYTES: Final = 8 << 20
"""Bytes of one event of a watch."""
LOG_BYTES: Final = 65_536
ANSWER: Final = timedelta(seconds=30)
"""How long the server may be silent when it is not a watch, and how long one line of a watch may take."""
WHOLE: Final = timedelta(minutes=2)
"""How long an answer that is not a watch may take."""
GRACE: Final = timedelta(seconds=15)
"""How much longer than a watch was asked to last it may last."""

SAID: Final = 1000
"""Characters of the server's own words: a quota or a webhook says more than a sentence."""

Query = Sequence[tuple[str, str]]


class Expired(Temporary):
    """The resource version is too old for the server to go on from: list again."""


class Refused(Permanent):
    """The server's own no, with its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Kubernetes:
    """One cluster, as one user."""

    def __init__(self, api: ApiClient, renew: Renew | None = None) -> None:
        """Take a configured client; `renew` reads its credentials again."""
        self._api = api
        self._renew = renew

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Return a client for the kubeconfig at that path; else for the pod that this runs in; else kubectl's default.

        Raises:
            Permanent: it is not there, or does not parse.
        """
        return cls(*await access(kubeconfig))

    async def close(self) -> None:
        """End all connections."""
        await disconnect(self._api)

    async def list(
        self, namespace: str, kind: str, *, keep: Callable[[Json], Json] = lambda obj: obj
    ) -> tuple[list[Json], str]:
        """Return all objects of a kind (plural: `pods`), and the resource version to watch from.

        Each item gets the `apiVersion` and `kind` that lists leave out, and goes through `keep` page by page, so that a
        large namespace need not be in memory whole.

        Raises:
            Temporary: no answer, or the server is busy.  Expired: the list must be begun again.
            Permanent: not allowed.
        """
        what, found, following = f"listing {kind} in {namespace}", list[Json](), ""
        pages = Pages(what)
        while True:
            page, size = await self._page(namespace, kind, [("limit", str(PAGE)), *_if("continue", following)], what)
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
        lasts: timedelta = timedelta(seconds=290),
        opened: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Json]:
        """Yield what changes: `{"type": "ADDED|MODIFIED|DELETED|BOOKMARK", "object": …}`, until the server ends it.

        `opened` is called when the server has agreed to the watch: the first change may be minutes away.

        Raises:
            Expired: list again.
            Temporary: the connection broke, or was silent for longer than the watch was to last.
            Permanent: not allowed.
        """
        seconds = str(max(1, round(lasts.total_seconds())))
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", seconds)]
        query += _if("resourceVersion", resource_version)
        what = f"watching {kind} in {namespace}"
        async with self._asking(_path(namespace, kind), query, what, lasts=lasts + GRACE) as answer:
            opened()
            async with aclosing(lines(answer, LINE_BYTES, within=ANSWER.total_seconds())) as told:
                async for line in told:
                    yield _event(line, what)

    async def log(
        self, namespace: str, pod: str, *, container: str | None = None, previous: bool = False, lines: int = 40
    ) -> str:
        """Return the last lines of a container's log; empty when it has none (yet), or the pod is gone.

        `previous` asks for the run before the present one, and falls back to the present one where there was none.
        Without `container`, it is the pod's first.
        """
        query = [("tailLines", str(lines)), ("limitBytes", str(LOG_BYTES))]
        query += _if("container", container or "") + _if("previous", "true" if previous else "")
        path, what = f"{_path(namespace, 'pods')}/{quote(pod, safe='')}/log", f"reading the log of {pod} in {namespace}"
        try:
            async with self._asking(path, query, what) as answer:
                return (await head(answer, LOG_BYTES)).decode(errors="replace")
        except Refused as no:
            if container is None and (first := _first_choice(str(no))):
                return await self.log(namespace, pod, container=first, previous=previous, lines=lines)
            if previous and no.status == HTTPStatus.BAD_REQUEST:
                return await self.log(namespace, pod, container=container, lines=lines)
            if no.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:  # still being created; gone
                return ""
            raise

    async def _page(self, namespace: str, kind: str, query: Query, what: str) -> tuple[Json, int]:
        """Return a page of a list, and its size in bytes."""
        async with self._asking(_path(namespace, kind), query, what) as answer:
            body = await whole(answer, PAGE_BYTES)
            page = decoded(body)
        if not _is_list(page):
            raise Temporary(f"{what}: the answer is no list of objects")
        return page, len(body)

    @asynccontextmanager
    async def _asking(
        self, path: str, query: Query, what: str, *, lasts: timedelta | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give the open answer, and translate whatever goes wrong until its body is read.  A watch `lasts`."""
        try:
            answer = await self._send(path, query, lasts)
            if answer.status == HTTPStatus.UNAUTHORIZED and self._renew is not None:
                answer.close()
                await self._renew()
                answer = await self._send(path, query, lasts)
            async with answer:
                if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                    wait = asked(answer.headers.get("Retry-After", ""))
                    raise _failure(answer.status, await _said(answer), what, wait)
                yield answer
        except FAILURES as error:
            said = "no answer in time" if isinstance(error, TimeoutError) else excerpt(str(error))
            raise Temporary(f"{what}: {said or type(error).__name__}") from error

    async def _send(self, path: str, query: Query, lasts: timedelta | None) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json, */*"}
        call = await self._api.param_serialize(
            "GET", path, query_params=list(query), header_params=headers, auth_settings=["BearerToken"]
        )
        silence, total = (lasts or ANSWER).total_seconds(), (lasts or WHOLE).total_seconds()
        timeout = aiohttp.ClientTimeout(total=total, connect=10, sock_read=silence)
        answer: aiohttp.ClientResponse = (await self._api.call_api(*call, _request_timeout=timeout)).response
        return answer


def _path(namespace: str, kind: str) -> str:
    return f"{GROUPS[kind]}/namespaces/{quote(namespace, safe='')}/{kind}"


def _if(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _is_list(page: object) -> bool:
    """Say whether an answer has the frame of a list.  What is odd within an object concerns that object alone."""
    if not isinstance(page, dict) or not isinstance(page.get("metadata", {}), dict | None):
        return False
    items = page.get("items") or []
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _event(line: bytes, what: str) -> Json:
    event = decoded(line)
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise Expired(f"{what}: the stream holds something that is no event")
    if not isinstance(kind := event.get("type"), str):
        raise Expired(f"{what}: the stream holds an event of no kind")
    if kind == "ERROR":
        status = event["object"]
        code = status.get("code")
        number = code if isinstance(code, int) else HTTPStatus.INTERNAL_SERVER_ERROR
        raise _failure(number, excerpt(str(status.get("message", ""))), what, Asked())
    return event


async def _said(answer: aiohttp.ClientResponse) -> str:
    """Return the message of the Status object that the server sends with a no, else the start of what it did send."""
    body = await head(answer)
    try:
        return excerpt(str(decoded(body)["message"]), SAID)
    except (Malformed, KeyError, TypeError):
        return excerpt(body.decode(errors="replace"), 200) or excerpt(answer.reason or "")


def _failure(status: int, said: str, what: str, wait: Asked) -> Temporary | Refused:
    if status == HTTPStatus.GONE:
        return Expired(f"{what}: {said}")
    if (
        status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Temporary(f"{what}: the cluster is busy or ailing ({status}: {said}){wait.remark}", after=wait.after)
    if status == HTTPStatus.UNAUTHORIZED:
        return Refused(
            f"{what}: the cluster does not accept the credentials; renew the token in the kubeconfig", status
        )
    if status == HTTPStatus.FORBIDDEN:
        return Refused(f"{what} is not allowed: {said}; {_grant(what)}", status)
    if status == HTTPStatus.NOT_FOUND:
        return Refused(f"{what}: not found ({said}); is that the right namespace, and the right cluster?", status)
    return Refused(f"{what}: refused ({status}: {said})", status)


def _grant(what: str) -> str:
    namespace = what.rpartition(" in ")[2]
    return (
        f"allow it with: kubectl create role callboard-watch -n {namespace} --verb=get,list,watch"
        " --resource=deployments.apps,replicasets.apps,pods,pods/log,events"
        f" && kubectl create rolebinding callboard-watch -n {namespace} --role=callboard-watch --user=USER-NAMED-ABOVE"
    )


def _first_choice(said: str) -> str:
    """Return the first container of "a container name must be specified for pod x, choose one of: [a b]"."""
    found = re.search(r"choose one of: \[([\w.-]+)", said)
    return found[1] if found else ""
