"""The bot as a process: one leads, another takes over, and it stops on request, whatever hangs."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fixtures.chat_world import SECRET, TOKEN, installed, workspace
from tests.fixtures.forge_world import listening
from tests.paths import ROOT
from tests.ports import free_port, silent_port

pytestmark = pytest.mark.slow

HUNG = "GitHub"


@dataclass(slots=True)
class Bot:
    """One process, and where it says how it is."""

    process: asyncio.subprocess.Process
    internal: str
    log: Path

    async def until(self, says: str, within: float = 40) -> None:
        """Wait until its internal listener says this on /readyz."""
        async with asyncio.timeout(within), aiohttp.ClientSession() as http:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                with suppress(aiohttp.ClientError):
                    async with http.get(f"{self.internal}/readyz") as answer:
                        if says in await answer.text():
                            return
                await asyncio.sleep(0.1)

    async def ended(self, number: signal.Signals, within: float = 12) -> int:
        """Send it a signal, and return its exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), within)


async def silent(_: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.sleep(600)
    return web.Response()


async def empty(_: web.Request) -> web.Response:
    """Answer as a registry that holds nothing."""
    return web.json_response({})


def always(answer: Any) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Serve a chat that answers, an empty registry, and a GitHub that takes requests and never answers them."""
    (folder / "app.yaml").write_text("repository: acme/models-gitops\nchannel: C0MLRELEASES\n")
    async with AsyncExitStack() as stack:
        chat = installed(workspace(folder / "chat"))
        slack, registry, github = [
            await stack.enter_async_context(listening(app)) for app in (chat.app, always(empty), always(silent))
        ]
        chat.serve_at(slack)
        yield {
            "SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": f"{slack}/api/",
            "GITHUB_TOKEN": "ghp_x", "GITHUB_API_URL": github, "MLFLOW_TRACKING_URI": registry,
            "KUBECONFIG": str(_kubeconfig(folder)), "DATABASE_URL": f"sqlite:///{folder}/callboard.db",
            "CALLBOARD_CONFIG": str(folder / "app.yaml"), "HOST": "127.0.0.1",
        }  # fmt: skip


def _kubeconfig(folder: Path) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {token: t}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
    )
    return path


@asynccontextmanager
async def bot(environ: dict[str, str], log: Path) -> AsyncIterator[Bot]:
    """Run one bot; kill it at the end if it still runs."""
    ports = {"PORT": str(free_port()), "INTERNAL_PORT": str(free_port())}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=ROOT, stdout=out, stderr=out,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | ports | environ,
        )  # fmt: skip
    try:
        yield Bot(process, f"http://127.0.0.1:{ports['INTERNAL_PORT']}", log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_stops_on_request_even_if_a_system_never_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as environ, bot(environ, tmp_path / "log") as it:
        await it.until(f'"waiting_for": ["{HUNG}"]')
        assert await it.ended(signal.SIGTERM) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("what", ["PORT", "INTERNAL_PORT", "folder"])
async def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, what: str) -> None:
    with silent_port() as port:
        (tmp_path / "file").touch()
        folder = f"{tmp_path}/file"
        told = f"cannot listen on 127.0.0.1, port {port}: Address already in use; "
        wrong = {what: str(port)}
        if what == "folder":
            told = f"the database's folder {folder} cannot be written to: "
            wrong = {"DATABASE_URL": f"sqlite:///{folder}/callboard.db"}
        async with world(tmp_path) as environ, bot(environ | wrong, tmp_path / "log") as it:
            assert await asyncio.wait_for(it.process.wait(), 40) == 1
    (line,) = it.log.read_text().splitlines()
    assert line.startswith(f"callboard: {told}")


async def test_a_second_bot_finds_its_port_taken_before_it_waits_for_the_first(tmp_path: Path) -> None:
    async with world(tmp_path) as environ, bot(environ, tmp_path / "one") as first:
        await first.until(f'"waiting_for": ["{HUNG}"]')
        with silent_port() as port:
            async with bot(environ | {"PORT": str(port)}, tmp_path / "two") as second:
                assert await asyncio.wait_for(second.process.wait(), 40) == 1
    (line,) = second.log.read_text().splitlines()
    assert line.startswith(f"callboard: cannot listen on 127.0.0.1, port {port}: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_second_bot_waits_and_says_so_and_takes_over_however_the_first_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with world(tmp_path) as environ, bot(environ, tmp_path / "one") as first:
        await first.until(f'"waiting_for": ["{HUNG}"]')
        async with bot(environ, tmp_path / "two") as second:
            await second.until("another Callboard works on this record")
            await first.ended(number)
            await second.until(f'"waiting_for": ["{HUNG}"]')
