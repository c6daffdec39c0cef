"""Probes: a single attempt with its failure message, and the thresholds of consecutive results.

Not here: the consequences of a failed probe (`containers.py`).
Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from bot.domain.json import Json
from callboard_demo.cluster.runtime import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe of one container."""

    action: Json
    delay: timedelta
    period: timedelta
    timeout: timedelta
    successes: int
    failures: int

    @classmethod
    def read(cls, value: Json) -> "Probe":
        """Return the probe that a container's `readinessProbe` (or another) describes."""
        return cls(
            action=value,
            delay=timedelta(seconds=value.get("initialDelaySeconds", 0)),
            period=timedelta(seconds=value.get("periodSeconds", 10)),
            timeout=timedelta(seconds=value.get("timeoutSeconds", 1)),
            successes=value.get("successThreshold", 1),
            failures=value.get("failureThreshold", 3),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The subject of a probe: one run of a container."""

    address: str
    ports: Mapping[str, int]
    """The container's ports by name."""
    running: Running
    session: aiohttp.ClientSession


async def attempt(action: Json, subject: Subject, patience: timedelta) -> str | None:
    """Run a probe or a lifecycle hook once; return how it failed, or None."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await _act(action, subject)
    except TimeoutError:
        where = _url(action["httpGet"], subject) if "httpGet" in action else ""
        late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f'Get "{where}": {late}' if where else f"command timed out after {patience.total_seconds():g}s"
    except aiohttp.ClientError as error:
        return f'Get "{_url(action["httpGet"], subject)}": {_dialled(error)}'
    except OSError as error:
        return _dialled(error)


async def _act(action: Json, subject: Subject) -> str | None:
    if http := action.get("httpGet"):
        return await _get(http, subject)
    if tcp := action.get("tcpSocket"):
        _, writer = await asyncio.open_connection(tcp.get("host") or subject.address, _port(tcp["port"], subject))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return None
    if command := (action.get("exec") or {}).get("command"):
        code, output = await subject.running.execute(command)
        return None if code == 0 else output.strip() or f"command exited with {code}"
    if pause := action.get("sleep"):
        await asyncio.sleep(pause["seconds"])
    return None


async def _get(http: Json, subject: Subject) -> str | None:
    headers = {"User-Agent": "kube-probe/1.33", **{h["name"]: h["value"] for h in http.get("httpHeaders") or ()}}
    async with subject.session.get(_url(http, subject), headers=headers, ssl=False) as answer:
        body = await answer.content.read(10_240)
    if 200 <= answer.status < 400:
        return None
    return f"HTTP probe failed with statuscode: {answer.status}" if body is not None else None


def _url(http: Json, subject: Subject) -> str:
    scheme, host = http.get("scheme", "HTTP").lower(), http.get("host") or subject.address
    path = http.get("path", "/")
    return f"{scheme}://{host}:{_port(http['port'], subject)}{path if path.startswith('/') else '/' + path}"


def _port(value: Any, subject: Subject) -> int:
    return value if isinstance(value, int) else subject.ports.get(value) or int(value)


def _dialled(error: Exception) -> str:
    inner = getattr(error, "os_error", error)
    number = getattr(inner, "errno", None)
    if number == 111 or isinstance(inner, ConnectionRefusedError):
        return "dial tcp: connect: connection refused"
    return "EOF" if isinstance(error, aiohttp.ServerDisconnectedError) else str(error) or type(error).__name__


async def verdicts(probe: Probe, subject: Subject) -> AsyncIterator[tuple[bool | None, str | None]]:
    """Probe forever; yield after each attempt (the verdict by the thresholds, how this attempt failed)."""
    await asyncio.sleep(probe.delay.total_seconds())
    good = bad = 0
    while True:
        failure = await attempt(probe.action, subject, probe.timeout)
        good, bad = (good + 1, 0) if failure is None else (0, bad + 1)
        verdict = True if good >= probe.successes else False if bad >= probe.failures else None
        yield verdict, failure
        await asyncio.sleep(probe.period.total_seconds())
