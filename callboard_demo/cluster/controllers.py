"""The controller manager's loop: reconcile what has changed, by a pure plan that is then written.

Not here: any decision (`deployments.py`, `replicasets.py`, `statefulsets.py`,
`garbage.py`).  Level-triggered like the real one: a dirty
key is reconciled in its current state, however many changes there were.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import deployments, garbage, replicasets, statefulsets
from callboard_demo.cluster.objects import Objects
from callboard_demo.cluster.plans import Plan, Report, Write
from callboard_demo.cluster.refusals import Refusal
from callboard_demo.cluster.reporting import Reporter
from callboard_demo.cluster.resources import EVENTS, PODS, REPLICASETS, REVISIONS, Resource, by_name
from callboard_demo.cluster.storage import Key, StoredChange, key_of

_RETRY: Final = 2.0  # seconds until refused pods are retried
_SWEEP_EVERY: Final = 60.0  # seconds between clean-ups of old events
_PLURALS: Final = {"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets"}
"""The kinds that are reconciled."""
_SWEEP: Final = Key("", "", "", "")
"""The garbage collector's entry among the dirty keys."""


class Controllers:
    """Deployment, ReplicaSet, StatefulSet, garbage collector and namespace controllers, in one task."""

    def __init__(self, objects: Objects) -> None:
        self._objects, self._storage = objects, objects.storage
        self._dirty: dict[Key, None] = {}
        self._bell = asyncio.Event()
        self._timers: set[asyncio.TimerHandle] = set()
        self._task: asyncio.Task[None] | None = None
        self._reporters = {k: Reporter(f"{k.lower()}-controller") for k in _PLURALS}

    def start(self) -> None:
        """Reconcile everything once, and then whatever changes."""
        self._storage.on_change.append(self._noticed)
        for key in self._storage.all():
            if _is_reconciled(key):
                self._mark(key)
        self._mark(_SWEEP)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End."""
        self._storage.on_change.remove(self._noticed)
        for timer in self._timers:
            timer.cancel()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    # ── dirty keys ────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, key: Key) -> None:
        self._dirty[key] = None
        self._bell.set()

    def _mark_later(self, key: Key, seconds: float) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            self._mark(key)

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._timers.add(timer)

    def _noticed(self, change: StoredChange) -> None:
        key = change.key
        if _is_reconciled(key):
            self._mark(key)
        for owner in _owners(change.after, key.namespace):
            self._mark(owner)
            if change.type == "DELETED" and (above := self._storage.get(owner)):  # Recreate waits for these
                for key_above in _owners(above, key.namespace):
                    self._mark(key_above)
        if change.type == "DELETED" or change.after["metadata"].get("deletionTimestamp"):
            self._mark(_SWEEP)

    async def _run(self) -> None:
        self._mark_later(_SWEEP, _SWEEP_EVERY)
        while True:
            await self._bell.wait()
            self._bell.clear()
            while self._dirty:
                key = next(iter(self._dirty))
                del self._dirty[key]
                self._reconcile(key)
                await asyncio.sleep(0)

    def _reconcile(self, key: Key) -> None:
        if key == _SWEEP:
            self._sweep()
            return
        value = self._storage.get(key)
        if value is not None and key.plural == "deployments":
            self._sync_deployment(key, value)
        elif value is not None and key.plural == "statefulsets":
            self._sync_statefulset(key, value)
        elif value is not None:
            self._sync_replicaset(key, value)

    # ── Deployments ───────────────────────────────────────────────────────────────────────────────────

    def _sync_deployment(self, key: Key, value: Json) -> None:
        sets = self._owned(REPLICASETS, value)
        pods = [pod for each in sets for pod in self._owned(PODS, each)]
        plan = deployments.plan(value, sets, pods, clock.now())
        with suppress(Refusal):  # a terminating namespace accepts none; the next change triggers a pass
            self._carry_out(plan, "Deployment")
        if plan.again_in is not None:
            self._mark_later(key, plan.again_in)

    # ── ReplicaSets ───────────────────────────────────────────────────────────────────────────────────

    def _sync_replicaset(self, key: Key, value: Json) -> None:
        plan = replicasets.plan(value, self._owned(PODS, value), clock.now())
        failure = None
        try:
            self._carry_out(plan, "ReplicaSet", owner=value)
        except Refusal as refusal:
            failure = refusal.message
            self._report(
                Report(about=value, reason="FailedCreate", message=f"Error creating: {failure}", warning=True),
                "ReplicaSet",
            )
            self._mark_later(key, _RETRY)
        after = replicasets.status(value, self._owned(PODS, value), failure, clock.now())
        with suppress(Refusal):
            self._carry_out(after, "ReplicaSet")
        if after.again_in is not None:
            self._mark_later(key, after.again_in)

    # ── StatefulSets ──────────────────────────────────────────────────────────────────────────────────

    def _sync_statefulset(self, key: Key, value: Json) -> None:
        plan = statefulsets.plan(value, self._owned(REVISIONS, value), self._owned(PODS, value), clock.now())
        try:
            self._carry_out(plan, "StatefulSet")
        except Refusal as refusal:
            text = f"create Pod in StatefulSet {key.name} failed error: {refusal.message}"
            self._report(Report(about=value, reason="FailedCreate", message=text, warning=True), "StatefulSet")
            self._mark_later(key, _RETRY)

    def _owned(self, resource: Resource, owner: Json) -> list[Json]:
        uid = owner["metadata"]["uid"]
        values = self._storage.of_kind(resource, owner["metadata"]["namespace"])
        return [v for v in values if any(o["uid"] == uid for o in v["metadata"].get("ownerReferences") or ())]

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, plan: Plan, who: str, owner: Json | None = None) -> None:
        for step in plan.steps:
            if isinstance(step, Report):
                self._report(step, who)
                continue
            self._write(step)
            if owner is not None and step.verb == "create":
                name = step.value["metadata"]["name"]
                self._report(Report(about=owner, reason="SuccessfulCreate", message=f"Created pod: {name}"), who)

    def _write(self, write: Write) -> None:
        resource, meta = write.resource, write.value["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        if write.verb == "create":
            self._objects.create(resource, namespace, write.value)
        elif write.verb == "delete":
            self._objects.delete(resource, namespace, name)
        else:
            bare = {**write.value, "metadata": {k: v for k, v in meta.items() if k not in {"resourceVersion", "uid"}}}
            subresource = "status" if write.verb == "status" else None
            self._objects.change(resource, namespace, name, lambda old: bare, subresource=subresource)

    def _report(self, report: Report, who: str) -> None:
        event = self._reporters[who].event(
            report.about, report.reason, report.message, clock.now(), warning=report.warning
        )
        meta = event["metadata"]
        with suppress(Refusal):  # an event that cannot be written is no reason to fail
            if self._storage.get(key_of(EVENTS, meta["namespace"], meta["name"])) is None:
                self._objects.create(EVENTS, meta["namespace"], event)
            else:
                self._objects.change(EVENTS, meta["namespace"], meta["name"], lambda old: {**old, **_count(event)})

    # ── garbage ───────────────────────────────────────────────────────────────────────────────────────

    def _sweep(self) -> None:
        found = garbage.sweep(self._storage.all(), clock.now())
        for key in found.disown:
            self._edit(key, lambda meta: meta.pop("ownerReferences", None))
        for key in found.delete:
            value = self._storage.get(key)
            if value is not None:
                self._objects.delete(by_name(key.group, key.plural), key.namespace or None, key.name)
        for key in found.finish:
            self._edit(key, lambda meta: meta.pop("finalizers", None))
        for key in found.remove:
            if self._storage.get(key) is not None:
                self._storage.remove(key)

    def _edit(self, key: Key, edit: Callable[[Json], object]) -> None:
        value = self._storage.get(key)
        if value is None:
            return
        meta = dict(value["metadata"])
        edit(meta)
        changed = {**value, "metadata": meta}
        gone = (
            meta.get("deletionTimestamp") and not meta.get("finalizers") and not meta.get("deletionGracePeriodSeconds")
        )
        self._storage.put(key, changed)
        if gone:
            self._storage.remove(key)


def _owners(value: Json, namespace: str) -> Iterable[Key]:
    for owner in value["metadata"].get("ownerReferences") or ():
        if owner["kind"] in _PLURALS:
            yield Key("apps", _PLURALS[owner["kind"]], namespace, owner["name"])


def _is_reconciled(key: Key) -> bool:
    return key.group == "apps" and key.plural in _PLURALS.values()


def _count(event: Json) -> Json:
    return {"count": event["count"], "lastTimestamp": event["lastTimestamp"]}
