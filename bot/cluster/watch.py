"""One list and one watch per namespace and kind, shared by every rollout there; rings when something has changed.

Not the judge (`bot.rules.kubernetes.health`) and not the memory of a promotion: what is here is lost with the process
and seen anew.  A change is a hint only: whoever is rung looks at the whole sighting again.

Resumes from the last resource version after a break, with growing, jittered pauses; lists again when the server has
forgotten that version (410): https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
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
from bot.domain.cluster import Sighting
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json

LOG: Final = logging.getLogger(__name__)

NEEDED: Final = ("deployments", "replicasets", "pods")
WATCHED: Final = (*NEEDED, "events")
"""Events are told, and decide nothing: without the right to read them, all else goes on."""

RING_EVERY: Final = timedelta(seconds=0.2)
LOST: Final = timedelta(seconds=10)
"""How long a watch may be away before what it showed is no longer taken for the truth."""
LONGEST: Final = timedelta(seconds=30)
"""Between two tries."""
A_WHILE: Final = timedelta(seconds=5)
"""A watch that stood for less has failed, however orderly it ended."""


@dataclass(slots=True, kw_only=True)
class _Stream:
    """Where one list and watch stands.  Changes."""

    kind: str
    away_since: float | None
    """By the loop's clock; None while the server is telling."""
    version: str | None = None
    """To go on from; None: list first."""
    listed: bool = False
    why: str = "it has not answered yet"
    refused: bool = False
    opened_at: float = 0.0
    failures: int = 0
    """Since it last told for a while, or told anything."""


@dataclass(slots=True, kw_only=True)
class _Place:
    """One namespace: its objects, and the streams that keep them current."""

    streams: dict[str, _Stream]
    objects: Objects = field(default_factory=Objects)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Watch:
    """What the bot sees of one cluster."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        ring: Callable[[str], None],
        *,
        pause: timedelta = timedelta(seconds=0.5),
        lasts: timedelta = timedelta(seconds=290),
    ) -> None:
        """Take whom to ring (with the namespace), the first pause after a break, and how long one watch lasts."""
        self._kubernetes = kubernetes
        self._ring = ring
        self._pause = pause
        self._lasts = lasts
        self._places: dict[str, _Place] = {}
        self._rung: dict[str, float] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}

    async def ensure(self, namespace: str) -> None:
        """Begin to watch a namespace; once is enough, more is harmless.  Does not wait for the first lists: rings."""
        if namespace in self._places:
            return
        loop = asyncio.get_running_loop()
        streams = {kind: _Stream(kind=kind, away_since=loop.time()) for kind in WATCHED}
        place = self._places[namespace] = _Place(streams=streams)
        place.tasks += [loop.create_task(self._follow(namespace, place, s)) for s in streams.values()]

    def fresh(self, namespace: str) -> bool:
        """Say whether everything there has been listed at least once."""
        place = self._places.get(namespace)
        return place is not None and all(place.streams[kind].listed for kind in NEEDED)

    def trouble(self, namespace: str) -> str | None:
        """Return why what is seen of a namespace may not be true (any more); None when it is current."""
        place = self._places.get(namespace)
        if place is None:
            return f"namespace {namespace} is not watched"
        now = asyncio.get_running_loop().time()
        for stream in (place.streams[kind] for kind in NEEDED):
            if stream.refused:
                return stream.why
            if stream.away_since is not None and now - stream.away_since > LOST.total_seconds():
                return f"the cluster has not answered for {now - stream.away_since:.0f} s: {stream.why}"
        return None

    def sighting(self, namespace: str, model: str, stage: str, workload: str | None = None) -> Sighting | None:
        """Return the Deployment that serves a model on a stage, with its ReplicaSets, pods and newest events.

        `workload` is the name it is known by; see `Objects.sighting`.  None: there is none, as far as is known.
        """
        place = self._places.get(namespace)
        return place.objects.sighting(model, stage, workload) if place else None

    async def close(self) -> None:
        """End all watches."""
        tasks = [task for place in self._places.values() for task in place.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for due in self._due.values():
            due.cancel()
        self._places.clear()
        self._due.clear()

    # ── one stream ──────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, namespace: str, place: _Place, stream: _Stream) -> None:
        """List and watch for ever.  Nothing ends it but `close`: a watch that has died in silence is the worst."""
        while True:
            try:
                await self._once(namespace, place, stream)
                wait = self._ended(stream)
            except Temporary as error:
                wait = self._broken(stream, error)
            except Permanent as error:
                wait = self._denied(stream, error)
            except Exception as error:  # the outermost loop
                LOG.exception("watching %s in %s failed in an unforeseen way; listing again", stream.kind, namespace)
                stream.version = None
                wait = self._broken(stream, Temporary(f"{type(error).__name__}: {error}"))
            self._ring_soon(namespace)
            await asyncio.sleep(wait)

    async def _once(self, namespace: str, place: _Place, stream: _Stream) -> None:
        ring = partial(self._ring_soon, namespace)
        if stream.version is None:
            found, version = await self._kubernetes.list(namespace, stream.kind, keep=partial(kept, stream.kind))
            place.objects.replace(stream.kind, found)
            stream.version, stream.listed = version, True
            _present(stream)
            ring()
        lasts = self._lasts * random.uniform(0.9, 1.1)  # noqa: S311 - so that not all watches end at once
        watching = self._kubernetes.watch(
            namespace, stream.kind, stream.version, lasts=lasts, opened=partial(_present, stream, ring)
        )
        async with aclosing(watching) as events:
            async for event in events:
                _take(place.objects, stream, event)
                if event["type"] != "BOOKMARK":
                    ring()

    def _ended(self, stream: _Stream) -> float:
        """Return how long to pause after an orderly end: not at all, unless it ends at once, again and again."""
        _away(stream, "the watch ended")
        return 0.0 if stream.failures == 1 else self._growing(stream)

    def _broken(self, stream: _Stream, error: Temporary) -> float:
        _away(stream, str(error))
        if isinstance(error, Expired):
            stream.version = None
            if stream.failures == 1:
                return 0.0
        wait = self._growing(stream)
        return wait if error.after is None else max(wait, error.after.total_seconds())

    def _denied(self, stream: _Stream, error: Permanent) -> float:
        _away(stream, str(error))
        if not stream.refused:
            LOG.error("%s", error)
        stream.refused, stream.version = True, None
        return self._growing(stream)

    def _growing(self, stream: _Stream) -> float:
        pause = min(self._pause * 2 ** min(stream.failures - 1, 10), LONGEST)
        seconds: float = pause.total_seconds() * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        return seconds

    # ── ringing ─────────────────────────────────────────────────────────────────────────────────────

    def _ring_soon(self, namespace: str) -> None:
        if namespace in self._due:
            return
        loop = asyncio.get_running_loop()
        next_at = self._rung.get(namespace, 0.0) + RING_EVERY.total_seconds()
        self._due[namespace] = loop.call_later(max(0.0, next_at - loop.time()), self._ring_now, namespace)

    def _ring_now(self, namespace: str) -> None:
        del self._due[namespace]
        self._rung[namespace] = asyncio.get_running_loop().time()
        self._ring(namespace)


def _present(stream: _Stream, ring: Callable[[], None] = lambda: None) -> None:
    """Note that the server is telling; who took it for lost is to look again."""
    stream.opened_at = asyncio.get_running_loop().time()
    was_away, stream.away_since, stream.refused = stream.away_since, None, False
    if was_away is not None:
        ring()


def _away(stream: _Stream, why: str) -> None:
    now = asyncio.get_running_loop().time()
    if stream.away_since is None:
        stream.away_since = now
        if now - stream.opened_at >= A_WHILE.total_seconds():
            stream.failures = 0
    stream.why, stream.failures = why, stream.failures + 1


def _take(objects: Objects, stream: _Stream, event: Json) -> None:
    obj = event["object"]
    meta = obj.get("metadata") or {}
    stream.version = str(meta.get("resourceVersion") or stream.version)
    stream.failures = 0
    match event["type"]:
        case "ADDED" | "MODIFIED":
            objects.drop(stream.kind, str(meta.get("name")))  # first: an odd object leaves nothing old behind
            objects.put(stream.kind, kept(stream.kind, obj))
        case "DELETED":
            objects.drop(stream.kind, str(meta.get("name")))
        case _:  # a bookmark: the version was all of it
            pass
