"""The cluster as a whole: API server, controllers, Services and a node; their start, inspection and shutdown.

The owner serves `app`.  The node uses a separate listener, so that a fault on the public one cuts off clients but not
the cluster's own parts.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import served
from callboard_demo.cluster.api import Api
from callboard_demo.cluster.controllers import Controllers
from callboard_demo.cluster.environment import ConfigError, environment
from callboard_demo.cluster.kubelet import Kubelet
from callboard_demo.cluster.logs import Log
from callboard_demo.cluster.objects import Objects, moment
from callboard_demo.cluster.phases import is_ready
from callboard_demo.cluster.plans import find
from callboard_demo.cluster.resources import DEPLOYMENTS, NAMESPACES, PODS, STATEFULSETS
from callboard_demo.cluster.runtime import Runtime
from callboard_demo.cluster.service_proxy import ServiceProxy
from callboard_demo.cluster.storage import Key, Storage
from callboard_demo.cluster.tables import pod_status

_NAMESPACES: Final = ("default", "kube-system", "models")
_ASK_EVERY: Final = 2.0  # seconds between requests to each ready pod


class Cluster:
    """A Kubernetes cluster of one node.

    `folder` holds its state; `token` is the only bearer token; `runtime` starts containers; `backoff` is the first wait
    before a crashed container or an image pull is retried (doubled up to thirty times that); `window` is how many
    changes a watch may lag behind.
    """

    def __init__(
        self,
        *,
        folder: Path,
        token: str,
        runtime: Runtime,
        middlewares: Sequence[Middleware] = (),
        backoff: timedelta = timedelta(seconds=10),
        window: int = 1000,
    ) -> None:
        self._storage = Storage(folder, window=window)
        self.objects = Objects(self._storage)
        self._token, self._runtime, self._backoff = token, runtime, backoff
        for name in _NAMESPACES:
            self.objects.seed(NAMESPACES, None, {"metadata": {"name": name}})
        self.api = Api(self.objects, token=token, logs=self)
        self.app = self.api.application(middlewares)
        self._controllers = Controllers(self.objects)
        self.services = ServiceProxy(self._storage)
        self._kubelet: Kubelet | None = None
        self._door: web.AppRunner | None = None
        self._asking: asyncio.Task[None] | None = None
        self._serves: dict[str, int | None] = {}
        self.on_change: list[Callable[[], None]] = []
        self._storage.on_change.append(lambda change: self._changed())

    async def start(self) -> None:
        """Start the controllers and the node."""
        self._door = web.AppRunner(self.api.application(trusted=True), access_log=None, shutdown_timeout=1)
        await self._door.setup()
        site = web.TCPSite(self._door, "127.0.0.1", 0)
        await site.start()
        host, port = self._door.addresses[0][:2]
        self._controllers.start()
        self.services.start()
        url = f"http://{host}:{port}"
        self._kubelet = Kubelet(url=url, token=self._token, runtime=self._runtime, base=self._backoff)
        await self._kubelet.start()
        self._asking = asyncio.create_task(self._ask_for_ever())

    async def close(self) -> None:
        """Stop all pods and loops; the state is on disk."""
        self.api.watches.close()
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        if self._kubelet is not None:
            await self._kubelet.close()
            await self.services.close()
            await self._controllers.close()
        if self._door is not None:
            await self._door.cleanup()
        self._storage.close()

    # ── for clients and tests ─────────────────────────────────────────────────────────────────────────

    def kubeconfig(self, url: str) -> str:
        """Return the text of a kubeconfig for `app` as served at `url`."""
        return kubeconfig(url, self._token)

    def forbid(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """Answer 403 to a verb (`get`, `list`, `watch`, …; `*`) on a resource (`pods`, `pods/log`; `*`) from now on."""
        self.api.forbid(verb, resource, namespace)

    def allow_all(self) -> None:
        """Undo every `forbid`."""
        self.api.allow_all()

    def drop_watches(self) -> None:
        """Cut the connection of every open watch."""
        self.api.watches.drop()

    def stall_watches(self, *, stalled: bool = True) -> None:
        """Let open watches hang half-open without data, or resume them."""
        self.api.watches.stalled = stalled

    def forget_history(self) -> None:
        """Make every earlier resourceVersion too old to watch from (410 Expired)."""
        self._storage.forget()

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> Log | None:
        """Return a container's log; None if it never ran."""
        return self._kubelet.log(namespace, pod, container, previous=previous) if self._kubelet else None

    # ── for the page ──────────────────────────────────────────────────────────────────────────────────

    def state(self) -> Json:
        """Return the pods, workloads and Services for the page, as JSON."""
        return {
            "pods": [self._pod(pod) for pod in self._storage.of_kind(PODS)],
            "workloads": [
                _workload(value) for kind in (DEPLOYMENTS, STATEFULSETS) for value in self._storage.of_kind(kind)
            ],
            "services": self.services.state(),
        }

    def _pod(self, pod: Json) -> Json:
        meta, status, container = pod["metadata"], pod.get("status") or {}, pod["spec"]["containers"][0]
        env = self._environment(container, pod)
        statuses = status.get("containerStatuses") or []
        return {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "model": env.get("MODEL_NAME"),
            "stage": env.get("MODEL_STAGE"),
            "pin_version": env.get("MODEL_VERSION"),
            "phase": status.get("phase"),
            "ready": is_ready(pod),
            "restarts": sum(c["restartCount"] for c in statuses),
            "status": pod_status(pod),
            "ip": status.get("podIP"),
            "port": served.port(pod),
            "age_s": int((clock.now() - moment(meta["creationTimestamp"])).total_seconds()),
            "serves": self._serves.get(meta["uid"]) if is_ready(pod) else None,
            "terminating": "deletionTimestamp" in meta,
        }

    def _environment(self, container: Json, pod: Json) -> Mapping[str, str]:
        """Return a container's environment, as its next start would get it; empty while it cannot start."""

        def look_up(kind: str, name: str) -> Json | None:
            return self._storage.get(Key("", kind, pod["metadata"]["namespace"], name))

        try:
            return environment(container, pod, look_up)
        except ConfigError:
            return {}

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()

    async def _ask_for_ever(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_ASK_EVERY)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                ready = [pod for pod in self._storage.of_kind(PODS) if is_ready(pod)]
                answers = await asyncio.gather(*(served.version(session, pod) for pod in ready))
                serves = {pod["metadata"]["uid"]: reply for pod, reply in zip(ready, answers, strict=True)}
                if serves != self._serves:
                    self._serves = serves
                    self._changed()
                await asyncio.sleep(_ASK_EVERY if ready else _ASK_EVERY / 4)


def kubeconfig(url: str, token: str, *, namespace: str = "models") -> str:
    """Return the text of a kubeconfig.

    Over plain http, the Python client sends the token, but kubectl does not (a rule of client-go).  For kubectl, serve
    the API with TLS; any certificate will do.
    """
    name = "callboard"
    insecure = {"insecure-skip-tls-verify": True} if url.startswith("https:") else {}
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, **insecure}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    return yaml.safe_dump(config, sort_keys=False)


def _workload(value: Json) -> Json:
    meta, status = value["metadata"], value.get("status") or {}
    progressing = find(status.get("conditions") or [], "Progressing")
    available = "readyReplicas" if value["kind"] == "StatefulSet" else "availableReplicas"
    return {
        "kind": value["kind"],
        "name": meta["name"],
        "namespace": meta["namespace"],
        "replicas": value["spec"]["replicas"],
        "updated": status.get("updatedReplicas", 0),
        "available": status.get(available, 0),
        "revision": (meta.get("annotations") or {}).get("deployment.kubernetes.io/revision"),
        "condition": progressing["reason"] if progressing else None,
    }
