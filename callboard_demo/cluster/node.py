"""The node: its addresses, and which pods fit on it.

Each pod gets its own loopback address, 127.77.x.y, so that `podIP:containerPort` works as in a real cluster: on Linux,
all of 127.0.0.0/8 is this machine.  x is this node's number.  It is reserved by listening on 127.77.x.1:10250, the
kubelet's port, so that several clusters on one machine never assign the same address.
"""

import errno
import os
import re
import socket
from collections.abc import Iterator
from typing import Final

from bot.domain.json import Json

NAME: Final = "node-1"
CAPACITY: Final[Json] = {"cpu": "8", "memory": "32Gi", "pods": "110"}
LABELS: Final = {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
_PORT: Final = 10250
_LAST: Final = 254
_UNITS: Final = {
    "": 1.0, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


class Addresses:
    """The addresses of one node, assigned in turn so that a freed one is not reused at once."""

    def __init__(self) -> None:
        self._claim, self._number = _claimed()
        self._next = 1
        self._used: set[str] = set()

    @property
    def host(self) -> str:
        """Return the node's own address."""
        return f"127.77.{self._number}.1"

    def take(self) -> str:
        """Return an address for a pod.

        Raises:
            OSError: all are in use.
        """
        for _ in range(_LAST):
            self._next = self._next + 1 if self._next < _LAST else 2
            address = f"127.77.{self._number}.{self._next}"
            if address not in self._used:
                self._used.add(address)
                return address
        raise OSError(errno.EADDRNOTAVAIL, "no pod address left on this node")

    def give_back(self, address: str) -> None:
        """Free a pod's address."""
        self._used.discard(address)

    def close(self) -> None:
        """Release the node's number."""
        self._claim.close()


def _claimed() -> tuple[socket.socket, int]:
    first = os.getpid() % _LAST
    for step in range(_LAST):
        number = (first + step) % _LAST + 1
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind((f"127.77.{number}.1", _PORT))
            claim.listen(1)
        except OSError:
            claim.close()
            continue
        return claim, number
    raise OSError(errno.EADDRINUSE, "no free node number: 127.77.x.1:10250 is taken for every x")


def quantity(text: str | float) -> float:
    """Return a resource quantity as a number: 500m is 0.5, 2Gi is 2147483648."""
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text))
    return float(match[1]) * _UNITS.get(match[2], 1.0) if match else 0.0


def why_not(pod: Json) -> str | None:
    """Return why a pod does not fit on the node, as the scheduler words it; None if it fits.

    Only the pod's own requests are checked, not those of other pods.
    """
    reasons = list(_obstacles(pod["spec"]))
    return f"0/1 nodes are available: {', '.join(reasons)}." if reasons else None


def _obstacles(spec: Json) -> Iterator[str]:
    if any(LABELS.get(name) != value for name, value in (spec.get("nodeSelector") or {}).items()):
        yield "1 node(s) didn't match Pod's node affinity/selector"
    for name in sorted(_requested(spec)):
        if _requested(spec)[name] > quantity(CAPACITY.get(name, "0")):
            yield f"1 Insufficient {name}"


def _requested(spec: Json) -> dict[str, float]:
    total: dict[str, float] = {}
    for container in spec["containers"]:
        resources = container.get("resources") or {}
        for name, value in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            total[name] = total.get(name, 0.0) + quantity(value)
    return {name: amount for name, amount in total.items() if amount > 0}


def node_object(now: str) -> Json:
    """Return the Node as the kubelet registers it; `now` is a timestamp."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NAME, "labels": LABELS},
        "status": node_status(now),
    }


def node_status(now: str) -> Json:
    """Return the status that the kubelet reports."""
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    info = {"kubeletVersion": "v1.33.0+callboard", "operatingSystem": "linux", "architecture": "amd64"}
    return {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": [{**ready, **times}], "nodeInfo": info}
