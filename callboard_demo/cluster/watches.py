"""Watch streams: from a revision on, one JSON line for each change that matches the selector.

Not here: lists (`api.py`).  Follows
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes:  a revision older than the
window gets an ERROR event with code 410 inside a 200 stream; an object that starts or stops matching a selector is
ADDED or DELETED; bookmarks report the current revision; `timeoutSeconds` ends the stream.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from bot.domain.json import Json
from callboard_demo.cluster import refusals
from callboard_demo.cluster.resources import Resource
from callboard_demo.cluster.selectors import Selector
from callboard_demo.cluster.storage import Storage, StoredChange

BOOKMARK_EVERY = 10.0  # seconds; the real server waits about a minute
_LOOK = 1.0  # seconds between checks that the client is still connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What one watch selects."""

    resource: Resource
    namespace: str | None
    selected: Selector
    revision: int | None
    """Where to start; None: with all existing objects."""
    seconds: float | None
    bookmarks: bool
    initial_events: bool = False
    """Send a bookmark after the initial objects (`sendInitialEvents`)."""
    render: Callable[[Json], Json] = lambda value: value


class Watches:
    """All open streams, so that tests can cut them or let them hang."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: list[web.Request] = []
        self._closing = False
        self.stalled = False
        """While true, streams stay open without data, as over a dead network path."""

    @property
    def count(self) -> int:
        """Return how many streams are open."""
        return len(self._open)

    def drop(self) -> None:
        """Cut every open stream's connection."""
        for request in self._open:
            if request.transport is not None:
                request.transport.abort()

    def close(self) -> None:
        """End every stream, for good."""
        self._closing = True
        self._storage.ring()

    async def serve(self, request: web.Request, interest: Interest) -> web.StreamResponse:
        """Serve a watch request until it ends."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._open.append(request)
        try:
            with suppress(ConnectionError):
                async for event in self._events(request, interest):
                    await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
                await response.write_eof()
        finally:
            self._open = [other for other in self._open if other is not request]
        return response

    async def _events(self, request: web.Request, interest: Interest) -> AsyncIterator[Json]:
        bell = self._storage.bell()
        try:
            async for event in self._until(request, interest, bell):
                yield event
        finally:
            self._storage.silence(bell)

    async def _until(self, request: web.Request, interest: Interest, bell: asyncio.Event) -> AsyncIterator[Json]:
        loop = asyncio.get_running_loop()
        end = loop.time() + (interest.seconds or random.uniform(1800, 3600))  # noqa: S311 - as the real server does
        bookmark_at = loop.time() + BOOKMARK_EVERY
        reached = self._storage.revision if interest.revision is None else interest.revision
        for event in self._beginning(interest, reached):
            yield event
        while loop.time() < end and not self._gone(request):
            bell.clear()
            changes: list[StoredChange] | None = [] if self.stalled else self._storage.since(reached)
            if changes is None:
                yield _error(refusals.expired(reached, self._storage.oldest))
                return
            for change in changes:
                reached = change.revision
                if (seen := _seen(change, interest)) is not None:
                    yield seen
            if interest.bookmarks and loop.time() >= bookmark_at and not self.stalled:
                yield _bookmark(interest, reached)
                bookmark_at = loop.time() + BOOKMARK_EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(_LOOK, end - loop.time()))):
                    await bell.wait()
        if interest.bookmarks and not self._gone(request) and not self.stalled:
            yield _bookmark(interest, reached)

    def _gone(self, request: web.Request) -> bool:
        return self._closing or request.transport is None or request.transport.is_closing()

    def _beginning(self, interest: Interest, reached: int) -> list[Json]:
        if interest.revision is not None:
            return []
        values = self._storage.of_kind(interest.resource, interest.namespace)
        events = [_event("ADDED", interest, v) for v in values if interest.selected(v)]
        if interest.initial_events:
            end = _bookmark(interest, reached)
            end["object"]["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
            events.append(end)
        return events


def _seen(change: StoredChange, interest: Interest) -> Json | None:
    """Return the event of a change for this watch; None if it does not match."""
    resource, key = interest.resource, change.key
    if (key.group, key.plural) != (resource.group, resource.plural):
        return None
    if interest.namespace is not None and key.namespace != interest.namespace:
        return None
    before = change.before is not None and interest.selected(change.before)
    after = change.type != "DELETED" and interest.selected(change.after)
    if not before and not after:
        return None
    if not after and change.type != "DELETED" and change.before is not None:
        meta = {**change.before["metadata"], "resourceVersion": str(change.revision)}
        return _event("DELETED", interest, {**change.before, "metadata": meta})
    return _event("MODIFIED" if before and after else "ADDED" if after else "DELETED", interest, change.after)


def _event(kind: str, interest: Interest, value: Json) -> Json:
    return {"type": kind, "object": interest.render(value)}


def _error(refusal: refusals.Refusal) -> Json:
    return {"type": "ERROR", "object": refusal.body()}


def _bookmark(interest: Interest, revision: int) -> Json:
    head = {"kind": interest.resource.kind, "apiVersion": interest.resource.api_version}
    meta: Json = {"resourceVersion": str(revision), "creationTimestamp": None}
    return {"type": "BOOKMARK", "object": {**head, "metadata": meta}}
