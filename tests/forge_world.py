"""A Forge being served on loopback, held against GitHub's description, for any test that needs one.

Not itself a test.  PyGithub blocks, so tests call it through `asyncio.to_thread` while the forge answers in the loop.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.demo.forge import Forge
from tests.contract.openapi import failing_on_complaints, validating

TOKEN = "ghp_the-bots-own-token"
ALICE = "ghp_of-alice"
SECRET = "a secret of webhooks"
FILES: Mapping[str, str] = {
    "manifests/iris-classifier/production/release.yaml": "stage: production\nversion: 1\n",
    "manifests/iris-classifier/production/kustomization.yaml": "resources: [release.yaml]\n",
    "manifests/iris-classifier/staging/release.yaml": "stage: staging\nversion: 2\n",
    "README.md": "# The manifests\n",
}
RELEASE = "manifests/iris-classifier/production/release.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A forge and where it is reached."""

    forge: Forge
    url: str


@asynccontextmanager
async def serving(folder: Path, *, middlewares: Sequence[Middleware] = (), **extra: Any) -> AsyncIterator[Served]:
    """Serve a seeded forge; any answer that GitHub would not give fails the test.

    `middlewares` stand before the check, so that a fault may drop what was answered.
    """
    with failing_on_complaints():
        forge = Forge(
            folder=folder, token=TOKEN, webhook_secret=SECRET, people={ALICE: "alice"},
            middlewares=[*middlewares, validating()], **extra,
        )  # fmt: skip
        forge.seed(FILES)
        async with listening(forge.app) as url:
            await forge.start()
            try:
                yield Served(forge=forge, url=url)
            finally:
                await forge.close()


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve any web application on a free port of loopback; yield its address."""
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
