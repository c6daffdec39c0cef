"""The two control planes that the contract tests run against: the fake one, and a real one where there is one.

The real one is etcd, kube-apiserver and kube-controller-manager from the folder KUBEBUILDER_ASSETS.  Our kubelet runs
the pods of both.
"""

import asyncio
import json
import os
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.cluster import Cluster, Runtime
from bot.demo.cluster.kubelet import Kubelet
from bot.demo.cluster.subresources import Reader
from tests.contract.kubernetes.raw import Json, Raw, client

TOKEN = "a-token"
BACKOFF = timedelta(seconds=0.3)
_READY_WITHIN = 60.0
_COMPONENTS = "deployment,replicaset,statefulset,daemonset,garbagecollector,namespace,resourcequota,serviceaccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A running control plane with a kubelet, and a namespace of the test's own in it."""

    raw: Raw
    namespace: str
    url: str
    logs: Reader
    """Where containers' output is read without the API: a real API server has no kubelet port to read it from."""
    fake: Cluster | None = None

    @property
    def deployments(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

    @property
    def replicasets(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/replicasets"

    def core(self, plural: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{plural}"

    def log(self, pod: str, *, previous: bool = False, container: str = "server") -> str | None:
        """Return what a container of a pod has printed."""
        found = self.logs.log(self.namespace, pod, container, previous=previous)
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
async def served(cluster: Cluster, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve a fake cluster's API and start it; give its address."""
    runner = web.AppRunner(cluster.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    await cluster.start()
    scheme, port = ("https" if tls else "http"), runner.addresses[0][1]
    try:
        yield f"{scheme}://127.0.0.1:{port}"
    finally:
        await cluster.close()
        await runner.cleanup()


@asynccontextmanager
async def fake_plane(folder: Path, runtime: Runtime) -> AsyncIterator[Plane]:
    """Give the fake cluster."""
    cluster = Cluster(folder=folder, token=TOKEN, runtime=runtime, backoff=BACKOFF)
    async with served(cluster) as url, client(url, TOKEN) as raw:
        yield Plane(raw=raw, namespace="models", url=url, logs=cluster, fake=cluster)


@asynccontextmanager
async def real_plane(url: str, runtime: Runtime) -> AsyncIterator[Plane]:
    """Give a fresh namespace of a real control plane, with our kubelet on it."""
    namespace = f"test-{secrets.token_hex(4)}"
    kubelet = Kubelet(url=url, token=TOKEN, runtime=runtime, base=BACKOFF, verify=False)
    async with client(url, TOKEN) as raw:
        await raw.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await kubelet.start()
        try:
            plane = Plane(raw=raw, namespace=namespace, url=url, logs=kubelet)
            yield plane
            await _emptied(plane)
        finally:
            await kubelet.close()


async def _emptied(plane: Plane) -> None:
    """Leave nothing behind that the next test's kubelet would run."""
    async with asyncio.timeout(30):
        await plane.raw.delete(plane.deployments)
        await plane.raw.delete(plane.replicasets)
        while (await plane.raw.get(plane.core("pods")))["items"]:
            await plane.raw.delete(plane.core("pods"), gracePeriodSeconds="0")
            await asyncio.sleep(0.1)
        await plane.raw.delete(f"/api/v1/namespaces/{plane.namespace}")


# ── the real one ─────────────────────────────────────────────────────────────────────────────────────


def binaries() -> Path:
    """Return the folder of a real control plane's binaries; skip the test where there is none."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS") or "/nonexistent")
    if not (folder / "kube-apiserver").exists():
        pytest.skip("no real control plane here: KUBEBUILDER_ASSETS names no folder with kube-apiserver in it")
    return folder


@contextmanager
def control_plane(assets: Path, folder: Path) -> Iterator[str]:
    """Run etcd, the API server and the controller manager; give the API server's address."""
    etcd, peer, api, manager = _free_ports(4)
    url = f"https://127.0.0.1:{api}"
    _write_secrets(folder, url)
    commands = {
        "etcd": _etcd_flags(folder, etcd, peer),
        "kube-apiserver": _api_flags(folder, etcd, api),
        "kube-controller-manager": _manager_flags(folder, manager),
    }
    processes = []
    try:
        for name, flags in commands.items():
            if name == "kube-controller-manager":
                _wait_until_ready(url)
            with (folder / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen([assets / name, *flags], stdout=log, stderr=log, cwd=folder))
        yield url
    finally:
        for process in reversed(processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _write_secrets(folder: Path, url: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "sa.key").write_bytes(private)
    (folder / "sa.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    (folder / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\n"
        f'clusters: [{{name: c, cluster: {{server: "{url}", insecure-skip-tls-verify: true}}}}]\n'
        f"users: [{{name: a, user: {{token: {TOKEN}}}}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: a}}]\ncurrent-context: c\n"
    )


def _etcd_flags(folder: Path, client_port: int, peer_port: int) -> list[str]:
    here, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def _api_flags(folder: Path, etcd: int, port: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
        "--service-cluster-ip-range=10.99.0.0/24",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={folder / 'sa.pub'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    ]


def _manager_flags(folder: Path, port: int) -> list[str]:
    return [
        f"--kubeconfig={folder / 'kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--port=0",
        f"--service-account-private-key-file={folder / 'sa.key'}",
        f"--controllers={_COMPONENTS}",
    ]


def _wait_until_ready(url: str) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    request = Request(f"{url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})  # https, to our own child
    end = time.monotonic() + _READY_WITHIN
    while time.monotonic() < end:
        try:
            with urlopen(request, context=trusting, timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.2)
    raise TimeoutError("the real API server did not become ready")
