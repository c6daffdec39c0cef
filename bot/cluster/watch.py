"""One list and one watch per namespace and kind, shared by every rollout there; wakes targets on changes.

Neither a judgement (`bot.rules.kubernetes.health`) nor the state of a promotion: what is here is lost with the process
and listed again.  A change is only a wake-up: the pass takes a whole new snapshot.

Resumes from the last resource version after a break, with growing, jittered pauses; lists again when the server no
longer knows that version (410): https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from bot import clock
from bot.clients.kubernetes.client import Expired, Kubernetes
from bot.cluster.heartbeat import Heartbeat
from bot.cluster.objects import Objects, kept
from bot.cluster.touched import Touched
from bot.domain.cluster import AgentObject, Snapshot
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.cluster import NoAnswerYet, NotWatched, Silent, WatchEnded, WatchFailed
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
MOMENT: Final = timedelta(seconds=1)
"""How long the break between two watches may last without any target noticing."""
LOST: Final = timedelta(seconds=10)
"""How long a watch may be interrupted before its objects no longer count as current."""
MAX_PAUSE: Final = timedelta(seconds=4)
"""The longest pause between two attempts: however long the server was away, its return is noticed soon."""
REFUSED_PAUSE: Final = timedelta(seconds=30)
"""The longest pause after a refusal, which lasts until somebody gives the bot permission."""
AGENT_REFUSED: Final = timedelta(minutes=5)
"""The pause after a refusal to show a GitOps agent's object, which is as if there was none."""
UNASKED: Final = timedelta(minutes=10)
"""How long an agent's object is watched after it was last asked for."""
STABLE: Final = timedelta(seconds=5)
"""A watch that lasted for less has failed, however it ended."""


@dataclass(slots=True, kw_only=True)
class _Stream:
    """The state of one list and watch.  Mutable."""

    kind: str
    name: str = ""
    """Of the one object that is watched; empty: all of the kind."""
    asked_at: float | None = None
    """When it was last asked for, by the loop's clock, if it ends without that."""
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
    limit: asyncio.Timeout | None = None
    """By which an open watch is broken off."""


@dataclass(slots=True, kw_only=True)
class _Namespace:
    """One namespace: its objects, and the streams that keep them current."""

    streams: dict[str, _Stream] = field(default_factory=dict)
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
    ) -> None:
        """Take a callback for wake-ups (with the namespace), the first pause after a break, and a watch's length."""
        self._kubernetes = kubernetes
        self._wake = wake
        self._pause = pause
        self._lasts = lasts
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
                stream = place.streams[resource] = _Stream(kind=resource, interrupted_since=loop.time())
                place.tasks.append(loop.create_task(self._follow(namespace, place, stream)))

    def fresh(self, namespace: str, kind: Kind = deployment.KIND) -> bool:
        """Return whether everything that a verdict on a workload of the kind needs has been listed at least once."""
        return all(stream is not None and stream.listed for stream in self._streams(namespace, kind))

    def trouble(self, namespace: str, kind: Kind = deployment.KIND) -> Reason | None:
        """Return why the objects of a namespace may not be current; None when they are."""
        troubles = (_trouble(stream, namespace) for stream in self._streams(namespace, kind))
        return next((trouble for trouble in troubles if trouble is not None), None)

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
        trouble = _trouble(stream, namespace) or (None if stream and stream.listed else NoAnswerYet())
        if trouble is not None:
            return replace(found, configmaps=ConfigMapsUnread(namespace=Name(namespace), cause=trouble))
        return replace(found, configmaps=place.objects.configmaps(found.workload, kind))

    def agent(self, its: AgentObject, *, namespace: str, target: Target) -> Json | None:
        """Return a GitOps agent's object, and watch it as long as it is asked for: its changes wake that target.

        None: it does not exist, is not listed yet, may not be read, or may not be current.
        """
        loop = asyncio.get_running_loop()
        if its not in self._agents:
            stream = _Stream(kind=its.resource, name=its.name, asked_at=loop.time(), interrupted_since=loop.time())
            place = self._agents[its] = _Namespace(streams={its.resource: stream})
            task = loop.create_task(self._follow(its.namespace, place, stream))
            task.add_done_callback(lambda _: self._agents.pop(its, None))
            place.tasks.append(task)
        place = self._agents[its]
        stream = place.streams[its.resource]
        stream.asked_at = loop.time()
        place.asking.add((namespace, target))
        lost = stream.interrupted_since is not None and loop.time() - stream.interrupted_since > LOST.total_seconds()
        return (
            place.objects.named(its.resource, its.name) if stream.listed and not stream.refused and not lost else None
        )

    def listed(self, its: AgentObject) -> bool:
        """Return whether it is known whether an agent's object exists, or that nobody may know."""
        place = self._agents.get(its)
        return place is not None and any(stream.listed or stream.refused for stream in place.streams.values())

    def _streams(self, namespace: str, kind: Kind) -> list[_Stream | None]:
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
            if stream.interrupted_since is None and stream.limit is not None:
                stream.why = why
                stream.limit.reschedule(asyncio.get_running_loop().time())

    # ── one stream ──────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, namespace: str, place: _Namespace, stream: _Stream) -> None:
        """List and watch forever.  Only `close` ends it: the worst failure would be a watch that ends unnoticed.

        That of an agent's object ends when nobody has asked for it for a while.
        """
        while _wanted(stream):
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
        if stream.kind == CONFIGMAPS and _lost(stream):
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
            _connected(stream)
            wake_all()
        lasts = self._lasts * random.uniform(0.9, 1.1)  # noqa: S311 - jitter: not all watches end at once
        watching = self._kubernetes.watch(
            namespace,
            stream.kind,
            stream.version,
            name=stream.name,
            lasts=lasts,
            opened=partial(_connected, stream, wake_all),
        )
        async with _unless_broken_off(stream), aclosing(watching) as events:
            async for event in events:
                self._heartbeat.hear()
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
        optional = bool(stream.name)
        if not stream.refused:
            LOG.log(logging.INFO if optional else logging.ERROR, "%s", plain(error.reason))
        stream.refused, stream.version = True, None
        return AGENT_REFUSED.total_seconds() if optional else self._jittered(stream)

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


@asynccontextmanager
async def _unless_broken_off(stream: _Stream) -> AsyncIterator[None]:
    """Let a watch go on until it ends, or is broken off.

    Raises:
        Temporary: it was broken off.
    """
    try:
        async with asyncio.timeout(None) as stream.limit:
            yield
    except TimeoutError:
        raise Temporary(stream.why) from None
    finally:
        stream.limit = None


def pause_after(failures: int, first: timedelta, *, refused: bool) -> timedelta:
    """Return the pause after so many failures in a row, before jitter: it doubles up to a limit."""
    return min(first * (1 << min(failures - 1, 10)), REFUSED_PAUSE if refused else MAX_PAUSE)


def _needed(kind: Kind) -> tuple[str, ...]:
    """Return the plural names of what a verdict on a workload of a kind needs."""
    borrowed = [kind.borrowed.resource] if kind.borrowed is not None else []
    return (kind.resource, *kind.between, *borrowed, "pods")


def _wanted(stream: _Stream) -> bool:
    now = asyncio.get_running_loop().time()
    return stream.asked_at is None or now - stream.asked_at < UNASKED.total_seconds()


def _trouble(stream: _Stream | None, namespace: str) -> Reason | None:
    """Return why the objects of a stream may not be current; None when they are."""
    if stream is None:
        return NotWatched(namespace=Name(namespace))
    if stream.refused:
        return stream.why
    if stream.interrupted_since is None or not _lost(stream):
        return None
    since = timedelta(seconds=round(asyncio.get_running_loop().time() - stream.interrupted_since))
    return Silent(since=since, cause=stream.why)


def _lost(stream: _Stream) -> bool:
    """Return whether a stream was interrupted for so long that its objects do not count as current."""
    now = asyncio.get_running_loop().time()
    return stream.interrupted_since is not None and now - stream.interrupted_since > LOST.total_seconds()


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


def _dated(objects: Objects, configmap: Json) -> Json:
    """Return a ConfigMap with since when it holds its pin; an empty one is left as it is."""
    name = str((configmap.get("metadata") or {}).get("name"))
    return seen(configmap, objects.get(CONFIGMAPS, name), clock.now()) if configmap else configmap


def _take(objects: Objects, stream: _Stream, event: Json) -> None:
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
