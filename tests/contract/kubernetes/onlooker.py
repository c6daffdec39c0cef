"""A real control plane as Callboard sees it: its own client and watch look on, and `judge` says how the rollout is.

People, agents and the controllers of other projects are played through `apply`, `change`, `write_status` and `delete`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bot import clock
from bot.clients.kubernetes.client import PATHS, Kubernetes
from bot.cluster.watch import Watch
from bot.domain.cluster import Health, HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import deployment
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.wording.reasons import plain
from callboard_demo.cluster import node
from callboard_demo.cluster.rest import Refused
from tests.contract.control_plane import ControlPlane
from tests.contract.kubernetes.manifests import NAME, STAGE
from tests.fixtures.waiting import until


@dataclass(kw_only=True)
class Onlooker:
    """What Callboard knows of the workload `model` in the test's namespace."""

    plane: ControlPlane
    watch: Watch
    woken: asyncio.Event
    kind: Kind = deployment.KIND
    """Of the workload that is followed."""
    only: Collection[str] | None = None
    """The pods that are judged after the rollout; None: the rollout is judged."""
    configmaps: bool = False
    """The pin is in a ConfigMap."""
    verdicts: list[Health] = field(default_factory=list)
    """One for each time that the watch woke us, the latest last."""

    @property
    def namespace(self) -> str:
        return self.plane.namespace

    async def follow(self, kind: Kind) -> None:
        """Start to watch the workload, of this kind."""
        self.kind = kind
        await self.watch.ensure(self.namespace, kind, configmaps=self.configmaps)

    def look(self) -> None:
        """Judge what the watch has."""
        snapshot = self.watch.snapshot(self.namespace, NAME, STAGE, NAME, self.kind, configmaps=self.configmaps)
        if snapshot is not None:
            self.verdicts.append(judge(snapshot, now=clock.now(), stage=STAGE, only=self.only))
        self.woken.set()

    async def until(self, told: Callable[[Health], bool], *, within: float = 30) -> Health:
        """Return the first verdict of which `told` is true, beginning with that of now.

        Raises:
            AssertionError: there was none within so many seconds; the message has the verdicts since.
        """
        since = len(self.verdicts)
        try:
            async with asyncio.timeout(within):
                while True:
                    self.woken.clear()
                    self.look()
                    if found := next(filter(told, self.verdicts[since:]), None):
                        return found
                    self.woken.clear()
                    await self.woken.wait()
        except TimeoutError as error:
            seen = dict.fromkeys(f"{v.status}: {plain(v.reason)}" for v in self.verdicts[since:])
            raise AssertionError(f"after {within:g} s: {'; '.join(seen)}") from error

    async def until_healthy(self, version: int, *, within: float = 30) -> Health:
        """Return the verdict by which a version is rolled out."""
        return await self.until(
            lambda v: v.status is HealthStatus.HEALTHY and v.pin is not None and v.pin.version == version,
            within=within,
        )

    async def until_told(self, status: HealthStatus, words: str = "", *, within: float = 30) -> Health:
        """Return the first verdict with this status whose reason has these words."""
        return await self.until(lambda v: v.status is status and words in plain(v.reason), within=within)

    # ── what others do ────────────────────────────────────────────────────────────────────────────────

    def path(self, plural: str, name: str = "") -> str:
        path = f"{PATHS.get(plural, '/api/v1')}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    async def apply(self, plural: str, obj: Json) -> Json:
        """Create an object."""
        return await self.plane.rest.post(self.path(plural), obj)

    async def change(self, spec: Json) -> None:
        """Change the workload's spec."""
        await self.plane.rest.patch(self.path(self.kind.resource, NAME), {"spec": spec})

    async def write_status(self, status: Json) -> None:
        """Write the workload's status, as its controller does: fields that are None are removed."""
        await self.plane.rest.patch(f"{self.path(self.kind.resource, NAME)}/status", {"status": status})

    async def open_node(self) -> None:
        """Take the first taint off the node: the node controller would, but does not run here."""

        async def opened() -> bool:
            with suppress(Refused):  # the kubelet registers the node a moment after its start
                await self.plane.rest.patch(f"/api/v1/nodes/{node.NAME}", {"spec": {"taints": None}})
                return True
            return False

        await until(opened, "the node")

    async def delete(self, plural: str, name: str) -> None:
        await self.plane.rest.delete(self.path(plural, name), {})


def names(health: Health) -> list[str]:
    """Return the pods that count."""
    return [pod.name for pod in health.pods]


@asynccontextmanager
async def looking_on(plane: ControlPlane) -> AsyncIterator[Onlooker]:
    """Give a control plane with Callboard's watch on it."""
    kubernetes = await Kubernetes.connect(str(plane.kubeconfig))
    found: list[Onlooker] = []
    watch = Watch(kubernetes, lambda _namespace: found[0].look())
    found.append(Onlooker(plane=plane, watch=watch, woken=asyncio.Event()))
    try:
        yield found[0]
    finally:
        await watch.close()
        await kubernetes.close()
