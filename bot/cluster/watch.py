"""One list and one watch per namespace and kind, shared by every rollout there; wakes targets on changes.

Neither a judgement (`bot.rules.kubernetes.health`) nor the state of a promotion: what is here is lost with the process
and listed again.  A change is only a wake-up: the pass takes a whole new snapshot.

Resumes from the last resource version after a break, with growing, jittered pauses; lists again when the server no
longer knows that version (410): https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from bot.clients.kubernetes.client import Expired, Kubernetes
from bot.cluster.objects import Objects, kept
from bot.cluster.touched import Touched
from bot.domain.cluster import Snapshot
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.cluster import NoAnswerYet, NotWatched, Silent, WatchEnded, WatchFailed, of_cluster
from bot.rules.kubernetes.kinds import deployment
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.wording.reasons import plain

LOG: Final = logging.getLogger(__name__)

EVENTS: Final = "events"
"""They are shown, and decide nothing: without permission to read them, everything else works."""
WAKE_EVERY: Final = timedelta(seconds=0.2)
"""The shortest time between two wake-ups."""
MOMENT: Final = timedelta(seconds=1)
"""How long the break between two watches may last without any target noticing."""
LOST: Final = timedelta(seconds=10)
"""How long a watch may be interrupted before its objects no longer count as current."""
MAX_PAUSE: Final = timedelta(seconds=4)
"""The longest pause between two attempts: however long the server was away, its return is noticed soon."""
REFUSED_PAUSE: Final = timedelta(seconds=30)
"""The longest pause after a refusal, which lasts until somebody gives the bot permission."""
STABLE: Final = timedelta(seconds=5)
"""A watch that lasted for less has failed, however it ended."""


@dataclass(slots=True, kw_only=True)
class _Stream:
    """The state of one list and watch.  Mutable."""

    kind: str
    interrupted_since: float | None
    """By the loop's clock; None while the watch is open."""
    version: str | None = None
    """To continue from; None: list first."""
    listed: bool = False
    why: Reason = field(default_factory=NoAnswerYet)
    refused: bool = False
    opened_at: float = 0.0
    failures: int = 0
    """Since the watch was last stable, or sent anything."""


@dataclass(slots=True, kw_only=True)
class _Namespace:
    """One namespace: its objects, and the streams that keep them current."""

    streams: dict[str, _Stream] = field(default_factory=dict)
    """By the plural name of what they list."""
    objects: Objects = field(default_factory=Objects)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Watch:
    """The bot's view of one cluster."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        wake: Callable[[str], None],
        *,
        pause: timedelta = timedelta(seconds=0.5),
        lasts: timedelta = timedelta(seconds=290),
        cluster: str | None = None,
    ) -> None:
        """Take a callback for wake-ups (with the namespace), the first pause after a break, and a watch's length.

        `cluster` is the name that reasons give it; None: the bot's own needs none.
        """
        self._kubernetes = kubernetes
        self._wake = wake
        self._pause = pause
        self._lasts = lasts
        self._cluster = cluster
        self._namespaces: dict[str, _Namespace] = {}
        self._woken: dict[str, float] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}

    def touched(self) -> dict[str, Touched]:
        """Return what has changed since this was last asked, by namespace."""
        found = {}
        for name, place in self._namespaces.items():
            if place.objects.touched:
                found[name], place.objects.touched = place.objects.touched, Touched()
        return found

    async def ensure(self, namespace: str, kind: Kind = deployment.KIND) -> None:
        """Start to watch the workloads of a kind in a namespace, and what they own; repeating it does no harm.

        Returns before the first lists, which wake later.
        """
        loop = asyncio.get_running_loop()
        place = self._namespaces.setdefault(namespace, _Namespace())
        for resource in (*_needed(kind), EVENTS):
            if resource not in place.streams:
                stream = place.streams[resource] = _Stream(kind=resource, interrupted_since=loop.time())
                place.tasks.append(loop.create_task(self._follow(namespace, place, stream)))

    def fresh(self, namespace: str, kind: Kind = deployment.KIND) -> bool:
        """Return whether everything that a verdict on a workload of the kind needs has been listed at least once."""
        return all(stream is not None and stream.listed for stream in self._streams(namespace, kind))

    def trouble(self, namespace: str, kind: Kind = deployment.KIND) -> Reason | None:
        """Return why the objects of a namespace may not be current; None when they are."""
        found = self._trouble(namespace, kind)
        return of_cluster(self._cluster, found) if found is not None else None

    def _trouble(self, namespace: str, kind: Kind) -> Reason | None:
        now = asyncio.get_running_loop().time()
        for stream in self._streams(namespace, kind):
            if stream is None:
                return NotWatched(namespace=Name(namespace))
            if stream.refused:
                return stream.why
            if stream.interrupted_since is not None and now - stream.interrupted_since > LOST.total_seconds():
                since = timedelta(seconds=round(now - stream.interrupted_since))
                return Silent(since=since, cause=stream.why)
        return None

    def snapshot(
        self, namespace: str, model: str, stage: str, workload: str | None = None, kind: Kind = deployment.KIND
    ) -> Snapshot | None:
        """Return the workload that serves a model on a stage, with what it owns, its pods and newest events.

        `workload` is the name it is known by; see `Objects.snapshot`.  None: there is none, as far as is known.
        """
        place = self._namespaces.get(namespace)
        return place.objects.snapshot(model, stage, workload, kind) if place else None

    def _streams(self, namespace: str, kind: Kind) -> list[_Stream | None]:
        """Return the streams that a verdict needs; None for one that was not started."""
        place = self._namespaces.get(namespace)
        return [place.streams.get(resource) if place else None for resource in _needed(kind)]

    async def close(self) -> None:
        """Stop all watches."""
        tasks = [task for place in self._namespaces.values() for task in place.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for due in self._due.values():
            due.cancel()
        self._namespaces.clear()
        self._due.clear()

    # ── one stream ──────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, namespace: str, place: _Namespace, stream: _Stream) -> None:
        """List and watch forever.  Only `close` ends it: the worst failure would be a watch that ends unnoticed."""
        while True:
            try:
                await self._once(namespace, place, stream)
                wait = self._ended(stream)
            except Temporary as error:
                wait = self._broken(stream, error)
            except Permanent as error:
                wait = self._denied(stream, error)
            except Exception:  # the outermost loop
                LOG.exception("unexpected error while watching %s in %s; listing again", stream.kind, namespace)
                stream.version = None
                wait = self._broken(stream, Temporary(WatchFailed()))
            if wait:
                self._wake_all(namespace, place)
            await asyncio.sleep(wait)

    async def _once(self, namespace: str, place: _Namespace, stream: _Stream) -> None:
        wake_all = partial(self._wake_all, namespace, place)
        if stream.version is None:
            found, version = await self._kubernetes.list(namespace, stream.kind, keep=partial(kept, stream.kind))
            place.objects.replace(stream.kind, found)
            stream.version, stream.listed = version, True
            _connected(stream)
            wake_all()
        lasts = self._lasts * random.uniform(0.9, 1.1)  # noqa: S311 - jitter: not all watches end at once
        watching = self._kubernetes.watch(
            namespace, stream.kind, stream.version, lasts=lasts, opened=partial(_connected, stream, wake_all)
        )
        async with aclosing(watching) as events:
            async for event in events:
                _take(place.objects, stream, event)
                if event["type"] != "BOOKMARK":
                    self._wake_soon(namespace)

    def _ended(self, stream: _Stream) -> float:
        """Return how long to pause after an orderly end: not at all, unless watches keep ending at once."""
        _interrupted(stream, WatchEnded())
        return 0.0 if stream.failures == 1 else self._jittered(stream)

    def _broken(self, stream: _Stream, error: Temporary) -> float:
        _interrupted(stream, error.reason)
        if isinstance(error, Expired):
            stream.version = None
            if stream.failures == 1:
                return 0.0
        wait = self._jittered(stream)
        return wait if error.after is None else max(wait, error.after.total_seconds())

    def _denied(self, stream: _Stream, error: Permanent) -> float:
        _interrupted(stream, error.reason)
        if not stream.refused:
            LOG.error("%s", plain(of_cluster(self._cluster, error.reason)))
        stream.refused, stream.version = True, None
        return self._jittered(stream)

    def _jittered(self, stream: _Stream) -> float:
        pause = pause_after(stream.failures, self._pause, refused=stream.refused)
        seconds: float = pause.total_seconds() * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        return seconds

    # ── waking ──────────────────────────────────────────────────────────────────────────────────────

    def _wake_all(self, namespace: str, place: _Namespace) -> None:
        """Wake every target of a namespace: what is known of it is new, or no longer current."""
        place.objects.touched.whole = True
        self._wake_soon(namespace)

    def _wake_soon(self, namespace: str) -> None:
        if namespace in self._due:
            return
        loop = asyncio.get_running_loop()
        next_at = self._woken.get(namespace, 0.0) + WAKE_EVERY.total_seconds()
        self._due[namespace] = loop.call_later(max(0.0, next_at - loop.time()), self._wake_now, namespace)

    def _wake_now(self, namespace: str) -> None:
        del self._due[namespace]
        self._woken[namespace] = asyncio.get_running_loop().time()
        self._wake(namespace)


def pause_after(failures: int, first: timedelta, *, refused: bool) -> timedelta:
    """Return the pause after so many failures in a row, before jitter: it doubles up to a limit."""
    return min(first * (1 << min(failures - 1, 10)), REFUSED_PAUSE if refused else MAX_PAUSE)


def _needed(kind: Kind) -> tuple[str, ...]:
    """Return the plural names of what a verdict on a workload of a kind needs."""
    return (kind.resource, *kind.between, "pods")


def _connected(stream: _Stream, wake: Callable[[], None] = lambda: None) -> None:
    """Record that the watch is open; if it was away for more than a moment, wake the targets."""
    now = stream.opened_at = asyncio.get_running_loop().time()
    since, stream.interrupted_since, stream.refused = stream.interrupted_since, None, False
    if since is not None and now - since > MOMENT.total_seconds():
        wake()


def _interrupted(stream: _Stream, why: Reason) -> None:
    now = asyncio.get_running_loop().time()
    if stream.interrupted_since is None:
        stream.interrupted_since = now
        if now - stream.opened_at >= STABLE.total_seconds():
            stream.failures = 0
    stream.why, stream.failures = why, stream.failures + 1


def _take(objects: Objects, stream: _Stream, event: Json) -> None:
    obj = event["object"]
    meta = obj.get("metadata") or {}
    stream.version = str(meta.get("resourceVersion") or stream.version)
    stream.failures = 0
    match event["type"]:
        case "ADDED" | "MODIFIED":
            objects.drop(stream.kind, str(meta.get("name")))  # first: a malformed object leaves nothing old behind
            objects.put(stream.kind, kept(stream.kind, obj))
        case "DELETED":
            objects.drop(stream.kind, str(meta.get("name")))
        case _:  # a bookmark has only a version
            pass
