"""The clusters in which targets run, by their names in app.yaml.

Each has its own client, watch and way to its pods, so that one that does not answer delays only its own targets.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

from bot.clients.kubernetes.access import access
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.pods import Pods
from bot.cluster.touched import Touched
from bot.cluster.watch import Watch
from bot.domain.errors import Permanent
from bot.domain.reason import Reason
from bot.domain.reasons.cluster import of_cluster
from bot.rules.parsing.clusters import access_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster: its API, what is watched there, and the way to its pods."""

    kubernetes: Kubernetes
    watch: Watch
    pods: Pods

    async def close(self) -> None:
        """Stop its watches, and close its connections."""
        await self.watch.close()
        await self.pods.close()
        await self.kubernetes.close()


class Clusters:
    """Makes the clients of a cluster when it is first asked for.

    None of them connects before its first request, and each request tries again until that succeeds: a kubeconfig that
    is missing, or lacks a context, is a trouble of the watch, which ends once the file is there.
    """

    def __init__(self, kubeconfig: str | None) -> None:
        """Take the bot's own kubeconfig, as `Kubernetes.connect`."""
        self._kubeconfig = kubeconfig
        self._made: dict[str | None, Cluster] = {}
        self.moved = asyncio.Event()
        """Set when anything has changed in any of them."""

    def of(self, name: str | None) -> Cluster:
        """Return the cluster of that name; None: the bot's own."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    async def unusable(self, name: str | None) -> Reason | None:
        """Return why there is no access to a cluster that app.yaml names; the bot's own was opened at the start."""
        if name is None:
            return None
        try:
            await self.of(name).kubernetes.open()
        except Permanent as error:
            return of_cluster(name, error.reason)
        return None

    def touched(self) -> dict[tuple[str | None, str], Touched]:
        """Return what has changed since this was last asked, by cluster and namespace."""
        found = {name: cluster.watch.touched() for name, cluster in self._made.items()}
        return {(name, namespace): change for name, changes in found.items() for namespace, change in changes.items()}

    def _make(self, name: str | None) -> Cluster:
        way = access_of(name)
        kubeconfig = way.kubeconfig or self._kubeconfig
        kubernetes = Kubernetes(partial(access, kubeconfig, way.context, named=name is not None))
        return Cluster(
            kubernetes=kubernetes,
            watch=Watch(kubernetes, lambda _: self.moved.set(), cluster=name),
            pods=Pods(proxy=kubernetes.ask_pod, cluster=name),
        )

    async def close(self) -> None:
        """Stop all watches, and close all connections."""
        for cluster in self._made.values():
            await cluster.close()
