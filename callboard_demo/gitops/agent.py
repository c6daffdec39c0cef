"""A stand-in for Argo CD: it follows the repository's main branch and applies its manifests to the cluster.

Objects are applied server-side, one by one, through the Kubernetes API.  Nothing is pruned, and manual changes in the
cluster are not reverted.  How files become objects is in rendering.py.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import aiohttp
import yaml

from bot.domain.json import Json
from callboard_demo.gitops.rendering import Rendering, render

EVERY: Final = 1.0
"""Seconds between two checks of the branch."""
PATIENCE: Final = aiohttp.ClientTimeout(total=10)
CLUSTER_WIDE: Final = {
    "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "PriorityClass",
    "StorageClass",
}  # fmt: skip
IRREGULAR: Final = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "StorageClass": "storageclasses"}
FORCED: Final = {"fieldManager": "argocd-demo", "force": "true"}
MAX_ERROR: Final = 300


class Unapplied(Exception):
    """The cluster rejected an object; the message says why."""


class Agent:
    """Follows `head()` and applies `files()` to the cluster at `apply_url`.

    `status` is `{"head": …, "applied": …, "error": …}`: the current commit, the last one fully applied, and the error.
    """

    def __init__(
        self, *, head: Callable[[], str | None], files: Callable[[], dict[str, bytes]], apply_url: str, token: str
    ) -> None:
        self.status: Json = {"head": None, "applied": None, "error": None}
        self.on_change: list[Callable[[], None]] = []
        self._head = head
        self._files = files
        self._url = apply_url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"}
        self._rendering: tuple[str | None, Rendering] = None, Rendering(objects=(), errors=())
        self._applied: dict[str, Json] = {}
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to follow the branch."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following the branch."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def wake(self) -> None:
        """Check the branch now."""
        self._look.set()

    async def _follow(self) -> None:
        async with aiohttp.ClientSession(timeout=PATIENCE) as http:
            while True:
                self._look.clear()
                await self._sync(http)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._look.wait()

    async def _sync(self, http: aiohttp.ClientSession) -> None:
        head = self._head()
        if head is None or head == self.status["applied"]:
            return
        rendering = await self._rendered(head)
        errors = [*rendering.errors]
        for thing in rendering.objects:
            try:
                await self._apply(http, thing)
            except (Unapplied, aiohttp.ClientError, TimeoutError) as error:
                errors.append(f"{type(error).__name__}: {error}")
        applied = self.status["applied"] if errors else head
        self._became({"head": head, "applied": applied, "error": "; ".join(errors) or None})

    async def _rendered(self, head: str) -> Rendering:
        """Return the rendered objects of `head`.

        The result is always the same for a commit, so a failure is not retried.
        """
        if self._rendering[0] != head:
            files = self._files()  # no await since head() was called, so these are its files
            self._rendering = head, await render(files)
        return self._rendering[1]

    async def _apply(self, http: aiohttp.ClientSession, thing: Json) -> None:
        """Apply an object, unless it is unchanged since it was last applied."""
        path = path_of(thing)
        if self._applied.get(path) == thing:
            return
        body = yaml.safe_dump(thing)
        async with http.patch(self._url + path, params=FORCED, headers=self._headers, data=body) as answer:
            if not answer.ok:
                raise Unapplied(f"{path}: {answer.status} {(await answer.text())[:MAX_ERROR]}")
        self._applied[path] = thing

    def _became(self, status: Json) -> None:
        if status != self.status:
            self.status = status
            for call in self.on_change:
                call()


def path_of(thing: Json) -> str:
    """Return an object's path in the Kubernetes API.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
    """
    version, kind, meta = str(thing.get("apiVersion")), str(thing.get("kind")), thing.get("metadata") or {}
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = IRREGULAR.get(kind) or kind.lower() + "s"
    space = "" if kind in CLUSTER_WIDE else f"/namespaces/{meta.get('namespace', 'default')}"
    return f"{root}{space}/{plural}/{meta.get('name')}"
