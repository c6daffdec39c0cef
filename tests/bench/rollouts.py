"""An API server that plays many rollouts, and a record in which each of them is under way.

Nothing of Kubernetes is judged here: the objects are those of a Deployment as its controllers write them, and what
counts is when they change.  Requests are counted by what they ask for.
"""

import asyncio
import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot import clock
from bot.domain.chat import Posted
from bot.domain.json import Json
from bot.domain.promotion import Kind, MessageStatus, PullStatus, Request, State, StatusChange
from bot.domain.reasons.rollout import PickedUp
from bot.domain.target import Place, Target
from bot.domain.verification import Method, Verify
from bot.rules.release.decision import Decision
from bot.store.store import Store

NAMESPACE: Final = "models"
STAGE: Final = "production"
KINDS: Final = {
    "deployments": ("apps/v1", "Deployment"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
}
CLOCK: Final = "2026-05-04T12:00:00Z"


@dataclass(slots=True, kw_only=True)
class Play:
    """The API server of one namespace."""

    objects: dict[str, dict[str, Json]] = field(default_factory=lambda: {resource: {} for resource in KINDS})
    asked: Counter[str] = field(default_factory=Counter)
    """Requests: `list pods`, `watch pods`, or the method and path of anything else."""
    hung: bool = False
    """Whether nothing is answered or sent any more, while every connection stays open."""
    forgets: bool = False
    """Whether no watch can be continued: each must list again."""
    version: int = 1
    _history: list[tuple[int, str, bytes]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def apply(self, resource: str, obj: Json) -> None:
        """Store an object, and send it to every watch."""
        self.version += 1
        api, kind = KINDS[resource]
        obj = {"apiVersion": api, "kind": kind, **copy.deepcopy(obj)}
        obj["metadata"] |= {"namespace": NAMESPACE, "resourceVersion": str(self.version)}
        known = obj["metadata"]["name"] in self.objects[resource]
        self.objects[resource][obj["metadata"]["name"]] = obj
        line = json.dumps({"type": "MODIFIED" if known else "ADDED", "object": obj}).encode() + b"\n"
        async with self._changed:
            self._history.append((self.version, resource, line))
            self._changed.notify_all()

    def application(self) -> web.Application:
        """Return the server by itself."""

        async def nothing(request: web.Request) -> web.StreamResponse:
            return web.json_response({}, status=404)

        app = web.Application(middlewares=[self._cluster])
        app.router.add_route("*", "/{path:.*}", nothing)
        return app

    async def resume(self) -> None:
        """Answer again, after it hung."""
        async with self._changed:
            self.hung = False
            self._changed.notify_all()

    def in_front(self, system: str) -> list[Middleware]:
        """Answer what is asked of the cluster, and what else the bot asks of a registry and a chat."""
        if system == "kubernetes":
            return [self._cluster]
        return [{"mlflow": _registry, "slack": _chat}[system]] if system in {"mlflow", "slack"} else []

    @web.middleware
    async def _cluster(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.path.rpartition("/")[2]
        if resource not in KINDS:
            self.asked[f"{request.method} {request.path}"] += 1
            await self._awake()
            return web.json_response({"kind": "Status", "code": 404, "message": "not here"}, status=404)
        await self._awake()
        if "watch" not in request.query:
            self.asked[f"list {resource}"] += 1
            meta, found = {"resourceVersion": str(self.version)}, list(self.objects[resource].values())
            return web.json_response({"kind": f"{KINDS[resource][1]}List", "metadata": meta, "items": found})
        self.asked[f"watch {resource}"] += 1
        since = int(request.query.get("resourceVersion") or 0)
        if self.forgets and since < self.version:
            return web.json_response({"kind": "Status", "code": 410, "message": "too old"}, status=410)
        return await self._watch(request, resource, since)

    async def _watch(self, request: web.Request, resource: str, since: int) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        at = len(self._history)
        while at and self._history[at - 1][0] > since:
            at -= 1
        while True:
            while at < len(self._history):
                _, kind, line = self._history[at]
                at += 1
                if kind == resource:
                    await self._awake()
                    await answer.write(line)
            async with self._changed:
                await self._changed.wait_for(lambda at=at: len(self._history) > at)  # type: ignore[misc]  # a default

    async def _awake(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self.hung)


@web.middleware
async def _registry(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.endswith(("/search", "/webhooks")):
        return web.json_response({})
    if request.path.endswith("/registered-models/alias"):
        version = {"name": request.query["name"], "version": "1", "status": "READY", "creation_timestamp": 1}
        return web.json_response({"model_version": version})
    return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}, status=404)


@web.middleware
async def _chat(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not request.path.endswith("/chat.update"):
        return await handler(request)
    said = await request.post()
    return web.json_response({"ok": True, "ts": said.get("ts", "1.0"), "channel": said.get("channel", "C1")})


# ── what a rollout looks like ─────────────────────────────────────────────────────────────────────────


def models(count: int) -> list[str]:
    return [f"model-{number:03}" for number in range(count)]


def manifest(model: str) -> str:
    """Return what Git holds: version 2, which is being rolled out."""
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(model, done=False)}, indent=1)


async def begin(play: Play, model: str) -> None:
    """Show a rollout whose new pod runs, and is not ready yet."""
    for version, ready in ((1, True), (2, False)):
        await play.apply("replicasets", replicaset(model, version))
        await play.apply("pods", pod(model, version, ready=ready))
    await play.apply("deployments", deployment(model, done=False))


async def end(play: Play, model: str) -> None:
    """Let the new pod become ready, and its Deployment say so: the last object decides."""
    await play.apply("pods", pod(model, 2, ready=True))
    await play.apply("deployments", deployment(model, done=True))


def deployment(model: str, *, done: bool) -> Json:
    """Return a Deployment of one pod."""
    reason = "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
    condition = {"type": "Progressing", "status": "True", "reason": reason, "lastUpdateTime": CLOCK}
    available = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
    replicas = 1 if done else 2
    counts = {"replicas": replicas, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    return {
        "metadata": {
            "name": model, "namespace": NAMESPACE, "uid": f"d-{model}", "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {
            "replicas": 1, "progressDeadlineSeconds": 600, "selector": {"matchLabels": {"app": model}},
            "template": template(model, 2),
        },
        "status": {"observedGeneration": 2, **counts, "conditions": [available, condition]},
    }  # fmt: skip


def template(model: str, version: int) -> Json:
    env = {"MODEL_NAME": model, "MODEL_STAGE": STAGE, "MODEL_VERSION": str(version)}
    server = {"name": "server", "image": "server:1", "env": [{"name": k, "value": v} for k, v in env.items()]}
    return {"metadata": {"labels": {"app": model}}, "spec": {"containers": [server]}}


def replicaset(model: str, version: int) -> Json:
    """Return the ReplicaSet of a version."""
    made = template(model, version)
    made["metadata"]["labels"]["pod-template-hash"] = str(version)
    return {
        "metadata": {
            "name": f"{model}-{version}", "uid": f"r-{model}-{version}", "labels": made["metadata"]["labels"],
            "annotations": {"deployment.kubernetes.io/revision": str(version)},
            "ownerReferences": [{"kind": "Deployment", "name": model, "uid": f"d-{model}", "controller": True}],
        },
        "spec": {"replicas": 1, "template": made},
        "status": {"replicas": 1},
    }  # fmt: skip


def pod(model: str, version: int, *, ready: bool) -> Json:
    """Return the pod of a version."""
    owner = {"kind": "ReplicaSet", "name": f"{model}-{version}", "uid": f"r-{model}-{version}", "controller": True}
    status = {"name": "server", "ready": ready, "restartCount": 0, "state": {"running": {"startedAt": CLOCK}}}
    labels = {"app": model, "pod-template-hash": str(version)}
    return {
        "metadata": {"name": f"{model}-{version}-0", "uid": f"p-{model}-{version}", "labels": labels,
                     "creationTimestamp": CLOCK, "ownerReferences": [owner]},
        "spec": template(model, version)["spec"],
        "status": {"phase": "Running", "podIP": "127.0.0.1", "containerStatuses": [status],
                   "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": CLOCK}]},
    }  # fmt: skip


# ── what the bot's record says ────────────────────────────────────────────────────────────────────────


def config(names: list[str]) -> str:
    """Return the app.yaml: every server is foreign, so that nothing but the rollout counts."""
    head = f"repository: acme/models-gitops\nchannel: '#ml-releases'\nstages:\n  {STAGE}: "
    return (
        head
        + "{approvals: 0, watch: 1h, timeout: 1h, verify: rollout}\nmodels:\n"
        + "".join(f"  {name}: {{manifests: 'models/{{model}}/{{stage}}'}}\n" for name in names)
    )


async def record(url: str, names: list[str]) -> None:
    """Write a record in which the second version of each model is rolling out."""
    store = await Store.open(url)
    try:
        for number, name in enumerate(names, 1):
            await _under_way(store, Target(model=name, stage=STAGE), number, clock.now())
    finally:
        await store.close()


async def _under_way(store: Store, target: Target, number: int, now: datetime) -> None:
    path = f"models/{target.model}/{STAGE}/deployment.yaml"
    place = Place(paths=(path,), namespace=NAMESPACE, workload=target.model, kind=("apps", "Deployment"))
    await store.baseline(target, 1, now=now)
    await store.place(target, place)
    request = Request(target=target, kind=Kind.PROMOTE, version=2, by="U0ALICE", at=now)
    await store.ask(request, key=f"bench:{number}")
    pull = PullStatus(
        number=number, url=f"https://forge.example/acme/models-gitops/pull/{number}", merge_commit="c0ffee"
    )
    note: StatusChange = {"place": place, "pull": pull, "verified_by": Verify(method=Method.ROLLOUT)}
    shown = MessageStatus(posted=Posted(channel="C0RELEASES", ts=f"{number}.000100"))
    decision = Decision(state=State.ROLLING_OUT, reason=PickedUp(), note=note, wake=timedelta(0))
    loaded = await store.load(target)
    await store.outcome(await store.commit(loaded, decision, now=now), {"message": shown}, now=now)
