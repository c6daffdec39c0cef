"""The Deployment controller: from a Deployment with its ReplicaSets and pods to a plan.  Pure.

A port of the real controller, step by step and name by name, so that a watcher sees the same intermediate states: each
reason, each count, the old ProgressDeadlineExceeded right after a rollback.
Source: https://github.com/kubernetes/kubernetes/tree/v1.20.2/pkg/controller/deployment (sync.go, rolling.go,
recreate.go, progress.go).  Not here: the arithmetic (`sizes.py`), revisions (`revisions.py`), the status and its
conditions (`progress.py`), adoption of foreign ReplicaSets.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.json import Json
from callboard_demo.cluster import progress, revisions, sizes
from callboard_demo.cluster.plans import Plan, Report, Write, condition, find, with_condition
from callboard_demo.cluster.resources import DEPLOYMENTS, REPLICASETS


def plan(deployment: Json, sets: Sequence[Json], pods: Sequence[Json], now: datetime) -> Plan:
    """Return the plan for a Deployment that owns these ReplicaSets and, through them, these pods."""
    sync = _Sync(deployment, sets, now)
    if deployment["metadata"].get("deletionTimestamp"):
        sync.find_new(create=False)
        sync.write_status(progress.calculated(sync.deployment, sync.all(), sync.new, now))
        return sync.plan
    sync.check_paused()
    if deployment["spec"].get("paused") or sync.is_scaling():
        sync.scale_only()
    elif deployment["spec"]["strategy"]["type"] == "Recreate":
        sync.recreate(pods)
    else:
        sync.roll()
    return sync.plan


class _Sync:
    """One sync: the working copies, and the plan so far."""

    def __init__(self, deployment: Json, sets: Sequence[Json], now: datetime) -> None:
        self.deployment, self.sets, self.now = deployment, list(sets), now
        self.new: Json | None = None
        self.plan = Plan()

    def all(self) -> list[Json]:
        return self.sets

    def old(self) -> list[Json]:
        return [s for s in self.sets if self.new is None or s["metadata"]["name"] != self.new["metadata"]["name"]]

    # ── the strategies ────────────────────────────────────────────────────────────────────────────────

    def roll(self) -> None:
        new = self.find_new(create=True)
        if new is None or self._grow(new) or self._shrink_old(new):
            self.sync_rollout_status()
            return
        if progress.complete(self.deployment, self.deployment.get("status") or {}):
            self._clean_up()
        self.sync_rollout_status()

    def recreate(self, pods: Sequence[Json]) -> None:
        self.find_new(create=False)
        active = sizes.active(self.old())
        for each in active:
            self._scale(each, 0)
        if not active and not self._old_pods_running(pods):
            new = self.find_new(create=True)
            if new is not None:
                self._scale(new, self.deployment["spec"]["replicas"])
            if progress.complete(self.deployment, self.deployment.get("status") or {}):
                self._clean_up()
        self.sync_rollout_status()

    def scale_only(self) -> None:
        self.find_new(create=False)
        for name, size in self._scaled().items():
            self._scale(next(s for s in self.sets if s["metadata"]["name"] == name), size)
        if self.deployment["spec"].get("paused"):
            self._clean_up()
        self.write_status(progress.calculated(self.deployment, self.all(), self.new, self.now))

    def is_scaling(self) -> bool:
        """Return whether a set was sized for a different `replicas` than the Deployment has now."""
        self.find_new(create=False)
        replicas = self.deployment["spec"]["replicas"]
        return any(sizes.annotated(s, sizes.DESIRED) not in {None, replicas} for s in sizes.active(self.sets))

    def _scaled(self) -> Mapping[str, int]:
        replicas, active = self.deployment["spec"]["replicas"], sizes.active(self.sets)
        only = active[0] if len(active) == 1 else None
        if not active:
            only = self.new or (sizes.by_age(self.sets)[-1] if self.sets else None)
        if only is not None or not active:
            return {only["metadata"]["name"]: replicas} if only and only["spec"]["replicas"] != replicas else {}
        if self.new is not None and _saturated(self.deployment, self.new):
            return {s["metadata"]["name"]: 0 for s in sizes.active(self.old())}
        if self.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            return sizes.proportional(self.deployment, active)
        return {}

    def _grow(self, new: Json) -> bool:
        replicas, present = self.deployment["spec"]["replicas"], new["spec"]["replicas"]
        if present == replicas:
            return False
        size = replicas if present > replicas else sizes.new_size(self.deployment, self.sets, new)
        return self._scale(new, size)

    def _shrink_old(self, new: Json) -> bool:
        old = sizes.active(self.old())
        least = self.deployment["spec"]["replicas"] - sizes.max_unavailable(self.deployment)
        unavailable = new["spec"]["replicas"] - sizes.have([new], "availableReplicas")
        most = sizes.wanted(self.sets) - least - unavailable
        if not old or most <= 0:
            return False
        cleaned = self._resize(sizes.unhealthy_cleanup(old, most))
        old = sizes.active(self.old())
        spare = sizes.have([*old, new], "availableReplicas") - least
        return self._resize(sizes.scale_down(old, spare)) or cleaned

    def _resize(self, wanted: Mapping[str, int]) -> bool:
        done = [self._scale(s, wanted[s["metadata"]["name"]]) for s in self.old() if s["metadata"]["name"] in wanted]
        return any(done)

    def _old_pods_running(self, pods: Sequence[Json]) -> bool:
        if sizes.have(self.old()) > 0:
            return True
        mine = self.new["metadata"]["uid"] if self.new else None
        return any(
            p["status"].get("phase") not in {"Failed", "Succeeded"}
            and all(o["uid"] != mine for o in p["metadata"].get("ownerReferences") or ())
            for p in pods
        )

    # ── ReplicaSets ───────────────────────────────────────────────────────────────────────────────────

    def find_new(self, *, create: bool) -> Json | None:
        """Return the set of the current template with its revision updated; create it if needed and allowed."""
        found = revisions.find_new(self.deployment, self.sets)
        if found is not None:
            self.new = self._updated(found)
            return self.new
        if create:
            self.new = self._created()
        return self.new

    def _updated(self, found: Json) -> Json:
        revision = revisions.highest(s for s in self.sets if s is not found) + 1
        value = revisions.annotated(self.deployment, found, revision)
        if value != found:
            self._replace(value)
            return value
        status = self.deployment.get("status") or {}
        conditions = status.get("conditions") or []
        if progress.has_deadline(self.deployment) and find(conditions, "Progressing") is None:
            text = f'Found new replica set "{found["metadata"]["name"]}"'
            new = condition("Progressing", "True", "FoundNewReplicaSet", text, self.now)
            status = {**status, "conditions": with_condition(conditions, new)}
        self._set_revision(str(revisions.of(found)), status)
        return found

    def _created(self) -> Json:
        revision = revisions.highest(self.sets) + 1
        value = revisions.made(self.deployment, revision, self.now)
        size = sizes.new_size(self.deployment, [*self.sets, value], value)
        value["spec"]["replicas"] = size
        self.plan.steps.append(Write(verb="create", resource=REPLICASETS, value=value))
        self.sets.append(value)
        name = value["metadata"]["name"]
        if size > 0:
            self._report(f"Scaled up replica set {name} to {size} from 0")
        status = self.deployment.get("status") or {}
        if progress.has_deadline(self.deployment):
            text = f'Created new replica set "{name}"'
            new = condition("Progressing", "True", "NewReplicaSetCreated", text, self.now)
            status = {**status, "conditions": with_condition(status.get("conditions") or [], new)}
        self._set_revision(str(revision), status)
        return value

    def _set_revision(self, revision: str, status: Json) -> None:
        """Write the Deployment's revision annotation and status if they differ."""
        meta = self.deployment["metadata"]
        annotations = {**(meta.get("annotations") or {}), revisions.REVISION: revision}
        value = {**self.deployment, "metadata": {**meta, "annotations": annotations}, "status": status}
        if value != self.deployment:
            self.deployment = value
            self.plan.steps.append(Write(verb="status", resource=DEPLOYMENTS, value=value))

    def _scale(self, each: Json, size: int) -> bool:
        """Set a set's size; return whether it changed."""
        value, before = revisions.sized(self.deployment, each, size), each["spec"]["replicas"]
        if value != each and size != before:
            direction = "up" if size > before else "down"
            self._report(f"Scaled {direction} replica set {each['metadata']['name']} to {size} from {before}")
        if value != each:
            self._replace(value)
        return bool(size != before)

    def _replace(self, value: Json) -> None:
        name = value["metadata"]["name"]
        self.sets = [value if s["metadata"]["name"] == name else s for s in self.sets]
        if self.new is not None and self.new["metadata"]["name"] == name:
            self.new = value
        self.plan.steps.append(Write(verb="update", resource=REPLICASETS, value=value))

    def _clean_up(self) -> None:
        for each in revisions.outdated(self.deployment, self.old()):
            self.plan.steps.append(Write(verb="delete", resource=REPLICASETS, value=each))

    def _report(self, message: str) -> None:
        self.plan.steps.append(Report(about=self.deployment, reason="ScalingReplicaSet", message=message))

    # ── the Deployment's status ───────────────────────────────────────────────────────────────────────

    def check_paused(self) -> None:
        """Record in the Progressing condition that the rollout is paused or resumed."""
        status = self.deployment.get("status") or {}
        present = find(status.get("conditions") or [], "Progressing")
        reason = present["reason"] if present else None
        paused = bool(self.deployment["spec"].get("paused"))
        if not progress.has_deadline(self.deployment) or reason == progress.TIMED_OUT:
            return
        if paused == (reason == "DeploymentPaused"):
            return
        word = "Paused" if paused else "Resumed"
        new = condition("Progressing", "Unknown", f"Deployment{word}", f"Deployment is {word.lower()}", self.now)
        self.write_status({**status, "conditions": with_condition(status.get("conditions") or [], new)})

    def sync_rollout_status(self) -> None:
        """Compute the status with the rollout's progress, and write it if it has changed."""
        status = progress.rolled(self.deployment, self.all(), self.new, self.now)
        if status != (self.deployment.get("status") or {}):
            self.write_status(status)
        elif (seconds := progress.deadline_in(self.deployment, status, self.now)) is not None:
            self.plan.requeue(seconds)

    def write_status(self, status: Json) -> None:
        """Write the status if it has changed."""
        if status != (self.deployment.get("status") or {}):
            self.deployment = {**self.deployment, "status": status}
            self.plan.steps.append(Write(verb="status", resource=DEPLOYMENTS, value=self.deployment))


def _saturated(deployment: Json, new: Json) -> bool:
    replicas = deployment["spec"]["replicas"]
    sized = new["spec"]["replicas"] == replicas == sizes.annotated(new, sizes.DESIRED)
    return bool(sized and sizes.have([new], "availableReplicas") == replicas)
