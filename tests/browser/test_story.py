"""The main story, as a person lives it on the page: type a command, click ✅ as two others, see "Released".

The whole world of the demo is behind the page, the bot as a process of its own included; only the pods are small.
"""

import io
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from callboard_demo.cluster.scripted import ScriptedRuntime
from callboard_demo.home import Home
from callboard_demo.ports import NAMES, claim
from callboard_demo.world import World
from tests.ports import free_ports

pytestmark = pytest.mark.slow

PATIENCE = 60_000  # ms


@pytest.mark.timeout(420)  # the models are trained first
async def test_a_version_is_released_by_typing_and_clicking(
    tmp_path: Path, open_page: Callable[[str], Awaitable[Page]]
) -> None:
    ports = claim(free_ports(len(NAMES))[0])
    with closing(Home.open(tmp_path / "world", fresh=True)) as home:
        await _released(World(home, ports, out=io.StringIO(), runtime=ScriptedRuntime()), open_page)


async def _released(demo: World, open_page: Callable[[str], Awaitable[Page]]) -> None:
    """Type, react and click until the version is released."""
    async with demo as world:
        page = await open_page(world.page_url)
        await page.click('[data-person="alice"]')
        await page.fill("#line", "/promote iris-classifier production")
        await page.press("#line", "Enter")
        await expect(page.locator(".ephemeral").first).to_contain_text("Started: ", timeout=PATIENCE)
        tick = page.get_by_role("button", name="React with :white_check_mark:")
        await expect(tick).to_have_count(1, timeout=PATIENCE)
        await page.click('[data-person="bob"]')
        await tick.click()
        await page.click('[data-person="carol"]')
        await page.get_by_role("button", name="bob reacted with :white_check_mark:").click()
        await expect(page.locator("body")).to_contain_text("Released v2 to production", timeout=PATIENCE)
        await expect(page.locator("body")).to_contain_text("merged")
    assert world.forge.state()["pulls"][0]["state"] == "merged"
