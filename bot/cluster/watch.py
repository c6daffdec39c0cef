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
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from bot import clock
from bot.clients.kubernetes.client import Expired, Kubernetes
from bot.cluster.heartbeat import Heartbeat
from bot.cluster.objects import Objects, kept
from bot.cluster.stream import Stream, pause_after, trouble
from bot.cluster.touched import Touched
from bot.domain.cluster import AgentObject, Snapshot
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.cluster import NoAnswerYet, WatchEnded, WatchFailed, of_cluster
from bot.domain.reasons.configmaps import ConfigMapsUnread
from bot.domain.target import Target
from bot.rules.kubernetes.configmaps import seen
from bot.rules.kubernetes.kinds import deployment
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.kubernetes.pruning import CONFIGMAPS
from bot.rules.wording.reasons import plain

LOG: Final = logging.getLogger(__name__)

EVENTS: Final = "events"
"""They are shown, and decide nothing: without permission to read them, everything else works."""
WAKE_EVERY: Final = timedelta(seconds=0.2)
"""The shortest time between two wake-ups."""
AGENT_REFUSED: Final = timedelta(minutes=5)
"""The pause after a refusal to show a GitOps agent's object, which is as if there was none."""


@dataclass(slots=True, kw_only=True)
class _Namespace:
    """One namespace: its objects, and the streams that keep them current."""

    streams: dict[str, Stream] = field(default_factory=dict)
    """By the plural name of what they list."""
    objects: Objects = field(default_factory=Objects)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    asking: set[tuple[str, Target]] = field(default_factory=set)
    """The targets, with their namespaces, that an agent's object was asked for."""


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
        self._agents: dict[AgentObject, _Namespace] = {}
        self._woken: dict[str, float] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._heartbeat = Heartbeat(kubernetes.ping, self._break_off)
        self._beating: asyncio.Task[None] | None = None

    def touched(self) -> dict[str, Touched]:
        """Return what has changed since this was last asked, by namespace."""
        found: dict[str, Touched] = {}
        for name, place in self._namespaces.items():
            if place.objects.touched:
                found[name], place.objects.touched = place.objects.touched, Touched()
        for place in self._agents.values():
            for name, target in place.asking if place.objects.touched else ():
                found.setdefault(name, Touched()).serving.add((target.model, target.stage))
            place.objects.touched = Touched()
        return found

    async def ensure(self, namespace: str, kind: Kind = deployment.KIND, *, configmaps: bool = False) -> None:
        """Start to watch the workloads of a kind in a namespace, and what they own; repeating it does no harm.

        `configmaps`: and the ConfigMaps there, as one of them holds a pin.  Returns before the first lists, which wake
        later.
        """
        loop = asyncio.get_running_loop()
        self._beating = self._beating or loop.create_task(self._heartbeat.run())
        place = self._namespaces.setdefault(namespace, _Namespace())
        for resource in (*_needed(kind), EVENTS, *[CONFIGMAPS] * configmaps):
            if resource not in place.streams:
                stream = place.streams[resource] = Stream(kind=resource, interrupted_since=loop.time())
                place.tasks.append(loop.create_task(self._follow(namespace, place, stream)))

    def fresh(self, namespace: str, kind: Kind = deployment.KIND) -> bool:
        """Return whether everything that a verdict on a workload of the kind needs has been listed at least once."""
        return all(stream is not None and stream.listed for stream in self._streams(namespace, kind))

    def trouble(self, namespace: str, kind: Kind = deployment.KIND) -> Reason | None:
        """Return why the objects of a namespace may not be current; None when they are."""
        troubles = (trouble(stream, namespace) for stream in self._streams(namespace, kind))
        found = next((each for each in troubles if each is not None), None)
        return of_cluster(self._cluster, found) if found is not None else None

    def snapshot(
        self,
        namespace: str,
        model: str,
        stage: str,
        workload: str | None = None,
        kind: Kind = deployment.KIND,
        *,
        configmaps: bool = False,
    ) -> Snapshot | None:
        """Return the workload that serves a model on a stage, with what it owns, its pods and newest events.

        `workload` is the name it is known by; see `Objects.snapshot`.  `configmaps`: with those that its template names
        while they are current, as its pin is in one of them.  None: there is no workload, as far as is known.
        """
        place = self._namespaces.get(namespace)
        found = place.objects.snapshot(model, stage, workload, kind) if place else None
        if place is None or found is None or not configmaps:
            return found
        stream = place.streams.get(CONFIGMAPS)
        unread = trouble(stream, namespace) or (None if stream and stream.listed else NoAnswerYet())
        if unread is not None:
            return replace(found, configmaps=ConfigMapsUnread(namespace=Name(namespace), cause=unread))
        return replace(found, configmaps=place.objects.configmaps(found.workload, kind))

    def agent(self, its: AgentObject, *, namespace: str, target: Target) -> Json | None:
        """Return a GitOps agent's object, and watch it as long as it is asked for: its changes wake that target.

        None: it does not exist, is not listed yet, may not be read, or may not be current.
        """
        loop = asyncio.get_running_loop()
        if its not in self._agents:
            stream = Stream(kind=its.resource, name=its.name, asked_at=loop.time(), interrupted_since=loop.time())
            place = self._agents[its] = _Namespace(streams={its.resource: stream})
            task = loop.create_task(self._follow(its.namespace, place, stream))
            task.add_done_callback(lambda _: self._agents.pop(its, None))
            place.tasks.append(task)
        place = self._agents[its]
        stream = place.streams[its.resource]
        stream.asked_at = loop.time()
        place.asking.add((namespace, target))
        current = stream.listed and not stream.refused and not stream.lost
        return place.objects.get(its.resource, its.name) if current else None

    def listed(self, its: AgentObject) -> bool:
        """Return whether it is known whether an agent's object exists, or that nobody may know."""
        place = self._agents.get(its)
        return place is not None and any(stream.listed or stream.refused for stream in place.streams.values())

    def _streams(self, namespace: str, kind: Kind) -> list[Stream | None]:
        """Return the streams that a verdict needs; None for one that was not started."""
        place = self._namespaces.get(namespace)
        return [place.streams.get(resource) if place else None for resource in _needed(kind)]

    async def close(self) -> None:
        """Stop all watches."""
        places = [*self._namespaces.values(), *self._agents.values()]
        tasks = [task for place in places for task in place.tasks]
        tasks += [self._beating] if self._beating is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for due in self._due.values():
            due.cancel()
        self._namespaces.clear()
        self._due.clear()
        self._beating = None

    def _break_off(self, why: Reason) -> None:
        """Break off every open watch: the server hangs."""
        places = [*self._namespaces.values(), *self._agents.values()]
        for stream in (each for place in places for each in place.streams.values()):
            stream.break_off(why)

    # ── one stream ──────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, namespace: str, place: _Namespace, stream: Stream) -> None:
        """List and watch forever.  Only `close` ends it: the worst failure would be a watch that ends unnoticed.

        That of an agent's object ends when nobody has asked for it for a while.
        """
        while stream.wanted:
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

    async def _once(self, namespace: str, place: _Namespace, stream: Stream) -> None:
        wake_all = partial(self._wake_all, namespace, place)
        if stream.kind == CONFIGMAPS and stream.lost:
            stream.version = None  # what it held counts again as soon as it is open: by then it has to be up to date
        if stream.version is None:
            found, version = await self._kubernetes.list(
                namespace, stream.kind, name=stream.name, keep=partial(kept, stream.kind)
            )
            self._heartbeat.hear()
            if stream.kind == CONFIGMAPS:
                found = [_dated(place.objects, obj) for obj in found]
            place.objects.replace(stream.kind, found)
            stream.version, stream.listed = version, True
            stream.connected()
            wake_all()
        lasts = self._lasts * random.uniform(0.9, 1.1)  # noqa: S311 - jitter: not all watches end at once
        watching = self._kubernetes.watch(
            namespace,
            stream.kind,
            stream.version,
            name=stream.name,
            lasts=lasts,
            opened=partial(stream.connected, wake_all),
        )
        async with stream.unless_broken_off(), aclosing(watching) as events:
            async for event in events:
                self._heartbeat.hear()
                _take(place.objects, stream, event)
                if event["type"] != "BOOKMARK":
                    self._wake_soon(namespace)

    def _ended(self, stream: Stream) -> float:
        """Return how long to pause after an orderly end: not at all, unless watches keep ending at once."""
        stream.interrupted(WatchEnded())
        return 0.0 if stream.failures == 1 else self._jittered(stream)

    def _broken(self, stream: Stream, error: Temporary) -> float:
        stream.interrupted(error.reason)
        if isinstance(error, Expired):
            stream.version = None
            if stream.failures == 1:
                return 0.0
        wait = self._jittered(stream)
        return wait if error.after is None else max(wait, error.after.total_seconds())

    def _denied(self, stream: Stream, error: Permanent) -> float:
        stream.interrupted(error.reason)
        optional = bool(stream.name)
        if not stream.refused:
            why = plain(of_cluster(self._cluster, error.reason))
            LOG.log(logging.INFO if optional else logging.ERROR, "%s", why)
        stream.refused, stream.version = True, None
        return AGENT_REFUSED.total_seconds() if optional else self._jittered(stream)

    def _jittered(self, stream: Stream) -> float:
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


def _needed(kind: Kind) -> tuple[str, ...]:
    """Return the plural names of what a verdict on a workload of a kind needs."""
    borrowed = [kind.borrowed.resource] if kind.borrowed is not None else []
    return (kind.resource, *kind.between, *borrowed, "pods")


def _dated(objects: Objects, configmap: Json) -> Json:
    """Return a ConfigMap with since when it holds its pin; an empty one is left as it is."""
    name = str((configmap.get("metadata") or {}).get("name"))
    return seen(configmap, objects.get(CONFIGMAPS, name), clock.now()) if configmap else configmap


def _take(objects: Objects, stream: Stream, event: Json) -> None:
    obj = event["object"]
    meta = obj.get("metadata") or {}
    stream.version = str(meta.get("resourceVersion") or stream.version)
    stream.failures = 0
    name = str(meta.get("name"))
    match event["type"]:
        case "ADDED" | "MODIFIED":
            new = kept(stream.kind, obj)
            new = _dated(objects, new) if stream.kind == CONFIGMAPS else new
            objects.drop(stream.kind, name)  # first: a malformed object leaves nothing old behind
            objects.put(stream.kind, new)
        case "DELETED":
            objects.drop(stream.kind, name)
        case _:  # a bookmark has only a version
            pass
