"""Two control planes for the same tests: the demo's cluster, and a real Kubernetes that drives the demo's kubelet.

Not itself a test: a pytest plugin, named in tests/conftest.py.  `control_plane` gives each test both, one after the
other; `fake` gives the demo's alone, and `real` the real one alone.  That one needs a folder with etcd,
kube-apiserver and kube-controller-manager, named by KUBEBUILDER_ASSETS, and is skipped elsewhere.  A test module says
how containers behave by overriding the fixtures `runtime` and `backoff`.  Both speak https, since kubectl sends no
token over plain http.
"""

import asyncio
import gc
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from bot import clock
from bot.domain.json import Json
from callboard_demo.children import die_with_parent
from callboard_demo.cluster import Cluster, Runtime
from callboard_demo.cluster.kubelet import Kubelet
from callboard_demo.cluster.rest import Refused, Rest
from callboard_demo.cluster.scripted import ScriptedRuntime
from tests.fixtures.waiting import until
from tests.ports import free_ports
from tests.skips import CONTROL_PLANE, skip_without

TOKEN: Final = "admintoken"
PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager")
CONTROLLERS: Final = "deployment,replicaset,statefulset,daemonset,job,cronjob,garbagecollector,namespace,resourcequota"
T = TypeVar("T")


HANG_UP: Final = 0.1
"""Seconds in which TLS connections of a closed session really close.

https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
"""
HANDSHAKES: Final = ("<function _SelectorTransport.__del__", "<socket.socket fd=")
"""What is left of a connection that was cancelled during its TLS handshake: asyncio closes it when it is collected."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that stop a cluster leave such connections; every other test may not."""
    for item in items:
        if {"control_plane", "fake", "real"} & set(getattr(item, "fixturenames", ())):
            for start in HANDSHAKES:
                what = f"ignore:Exception ignored in. {start}:pytest.PytestUnraisableExceptionWarning"
                item.add_marker(pytest.mark.filterwarnings(what))


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """An API server with controllers and one node behind it, and a namespace of the test's own."""

    url: str
    namespace: str
    kubeconfig: Path
    rest: Rest
    kubelet: Kubelet
    cluster: Cluster | None = None
    """The demo's; None where Kubernetes is the real one."""

    @property
    def demo(self) -> Cluster:
        """Return the demo's cluster, for what only it can be told."""
        assert self.cluster is not None
        return self.cluster

    def path(self, plural: str, name: str = "") -> str:
        """Return where a kind, or one object of it, is found in the test's namespace."""
        group = "/apis/apps/v1" if plural in {"deployments", "replicasets"} else "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def items(self, plural: str) -> list[Json]:
        """Return the objects of a kind in the test's namespace."""
        found: list[Json] = (await self.rest.get(self.path(plural)))["items"]
        return found

    async def pod(self, name: str, told: Callable[[Json], object], *, within: float = 15) -> Json:
        """Return a pod once what `told` says of it is true."""

        async def look() -> Json | None:
            found = await self.rest.get(self.path("pods", name))
            return found if told(found) else None

        return await until(look, f"the pod {name} to be as awaited", within=within)

    async def gone(self, plural: str, name: str, *, within: float = 15) -> None:
        """Wait until an object is there no more."""

        async def look() -> bool:
            return all(item["metadata"]["name"] != name for item in await self.items(plural))

        await until(look, f"the end of {plural} {name}", within=within)


# ── what tests ask for ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def runtime() -> Runtime:
    """What starts the containers; a module may have its own."""
    return ScriptedRuntime()


@pytest.fixture
def backoff() -> timedelta:
    """The first back-off of a crashed container; a module may have its own."""
    return timedelta(seconds=0.5)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def servers(request: pytest.FixtureRequest) -> "Servers | None":
    """The real servers, or none for the demo's."""
    found: Servers | None = request.getfixturevalue("real_servers") if request.param == "real" else None
    return found


@pytest.fixture
async def control_plane(
    servers: "Servers | None", tmp_path: Path, certificate: Path, runtime: Runtime, backoff: timedelta
) -> AsyncIterator[ControlPlane]:
    """Each of the two, one after the other."""
    if servers is None:
        async with the_demo(tmp_path, certificate, runtime, backoff) as plane:
            yield plane
    else:
        async with the_real_one(servers, tmp_path, runtime, backoff) as plane:
            yield plane
    await asyncio.sleep(HANG_UP)
    gc.collect()


@pytest.fixture
async def fake(tmp_path: Path, certificate: Path, runtime: Runtime, backoff: timedelta) -> AsyncIterator[ControlPlane]:
    """The demo's alone."""
    async with the_demo(tmp_path, certificate, runtime, backoff) as plane:
        yield plane
    await asyncio.sleep(HANG_UP)
    gc.collect()


@pytest.fixture
async def real(
    real_servers: "Servers", tmp_path: Path, runtime: Runtime, backoff: timedelta
) -> AsyncIterator[ControlPlane]:
    """The real one alone; the tests that ask for it are marked `real`."""
    async with the_real_one(real_servers, tmp_path, runtime, backoff) as plane:
        yield plane
    await asyncio.sleep(HANG_UP)
    gc.collect()


# ── the demo's ───────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def the_demo(
    folder: Path, certificate: Path, runtime: Runtime, backoff: timedelta
) -> AsyncIterator[ControlPlane]:
    """Serve a cluster as the demo does, but with TLS."""
    cluster = Cluster(folder=folder / "cluster", token=TOKEN, runtime=runtime, backoff=backoff)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    runner = web.AppRunner(cluster.app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    await cluster.start()
    try:
        async with Rest(url, TOKEN, verify=False) as rest:
            config = _written(folder / "kubeconfig", cluster.kubeconfig(url))
            assert cluster._kubelet is not None
            yield ControlPlane(
                url=url, namespace="models", kubeconfig=config, rest=rest, kubelet=cluster._kubelet, cluster=cluster
            )
    finally:
        await cluster.close()
        await runner.cleanup()


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
    return path


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# ── the real one ─────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def the_real_one(
    servers: "Servers", folder: Path, runtime: Runtime, backoff: timedelta
) -> AsyncIterator[ControlPlane]:
    """Lend a real API server to one test: a namespace and a node of its own."""
    namespace = f"models-{uuid.uuid4().hex[:8]}"
    kubelet = Kubelet(url=servers.url, token=TOKEN, runtime=runtime, base=backoff, verify=False)
    async with Rest(servers.url, TOKEN, verify=False) as rest:
        await rest.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await kubelet.start()
        config = _written(folder / "kubeconfig", kubeconfig(servers.url, namespace))
        plane = ControlPlane(url=servers.url, namespace=namespace, kubeconfig=config, rest=rest, kubelet=kubelet)
        try:
            yield plane
        finally:
            await _emptied(plane)
            await kubelet.close()


async def _emptied(plane: ControlPlane) -> None:
    """Delete a test's namespace, and wait until no pod is left in it."""
    await plane.rest.delete(f"/api/v1/namespaces/{plane.namespace}", {})
    async with asyncio.timeout(30):
        while await plane.items("pods"):
            for pod in await plane.items("pods"):
                try:
                    await plane.rest.delete(plane.path("pods", pod["metadata"]["name"]), {"gracePeriodSeconds": 0})
                except Refused as refused:
                    assert refused.code in {404, 409}  # gone meanwhile, which is what is wanted
            await asyncio.sleep(0.1)


def kubeconfig(url: str, namespace: str = "default") -> str:
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        "current-context": "c",
    }
    return yaml.safe_dump(config)


class Servers:
    """etcd, kube-apiserver and kube-controller-manager in a folder, on loopback ports of their own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._started: list[subprocess.Popen[bytes]] = []
        client, peer, secure, manager = free_ports(4)
        self._etcd, self._peer = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._secure, self._manager = secure, manager
        self.url = f"https://127.0.0.1:{secure}"

    def start(self) -> None:
        """Start them in their order, and wait until the API server is ready."""
        folder = self._folder
        key = rsa.generate_private_key(65537, 2048)
        (folder / "sa.key").write_bytes(_pem(key))
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        (folder / "sa.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
        (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self._run(
            "etcd", f"--data-dir={folder}/etcd", "--unsafe-no-fsync", f"--initial-cluster=default={self._peer}",
            f"--listen-client-urls={self._etcd}", f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls={self._peer}", f"--initial-advertise-peer-urls={self._peer}",
        )  # fmt: skip
        self._run(
            "kube-apiserver", f"--etcd-servers={self._etcd}", f"--secure-port={self._secure}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--cert-dir={folder}/certs",
            "--service-cluster-ip-range=10.99.0.0/24", f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC", f"--service-account-key-file={folder}/sa.pub",
            f"--service-account-signing-key-file={folder}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
        )  # fmt: skip
        self._wait()
        config = _written(folder / "kubeconfig", kubeconfig(self.url))
        self._run(
            "kube-controller-manager", f"--kubeconfig={config}", "--leader-elect=false", "--bind-address=127.0.0.1",
            f"--secure-port={self._manager}", "--port=0", f"--service-account-private-key-file={folder}/sa.key",
            f"--controllers={CONTROLLERS}",
        )  # fmt: skip

    def close(self) -> None:
        """End them, the last first, each by its own process id."""
        for process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, program: str, *flags: str) -> None:
        with (self._folder / f"{program}.log").open("wb") as log:
            process = subprocess.Popen(
                [self._programs / program, *flags],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls prctl and nothing else
            )
        self._started.append(process)

    def _wait(self) -> None:
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        end = time.monotonic() + 90
        while time.monotonic() < end:
            for process in self._started:
                assert process.poll() is None, f"{process.args!r} ended; its log is in {self._folder}"
            try:
                with urllib.request.urlopen(request, context=context, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise TimeoutError(f"kube-apiserver is not ready; its log is in {self._folder}")


@pytest.fixture(scope="session")
def real_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A real control plane without a node; all tests of a run share it."""
    programs = Path(os.environ.get("KUBEBUILDER_ASSETS") or "/nonexistent")
    skip_without(all((programs / program).exists() for program in PROGRAMS), CONTROL_PLANE)
    servers = Servers(programs, tmp_path_factory.mktemp("control-plane"))
    try:
        servers.start()
        yield servers
    finally:
        servers.close()
