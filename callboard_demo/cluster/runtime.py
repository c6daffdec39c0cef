"""The container runtime: images, and how a container is started, stopped and inspected.

Here: the `Runtime` protocol that the kubelet uses, and the runtime that runs containers as real processes.  Not here:
restarts (`containers.py`), probes (`probes.py`).  Containers share this machine's files and network; they are separated
only by address (`MODEL_HOST`) and process group.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Protocol

from callboard_demo.children import die_with_parent

_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "TZ")
"""The variables of this process's environment that a container inherits."""
_DRAIN: Final = 1.0  # seconds to wait for the last output after the process has exited
IMAGES: Final[Mapping[str, Sequence[str]]] = {
    "model-server": ("python", "-m", "callboard_model_server"),
    "inference-server": ("python", "-m", "callboard_demo.inference_server"),
}
"""The last part of an image's name, and its command."""
MISSING: Final = ("*:does-not-exist", "*:missing", "*badimage*", "*no-such-image*")
"""Images that do not exist in any registry, as shell patterns."""


class StartError(Exception):
    """The container could not be started: its command does not exist or is not executable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A container to start."""

    namespace: str
    pod: str
    container: str
    image: str
    command: tuple[str, ...] = ()
    """Empty: the image's own command."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    address: str
    """The pod's address."""
    port: int = 8080
    """The first port that the container declares."""
    write: Callable[[bytes], None]
    """Receives its output: stdout and stderr as they arrive."""


class Running(Protocol):
    """A container that has been started."""

    async def wait(self) -> int:
        """Wait until it exits; return its exit code, 128 + n if signal n killed it."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in the container; return exit code and output."""


class Runtime(Protocol):
    """Starts containers."""

    def refuses(self, image: str, *, has_command: bool) -> str | None:
        """Return why an image cannot be pulled; None if it can."""

    async def start(self, order: Order) -> Running:
        """Start a container.

        Raises:
            StartError: it could not be started.
        """


class ProcessRuntime:
    """Containers as child processes of this one.

    `images` adds to IMAGES; other images need a command in the manifest.
    `hosts` is the cluster's DNS: each key ("mlflow.mlops.svc:5000", "https://mlflow.mlops.svc:5000") is replaced in env
    values.
    """

    def __init__(
        self,
        *,
        hosts: Mapping[str, str] | None = None,
        images: Mapping[str, Sequence[str]] | None = None,
        missing: Sequence[str] = MISSING,
    ) -> None:
        self._hosts = dict(hosts or {})
        self._images = {**IMAGES, **(images or {})}
        self._missing = tuple(missing)
        self._folder = Path(__file__).parents[2]

    def refuses(self, image: str, *, has_command: bool) -> str | None:
        """Return why an image cannot be pulled."""
        known = has_command or _last_word(image) in self._images
        if known and not any(fnmatch(image, pattern) for pattern in self._missing):
            return None
        return f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": {image}: not found'

    async def start(self, order: Order) -> "ProcessRunning":
        """Start the container's process in its own process group, which ends with this process."""
        command = [*(order.command or self._images.get(_last_word(order.image), ())), *order.args]
        if not command:
            raise StartError("no command specified")
        program = sys.executable if command[0] in {"python", "python3"} else command[0]
        env = self.environment(order)
        output, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *command[1:],
                stdin=DEVNULL,
                stdout=write_end,
                stderr=STDOUT,
                env=env,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            os.close(output)
            raise StartError(f'exec: "{command[0]}": {error.strerror}') from error
        finally:
            os.close(write_end)
        return ProcessRunning(process, asyncio.create_task(_copy(output, order.write)), env, self._folder)

    def environment(self, order: Order) -> dict[str, str]:
        """Return the environment of a container's process."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        resolved = {name: self._resolved(value) for name, value in order.env.items()}
        return {**kept, "PYTHONUNBUFFERED": "1", "HOSTNAME": order.pod, "MODEL_HOST": order.address, **resolved}

    def _resolved(self, value: str) -> str:
        for name, address in self._hosts.items():
            host, _, port = name.rpartition(":")
            value = value.replace(f"{host}.cluster.local:{port}", address).replace(name, address)
        return value


def _last_word(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


class ProcessRunning:
    """One container's process."""

    def __init__(self, process: Process, output: asyncio.Task[None], env: Mapping[str, str], folder: Path) -> None:
        self._process, self._output, self._env, self._folder = process, output, env, folder

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait until it exits, and for its last output."""
        code = await self._process.wait()
        self._signal(signal.SIGKILL)  # its children must not outlive it
        with suppress(TimeoutError):
            await asyncio.wait_for(self._output, _DRAIN)
        return 128 - code if code < 0 else code

    def terminate(self) -> None:
        """Ask it to stop."""
        with suppress(ProcessLookupError):
            self._process.terminate()  # as container runtimes do: only the first process gets the signal

    def kill(self) -> None:
        """Kill it and its children."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command with the container's environment."""
        program = sys.executable if command[0] in {"python", "python3"} else command[0]
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *command[1:],
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env=dict(self._env),
                cwd=self._folder,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            return 126, str(error)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return process.returncode or 0, output.decode(errors="replace")


async def _copy(pipe: int, write: Callable[[bytes], None]) -> None:
    """Forward the output of a pipe until all its writers are gone.

    The pipe is not asyncio's, because asyncio regards a process as running until its last descendant closes the pipe.
    """
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    try:
        while chunk := await reader.read(65536):
            write(chunk)
    finally:
        transport.close()
