"""One container of a pod, through all its runs: image, environment, start, probes, exit, and back-off.

Not here: the pod's own phase and conditions (`pods.py`), how a process is started (`runtime.py`).
Reasons and messages are those of the real kubelet:
https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/kubelet/kuberuntime/kuberuntime_container.go and …/images/
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster.environment import ConfigError, environment, expanded, needed
from callboard_demo.cluster.logs import Log
from callboard_demo.cluster.objects import stamp
from callboard_demo.cluster.probes import Probe, Subject, attempt, verdicts
from callboard_demo.cluster.runtime import Order, Running, Runtime, StartError

_IMAGE: Final = re.compile(
    r"^([a-zA-Z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
_CAP: Final = 30
"""The most that back-off grows to, as a multiple of its base: from 10 s to 5 min."""
_LEAST: Final = timedelta(seconds=2)
"""The least grace period after SIGTERM, however long the hook took: minimumGracePeriodInSeconds."""
_GOING_DOWN: Final = timedelta(seconds=1)
_START_FAILED: Final = 128
_MESSAGE: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a container needs of its pod and node."""

    pod: Callable[[], Json]
    """The current pod, with its address in the status."""
    address: str
    runtime: Runtime
    session: aiohttp.ClientSession
    base: timedelta
    """The initial back-off."""
    look_up: Callable[[str, str], Awaitable[Json | None]]
    """Reads a ConfigMap or Secret in the pod's namespace, by kind and name."""
    changed: Callable[[], None]
    """Called when the status has changed."""
    report: Callable[..., None]
    """Reports an event: (reason, message, warning=…, field=…)."""


class Container:
    """A container's state, as in the pod's status, and its running process."""

    def __init__(self, spec: Json, around: Surroundings, *, kind: str = "containers") -> None:
        self.name: str = spec["name"]
        self._kind, self._around = kind, around
        self.state: Json = {"waiting": {"reason": "PodInitializing" if kind == "containers" else "ContainerCreating"}}
        self.last_state: Json = {}
        self.restarts = 0
        self.ready = self.started = False
        self.log: Log | None = None
        self.previous_log: Log | None = None
        self._running: Running | None = None
        self._stopping = False
        self._failures = 0
        self._id = ""

    @property
    def spec(self) -> Json:
        """Return its current spec."""
        specs = self._around.pod()["spec"][self._kind]
        return dict(next(spec for spec in specs if spec["name"] == self.name))

    @property
    def exit_code(self) -> int | None:
        """Return its exit code, if it has exited and will not be restarted."""
        return self.state["terminated"]["exitCode"] if "terminated" in self.state else None

    def status(self) -> Json:
        """Return its entry in `containerStatuses`."""
        value: Json = {"name": self.name, "state": self.state, "lastState": self.last_state, "ready": self.ready}
        value |= {"restartCount": self.restarts, "image": self.spec["image"], "imageID": "", "started": self.started}
        return value | ({"containerID": self._id, "imageID": self.spec["image"]} if self._id else {})

    def remember(self, status: Json) -> None:
        """Restore the state from an earlier kubelet: whatever ran then is lost, as in a reboot of the node."""
        self.restarts, self.last_state = status["restartCount"], status.get("lastState") or {}
        if "running" in status["state"]:
            lost = {"exitCode": 255, "reason": "Unknown", "startedAt": status["state"]["running"]["startedAt"]}
            self.last_state = {"terminated": {**lost, "finishedAt": stamp(clock.now())}}
        elif "terminated" in status["state"]:
            self.last_state = status["state"]
        if "waiting" not in status["state"]:
            self.restarts += 1

    # ── restarts ──────────────────────────────────────────────────────────────────────────────────────

    async def keep(self, policy: str) -> None:
        """Run it, restarting it by its restart policy, until it has finished."""
        while not self._stopping:
            code, lasted = await self._once()
            if self._stopping or policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            self._failures = 1 if lasted > 2 * _CAP * self._around.base else self._failures + 1
            await self._back_off()
            self.restarts += 1

    async def _back_off(self) -> None:
        if self._failures == 1:  # the first restart is immediate
            await asyncio.sleep(min(0.2, self._around.base.total_seconds()))
            return
        wait = _doubled(self._around.base, self._failures - 2)
        meta = self._around.pod()["metadata"]
        where = f"pod={meta['name']}_{meta['namespace']}({meta['uid']})"
        text = f"back-off {_go(wait)} restarting failed container={self.name} {where}"
        self.last_state = self.state
        self._wait_for("CrashLoopBackOff", text)
        self._report("BackOff", "Back-off restarting failed container", warning=True)
        await asyncio.sleep(wait.total_seconds())

    async def _once(self) -> tuple[int, timedelta]:
        await self._pull()
        order = await self._order()
        if "terminated" in self.state:
            self.last_state = self.state
        self.previous_log, self.log = self.log or self.previous_log, Log()
        began = clock.now()
        try:
            running = await self._begun(order)
        except StartError as error:
            self._report("Failed", f"Error: failed to start container {self.name}: {error}", warning=True)
            self._ended(_START_FAILED, began, reason="StartError", message=str(error))
            return _START_FAILED, timedelta(0)
        return await self._through(running, order, began)

    async def _begun(self, order: Order) -> Running:
        """Start it; if a start is cancelled half-way, stop what was started, so that nothing is left running."""
        starting = asyncio.ensure_future(self._around.runtime.start(order))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(StartError):
                running = await starting
                running.kill()
                await running.wait()
            raise

    async def _through(self, running: Running, order: Order, began: datetime) -> tuple[int, timedelta]:
        self._running, self._id = running, f"process://{secrets.token_hex(16)}"
        self.state = {"running": {"startedAt": stamp(began)}}
        self._report("Started", f"Started container {self.name}")
        self._around.changed()
        try:
            async with self._probed(running, order):
                code = await running.wait()
        finally:
            running.kill()
            self._running = None
        self._ended(code, began)
        return code, clock.now() - began

    def _ended(self, code: int, began: datetime, *, reason: str = "", message: str = "") -> None:
        if self.log is not None:
            self.log.end()
        self.ready = self.started = False
        times = {"startedAt": stamp(began), "finishedAt": stamp(clock.now())}
        ended = {"exitCode": code, "reason": reason or ("Completed" if code == 0 else "Error"), **times}
        if not message and code != 0 and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            message = self.log.text(tail=80)[-_MESSAGE:] if self.log else ""
        self.state = {"terminated": {**ended, **({"message": message} if message else {}), "containerID": self._id}}
        self._around.changed()

    def _wait_for(self, reason: str, message: str = "") -> None:
        self.state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        self._around.changed()

    def _report(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._around.report(reason, message, warning=warning, field=f"spec.{self._kind}{{{self.name}}}")

    # ── before a start ────────────────────────────────────────────────────────────────────────────────

    def _hold(self, reason: str, message: str) -> None:
        """Wait with a reason, and keep the last termination state."""
        if "terminated" in self.state:
            self.last_state = self.state
        self._wait_for(reason, message)

    async def _pull(self) -> None:
        tries = 0
        while (trouble := self._image_trouble()) is not None:
            reason, message = trouble
            image, wait = self.spec["image"], _doubled(self._around.base, tries)
            self._hold(reason, message)
            if reason == "InvalidImageName":
                self._report("InspectFailed", message, warning=True)
            if reason == "ErrImagePull":
                self._report("Failed", f'Failed to pull image "{image}": {message}', warning=True)
            self._report("Failed", f"Error: {reason}", warning=True)
            await asyncio.sleep(min(1.0, wait.total_seconds() / 4))
            if reason == "ErrImagePull":
                self._hold("ImagePullBackOff", f'Back-off pulling image "{image}"')
                self._report("BackOff", f'Back-off pulling image "{image}"')
            await asyncio.sleep(wait.total_seconds())
            tries += 1
        self._report("Pulled", f'Container image "{self.spec["image"]}" already present on machine')

    def _image_trouble(self) -> tuple[str, str] | None:
        image, command = self.spec["image"], bool(self.spec.get("command"))
        if not _IMAGE.match(image):
            text = f'couldn\'t parse image reference "{image}": invalid reference format'
            return "InvalidImageName", f'Failed to apply default image tag "{image}": {text}'
        refusal = self._around.runtime.refuses(image, has_command=command)
        if refusal is not None and self.spec.get("imagePullPolicy") == "Never":
            return "ErrImageNeverPull", f'Container image "{image}" is not present with pull policy of Never'
        return None if refusal is None else ("ErrImagePull", refusal)

    async def _order(self) -> Order:
        while True:
            try:
                order = await self._try_order()
            except ConfigError as error:
                self._hold("CreateContainerConfigError", str(error))
                self._report("Failed", f"Error: {error}", warning=True)
                await asyncio.sleep(min(2.0, self._around.base.total_seconds()))
                continue
            self._report("Created", f"Created container {self.name}")
            return order

    async def _try_order(self) -> Order:
        spec, pod = self.spec, self._around.pod()
        found = {ref: await self._around.look_up(*ref) for ref in needed(spec)}
        env = environment(spec, pod, lambda kind, name: found.get((kind, name)))
        ports = [port["containerPort"] for port in spec.get("ports") or ()]
        return Order(
            namespace=pod["metadata"]["namespace"],
            pod=pod["metadata"]["name"],
            container=self.name,
            image=spec["image"],
            command=tuple(expanded(word, env) for word in spec.get("command") or ()),
            args=tuple(expanded(word, env) for word in spec.get("args") or ()),
            env=env,
            address=self._around.address,
            port=ports[0] if ports else 8080,
            write=self._write,
        )

    def _write(self, data: bytes) -> None:
        if self.log is not None:
            self.log.write(data)

    # ── while it runs ─────────────────────────────────────────────────────────────────────────────────

    def _subject(self, running: Running) -> Subject:
        ports = {p["name"]: p["containerPort"] for p in self.spec.get("ports") or () if "name" in p}
        return Subject(address=self._around.address, ports=ports, running=running, session=self._around.session)

    @asynccontextmanager
    async def _probed(self, running: Running, order: Order) -> AsyncIterator[None]:
        task = asyncio.create_task(self._probe(running))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _probe(self, running: Running) -> None:
        subject, spec = self._subject(running), self.spec
        if "startupProbe" in spec and not await self._start_up(Probe.read(spec["startupProbe"]), subject):
            return
        self.started = True
        if "readinessProbe" not in spec:
            self.ready = True
        self._around.changed()
        async with asyncio.TaskGroup() as probes:
            if "readinessProbe" in spec:
                probes.create_task(self._readiness(Probe.read(spec["readinessProbe"]), subject))
            if "livenessProbe" in spec:
                probes.create_task(self._liveness(Probe.read(spec["livenessProbe"]), subject))

    async def _start_up(self, probe: Probe, subject: Subject) -> bool:
        async for verdict, failure in verdicts(probe, subject):
            self._unhealthy("Startup", failure)
            if verdict is True:
                return True
            if verdict is False:
                await self._put_down(subject.running, "startup")
                return False
        return False

    async def _readiness(self, probe: Probe, subject: Subject) -> None:
        async for verdict, failure in verdicts(probe, subject):
            self._unhealthy("Readiness", failure)
            if verdict is not None and verdict != self.ready:
                self.ready = verdict
                self._around.changed()

    async def _liveness(self, probe: Probe, subject: Subject) -> None:
        async for verdict, failure in verdicts(probe, subject):
            self._unhealthy("Liveness", failure)
            if verdict is False:
                await self._put_down(subject.running, "liveness")
                return

    def _unhealthy(self, kind: str, failure: str | None) -> None:
        if failure is not None:
            self._report("Unhealthy", f"{kind} probe failed: {failure}", warning=True)

    async def _put_down(self, running: Running, probe: str) -> None:
        self._report("Killing", f"Container {self.name} failed {probe} probe, will be restarted")
        grace = timedelta(seconds=self._around.pod()["spec"].get("terminationGracePeriodSeconds", 30))
        await self._pre_stop(running, grace)
        running.terminate()
        await asyncio.sleep(max(_LEAST, grace).total_seconds())
        running.kill()

    # ── termination ───────────────────────────────────────────────────────────────────────────────────

    async def stop(self, keeping: asyncio.Task[None], grace: timedelta | None) -> None:
        """Stop it for good: hook, SIGTERM, then SIGKILL after the grace period, which includes the hook.

        `keeping` is the task that runs `keep`.  Without a grace period the node is shutting down: no hook, and one
        second.
        """
        self._stopping = True
        running = self._running
        if running is None:
            keeping.cancel()
        else:
            self._report("Killing", f"Stopping container {self.name}")
            left = _GOING_DOWN if grace is None else await self._prepared(running, keeping, grace)
            running.terminate()
            await asyncio.wait([keeping], timeout=left.total_seconds())
            running.kill()
        await asyncio.wait([keeping])

    async def _prepared(self, running: Running, keeping: asyncio.Task[None], grace: timedelta) -> timedelta:
        """Run the hook while the container runs; return the rest of the grace period."""
        loop = asyncio.get_running_loop()
        over = loop.time() + grace.total_seconds()
        hook = asyncio.create_task(self._pre_stop(running, grace))
        await asyncio.wait([hook, keeping], return_when=asyncio.FIRST_COMPLETED)
        hook.cancel()
        await asyncio.wait([hook])
        return max(_LEAST, timedelta(seconds=over - loop.time()))

    def kill(self) -> None:
        """Kill the running process."""
        if self._running is not None:
            self._running.kill()

    async def _pre_stop(self, running: Running, grace: timedelta) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if hook and (failure := await attempt(hook, self._subject(running), grace)) is not None:
            self._report("FailedPreStopHook", f"PreStopHook failed: {failure}", warning=True)


def _doubled(base: timedelta, times: int) -> timedelta:
    longer: timedelta = base * 2 ** min(times, 10)
    return min(longer, base * _CAP)


def _go(wait: timedelta) -> str:
    """Return a duration as Go prints it: 10s, 1m20s, 5m0s."""
    minutes, seconds = divmod(wait.total_seconds(), 60)
    return f"{minutes:.0f}m{seconds:g}s" if minutes else f"{seconds:g}s"
