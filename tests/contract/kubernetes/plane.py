"""The control planes of `tests/contract/control_plane.py`, as the tests of this folder look at them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain.json import Json
from callboard_demo.cluster import Cluster
from callboard_demo.cluster.kubelet import Kubelet
from tests.contract.control_plane import TOKEN, ControlPlane
from tests.contract.kubernetes.raw import Raw, client


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A running control plane with a kubelet, and a namespace of the test's own in it."""

    raw: Raw
    namespace: str
    url: str
    kubelet: Kubelet
    fake: Cluster | None = None
    """The demo's cluster; None where Kubernetes is the real one."""

    @property
    def deployments(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

    @property
    def replicasets(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/replicasets"

    def core(self, plural: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{plural}"

    def log(self, pod: str, *, previous: bool = False, container: str = "server") -> str | None:
        """Return what a container of a pod has printed: asked of the kubelet, for a real API server cannot."""
        found = self.kubelet.log(self.namespace, pod, container, previous=previous)
        return None if found is None else found.text()

    async def until(self, path: str, test: Callable[[Json], bool], *, seconds: float = 30) -> Json:
        """Return the object or list at a path as soon as it passes a test.

        Raises:
            AssertionError: it has not within so many seconds; the message shows it as it was last.
        """
        value: Json = {}
        try:
            async with asyncio.timeout(seconds):
                while not test(value := await self.raw.get(path)):  # noqa: ASYNC110 - the server is asked from outside
                    await asyncio.sleep(0.03)
        except TimeoutError as error:
            raise AssertionError(f"after {seconds:g} s, {path} is still {json.dumps(value)}") from error
        return value


@asynccontextmanager
async def looked_at(found: ControlPlane) -> AsyncIterator[Plane]:
    """Give a control plane with the official client on it."""
    async with client(found.url, TOKEN) as raw:
        yield Plane(raw=raw, namespace=found.namespace, url=found.url, kubelet=found.kubelet, fake=found.cluster)
