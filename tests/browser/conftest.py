"""The browser that these tests look with: the system's Chromium, driven by Playwright."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Error, Page, async_playwright

from callboard_demo import page as demo_page
from callboard_demo.page.systems import Systems
from tests.skips import CHROMIUM, skip_without

ARGS = [
    "--no-sandbox",  # tests run as root in containers
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 10_000  # ms that an element may take to be as expected
TOKEN = "the-token-of-this-run"

PageFor = Callable[[Systems], Awaitable[Page]]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser; skips where the system has none."""
    found = skip_without(shutil.which("chromium"), CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(chromium: Browser) -> AsyncIterator[Callable[[str], Awaitable[Page]]]:
    """Opens the address of a page in a new tab; an error in one of its scripts fails the test."""
    wrong: list[Error] = []

    async def opened(url: str) -> Page:
        tab = await chromium.new_page(viewport={"width": 1440, "height": 900})
        tab.set_default_timeout(PATIENCE)
        tab.on("pageerror", lambda error: wrong.append(error))  # noqa: PLW0108  (Playwright marks the listener)
        await tab.goto(url)
        await tab.wait_for_selector("#people .person")
        return tab

    yield opened
    assert wrong == []


@pytest.fixture
async def page_for(open_page: Callable[[str], Awaitable[Page]]) -> AsyncIterator[PageFor]:
    """Serves the page in front of a world, and opens it."""
    async with AsyncExitStack() as stack:

        async def opened(world: Systems) -> Page:
            page = demo_page.Page(world, token=TOKEN)
            server = TestServer(page.app)
            await stack.enter_async_context(server)
            await page.start()
            stack.push_async_callback(page.close)
            return await open_page(str(server.make_url("/")))

        yield opened
