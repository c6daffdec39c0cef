"""Who may control the demo: its own page and scripts with the token, and no other web page."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from callboard_demo.page import Page
from tests.fixtures.canned_world import canned

TOKEN = "the-token-of-this-run"
SAY = {"as": "alice", "channel": "#ml-releases", "text": "Good morning"}


class Browser:
    """Sends requests as a script of this page would, but for what a test changes."""

    def __init__(self, server: TestServer, http: aiohttp.ClientSession) -> None:
        self.port = server.port
        self._http = http

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text."""
        async with self._http.get(f"http://127.0.0.1:{self.port}{path}", headers=_named(headers)) as answer:
            return answer.status, await answer.text()

    async def post(self, *, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """POST a line into the chat; return status and JSON."""
        told = {"Content-Type": "application/json", "X-Callboard-Token": TOKEN} | _named(headers)
        data = json.dumps(SAY).encode() if body is None else body
        async with self._http.post(f"http://127.0.0.1:{self.port}/api/say", data=data, headers=told) as answer:
            return answer.status, await answer.json()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    world = canned(tmp_path)
    page = Page(world, token=TOKEN)
    server = TestServer(page.app)
    async with server, aiohttp.ClientSession() as http:
        await page.start()
        yield Browser(server, http)
    await world.chat.close()


async def test_the_page_itself_may_write(browser: Browser) -> None:
    status, said = await browser.post(Origin=f"http://127.0.0.1:{browser.port}", Sec_Fetch_Site="same-origin")
    assert (status, said["ok"]) == (200, True)


async def test_a_script_with_the_token_may_write(browser: Browser) -> None:
    assert (await browser.post())[0] == 200


async def test_localhost_is_the_same_page(browser: Browser) -> None:
    here = f"localhost:{browser.port}"
    assert (await browser.post(Host=here, Origin=f"http://{here}"))[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/events", "/static/main.js"])
async def test_another_host_is_refused_everywhere(browser: Browser, host: str, path: str) -> None:
    status, said = await browser.get(path, Host=host)
    assert status == 403
    assert "accepts only the Host" in said


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://"])
async def test_another_origin_is_refused_for_reads_and_writes(browser: Browser, origin: str) -> None:
    assert (await browser.post(Origin=origin))[0] == 403
    assert (await browser.get("/api/state", Origin=origin))[0] == 403


async def test_a_browser_that_says_the_request_is_cross_site_is_believed(browser: Browser) -> None:
    assert (await browser.get("/api/events", Sec_Fetch_Site="cross-site"))[0] == 403


async def test_a_link_from_elsewhere_may_open_the_page(browser: Browser) -> None:
    assert (await browser.get("/", Sec_Fetch_Site="cross-site"))[0] == 200


@pytest.mark.parametrize("token", ["", "another", TOKEN.upper(), "ü"])
async def test_a_write_without_the_token_is_refused(browser: Browser, token: str) -> None:
    status, said = await browser.post(X_Callboard_Token=token)
    assert status == 403
    assert ".callboard/token" in said["error"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_can_send_is_refused(browser: Browser, kind: str) -> None:
    assert (await browser.post(Content_Type=kind))[0] == 415


async def test_a_body_above_64_kib_is_refused(browser: Browser) -> None:
    status, said = await browser.post(body=b" " * (64 * 1024 + 1))
    assert status == 413
    assert "65536 bytes" in said["error"]


async def test_an_unknown_path_is_told_in_a_sentence(browser: Browser) -> None:
    status, said = await browser.get("/api/nothing")
    assert (status, json.loads(said)["ok"]) == (404, False)


async def test_no_file_outside_the_static_folder_is_served(browser: Browser) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/"):
        assert (await browser.get(path))[0] in {403, 404}


async def test_every_answer_forbids_foreign_scripts_and_frames(browser: Browser) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/static/main.js", "/api/state", "/api/events", "/nothing"):
            async with http.get(f"http://127.0.0.1:{browser.port}{path}") as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy


async def test_the_page_holds_the_token_and_asks_nothing_of_other_hosts(browser: Browser) -> None:
    _, text = await browser.get("/")
    assert TOKEN in text
    assert "http://" not in text
    assert "https://" not in text
