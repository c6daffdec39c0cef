"""The check of the forge's answers is itself able to fail."""

import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.contract.forge.openapi import COMPLAINTS, complaints, failing_on_complaints, validating
from tests.fixtures.forge_world import TOKEN, asking, listening, serving

REPO = "/repos/acme/models-gitops"


def told(method: str, path: str, status: int, body: object, **headers: str) -> list[str]:
    return complaints(method, REPO + path, status, json.dumps(body).encode(), headers)


def test_an_operation_that_github_does_not_have_is_complained_of() -> None:
    assert "no operation" in told("PATCH", "/git/ref/heads/main", 200, {})[0]


def test_a_status_that_github_never_gives_is_complained_of() -> None:
    assert "never answers 418" in told("GET", "/pulls", 418, {})[0]


def test_a_missing_field_is_complained_of() -> None:
    assert any("'full_name' is a required property" in line for line in told("GET", "", 200, {"id": 1}))


def test_a_field_of_a_wrong_type_is_complained_of() -> None:
    ref = {
        "ref": "refs/heads/main",
        "node_id": "x",
        "url": "http://x/y",
        "object": {"type": 1, "sha": "s", "url": "http://x"},
    }
    assert any("['object', 'type']" in line for line in told("GET", "/git/ref/heads/main", 200, ref))


def test_an_error_body_is_held_too() -> None:
    assert told("POST", "/pulls", 422, {"message": "Validation Failed", "errors": [{"field": "head"}]})


@pytest.mark.parametrize(("status", "left", "well"), [(401, "9", True), (403, "0", True), (403, "9", False)])
def test_any_operation_may_ask_for_a_token_or_for_patience(status: int, left: str, *, well: bool) -> None:
    found = told("GET", "/pulls", status, {"message": "…"}, **{"X-RateLimit-Remaining": left})
    assert (found == []) is well


def test_the_longer_path_is_the_one_that_is_meant() -> None:
    assert "'total_count' is a required property" in str(told("GET", "/commits/a/b/status", 200, {"state": "x"}))


async def test_a_wrong_answer_fails_the_test_that_saw_it() -> None:
    async def wrong(_: web.Request) -> web.Response:
        return web.json_response({"sha": 5}, status=200)

    app = web.Application(middlewares=[validating()])
    app.router.add_get(f"{REPO}/git/blobs/{{sha}}", wrong)
    with pytest.raises(pytest.fail.Exception, match="answered as GitHub does not"), failing_on_complaints():
        async with listening(app) as url, aiohttp.ClientSession() as session:
            await (await session.get(f"{url}{REPO}/git/blobs/x")).read()
    assert COMPLAINTS == []


async def test_the_right_answers_of_a_forge_fail_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert await asking(served, lambda repo: repo.name, token=TOKEN) == "models-gitops"
    assert COMPLAINTS == []
