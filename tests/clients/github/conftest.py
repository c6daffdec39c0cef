"""Every test of this folder may ask for a forge that is served, and for the bot's own client of it."""

from collections.abc import AsyncIterator

import pytest

from bot.clients.github.client import GitHub
from tests.fixtures.forge_world import Served, github_client, served

__all__ = ["github", "served"]


@pytest.fixture
async def github(served: Served) -> AsyncIterator[GitHub]:
    async with github_client(served.url) as client:
        yield client
