"""The client for GitHub when GitHub, the network or the settings fail: who can fix it, and what is not done."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.clients.github.client import GitHub
from bot.config.environment import Environment
from bot.domain.errors import Denied, Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import github as reasons
from bot.domain.reasons import systems
from bot.domain.repository import PullState
from bot.rules.wording.reasons import plain
from tests.fixtures.forge_world import (
    BRANCH,
    FILES,
    REPOSITORY,
    TOKEN,
    Served,
    github_client,
    listening,
    proposed,
    serving,
)
from tests.fixtures.github_app_keys import keys
from tests.fixtures.raising import raising

Answer = Callable[[], web.Response]
Refusal = type[reasons.TokenRefused | reasons.NotAllowed | reasons.NotFound]


@dataclass
class Fault:
    """What is wrong with one kind of request (the end of its method and path): it is counted, and not answered well."""

    where: str = "nowhere"
    before: bool = False
    """It fails before it takes effect; else after."""
    answer: Answer | None = None
    """What comes instead; None: the connection is cut."""
    times: int = 0

    def middleware(self) -> Middleware:
        @web.middleware
        async def fail(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not f"{request.method} {request.path}".endswith(self.where):
                return await handler(request)
            self.times += 1
            if not self.before:
                await handler(request)
            return self.answer() if self.answer else self._cut(request)

        return fail

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport:
            request.transport.abort()
        return web.Response()


NOT_ACCESSIBLE = "Resource not accessible by personal access token"


def unreachable(request: str) -> Reason:
    cause = systems.ConnectionFailed()
    return systems.Unreachable(system=systems.GITHUB, during=systems.Request(name=Name(request)), cause=cause)


def unwell(request: str, status: int, words: str) -> Reason:
    during = systems.Request(name=Name(request))
    return systems.Failing(system=systems.GITHUB, during=during, status=status, said=Said(words))


def refusal(kind: Refusal, request: str, words: str, repository: str = REPOSITORY) -> Reason:
    return kind(during=systems.Request(name=Name(request)), repository=Name(repository), said=Said(words))


@asynccontextmanager
async def failing(folder: Path) -> AsyncIterator[tuple[Served, GitHub, Fault]]:
    fault = Fault()
    async with serving(folder, middlewares=[fault.middleware()]) as world, github_client(world.url) as client:
        yield world, client, fault


def saying(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.json_response({"message": message}, status=status, headers=named)


# ── answers that are lost ─────────────────────────────────────────────────────────────────────────────

WRITES = ["/git/trees", "/git/commits", "/git/refs", f"POST /repos/{REPOSITORY}/pulls"]


@pytest.mark.parametrize("where", WRITES)
@pytest.mark.parametrize("before", [False, True])
async def test_a_lost_answer_never_makes_a_second_pull_request(tmp_path: Path, where: str, *, before: bool) -> None:
    async with failing(tmp_path) as (served, github, fault):
        base = await github.base()
        fault.where, fault.before = where, before
        with raising(Temporary, systems.Unreachable):
            await proposed(github, base=base)
        assert fault.times == 1  # a write is sent once
        made = served.forge.head(BRANCH)
        fault.where = "nowhere"
        pull = await proposed(github, base=base)
        assert pull.head == served.forge.head(BRANCH)
        assert made in {None, pull.head}
        assert len(served.forge.state()["pulls"]) == 1


async def test_a_lost_move_of_the_branch_is_made_once(tmp_path: Path) -> None:
    async with failing(tmp_path) as (served, github, fault):
        await proposed(github)
        served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
        fault.where = f"PATCH /repos/{REPOSITORY}/git/refs/heads/{BRANCH}"
        with pytest.raises(Temporary):
            await proposed(github)
        moved = served.forge.head(BRANCH)
        assert (await proposed(github)).head == moved  # found as it should be, so not moved again
        assert (fault.times, len(served.forge.state()["pulls"])) == (1, 1)


async def test_a_lost_answer_to_a_merge_is_looked_up(tmp_path: Path) -> None:
    async with failing(tmp_path) as (served, github, fault):
        pull = await proposed(github)
        fault.where = "/merge"
        merged = await github.merge(pull.number, pull.head)
        assert (merged.state, merged.merge_commit, fault.times) == (PullState.MERGED, served.forge.head(), 1)


async def test_a_merge_that_never_arrived_may_be_tried_again(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        pull = await proposed(github)
        fault.where, fault.before = "/merge", True
        with pytest.raises(Temporary):
            await github.merge(pull.number, pull.head)
        assert (await github.pull(pull.number)).state is PullState.OPEN


async def test_a_lost_answer_to_closing_leaves_one_comment(tmp_path: Path) -> None:
    async with failing(tmp_path) as (served, github, fault):
        pull = await proposed(github)
        for where in (
            "/comments",
            f"PATCH /repos/{REPOSITORY}/pulls/1",
            f"DELETE /repos/{REPOSITORY}/git/refs/heads/{BRANCH}",
        ):
            fault.where = "POST " + f"/repos/{REPOSITORY}/issues/1/comments" if where == "/comments" else where
            with pytest.raises(Temporary):
                await github.close_pull(pull.number, "Vetoed by bob.")
                await github.delete_branch(BRANCH)
        fault.where = "nowhere"
        await github.close_pull(pull.number, "Vetoed by bob.")
        await github.delete_branch(BRANCH)
        [shown] = served.forge.state()["pulls"]
        assert (shown["state"], len(shown["comments"]), served.forge.head(BRANCH)) == ("closed", 1, None)


# ── answers that say no ───────────────────────────────────────────────────────────────────────────────


async def test_a_forge_that_is_down_may_be_there_later(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.before = "", True
        with raising(Temporary, systems.Unreachable):
            await github.base()
        fault.where = "nowhere"
        assert await github.base()


async def test_nobody_there_at_all_may_be_there_later() -> None:
    async with listening(web.Application()) as url:
        pass
    async with github_client(url) as github:
        with raising(Temporary, unreachable("GET /branches/main")):
            await github.base()


async def test_reading_is_tried_again_at_once_when_github_stumbles(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        answers = [
            web.json_response({"message": "Oops"}, status=502),
            web.json_response({"message": "Oops"}, status=503),
        ]

        def stumble() -> web.Response:
            fault.where = "/branches/main" if answers[1:] else "nowhere"
            return answers.pop(0)

        fault.where, fault.before, fault.answer = "/branches/main", True, stumble
        assert await github.base()
        assert fault.times == 2


async def test_a_write_is_never_tried_again_at_once(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.answer = "/git/refs", saying(502, "Server Error")
        with raising(Temporary, unwell("POST /git/refs", 502, "Server Error")):
            await proposed(github)
        assert fault.times == 1


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, reasons.TokenRefused), (403, reasons.NotAllowed), (404, reasons.NotFound), (422, reasons.Refused)],
)
async def test_a_refused_write_is_known_to_have_had_no_effect(tmp_path: Path, status: int, why: type[Reason]) -> None:
    async with failing(tmp_path) as (_, github, fault):
        head = (await proposed(github)).head
        fault.where, fault.before, fault.answer = f"/statuses/{head}", True, saying(status, "no")
        with raising(Denied, why):
            await github.report_approval(head, "success", "2 of 2")


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        pytest.param(saying(403, "You have exceeded a secondary rate limit", Retry_After="7"), 7, id="secondary"),
        pytest.param(saying(403, "You have exceeded a secondary rate limit."), 60, id="secondary-without-a-time"),
        pytest.param(saying(429, "Too many requests", Retry_After="9"), 9, id="too-many"),
    ],
)
async def test_a_rate_limit_says_how_long_to_wait(tmp_path: Path, answer: Answer, after: int) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.before, fault.answer = "/branches/main", True, answer
        with raising(Temporary, systems.RateLimited) as caught:
            await github.base()
        assert (caught.value.after, fault.times) == (timedelta(seconds=after), 1)


async def test_a_used_up_allowance_says_when_it_is_full_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, github_client(served.url) as github:
        await github.base()
        served.forge.access.allowance.limit = 1
        with raising(Temporary, systems.RateLimited) as caught:
            await github.base()
        assert caught.value.after is not None
        assert timedelta(minutes=59) < caught.value.after <= timedelta(minutes=61)
        assert len(served.forge.log) == 2  # it is not tried again at once


async def test_while_github_wants_to_be_left_alone_nothing_is_asked(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.before = "/branches/main", True
        fault.answer = saying(403, "You have exceeded a secondary rate limit", Retry_After="60")
        for _ in range(3):
            with raising(Temporary, systems.RateLimited) as caught:
                await github.base()
            assert caught.value.after is not None
            assert timedelta(seconds=50) < caught.value.after < timedelta(seconds=80)
        assert fault.times == 1


async def test_a_short_pause_is_waited_out_and_reading_tried_once_more(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.before = "/branches/main", True
        fault.answer = saying(429, "Too many requests", Retry_After="1")
        with raising(Temporary, systems.RateLimited):
            await github.base()
        assert fault.times == 2
        fault.where = "nowhere"
        assert await github.base(), "the pause is waited out, and nobody has to come again"


async def test_the_last_request_of_an_allowance_is_answered_and_no_more_are_sent(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, github_client(served.url) as github:
        served.forge.access.allowance.limit = 2
        await github.base()
        assert await github.base()
        with raising(Temporary, reasons.AllowanceUsedUp()) as caught:
            await github.base()
        assert len(served.forge.log) == 2
        assert caught.value.after is not None
        assert caught.value.after > timedelta(minutes=59)


async def test_a_wrong_token_is_the_operators_to_mend_and_is_not_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, github_client(served.url, token="ghp_wrong-one") as github:
        with raising(Permanent, refusal(reasons.TokenRefused, "GET /branches/main", "Bad credentials")) as caught:
            await github.base()
    assert "ghp_" not in f"{caught.value}{plain(caught.value.reason)}"


async def test_a_missing_permission_is_named(tmp_path: Path) -> None:
    async with failing(tmp_path) as (_, github, fault):
        fault.where, fault.before = "/git/trees", True
        fault.answer = saying(403, NOT_ACCESSIBLE)
        with raising(Permanent, refusal(reasons.NotAllowed, "POST /git/trees", NOT_ACCESSIBLE)):
            await proposed(github)


async def test_a_repository_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, github_client(served.url, repository="acme/elsewhere") as github:
        with raising(Permanent, refusal(reasons.NotFound, "GET /branches/main", "Not Found", "acme/elsewhere")):
            await github.base()


async def test_an_address_that_is_not_githubs_is_reported() -> None:
    async def other(_: web.Request) -> web.Response:
        return web.json_response({"welcome": "elsewhere"})

    app = web.Application()
    app.router.add_get("/{path:.*}", other)
    async with listening(app) as url, github_client(url) as github:
        with raising(Permanent, systems.Malformed) as caught:
            await github.base()
    assert isinstance(caught.value.reason, systems.Malformed)
    assert (caught.value.reason.system, caught.value.reason.at) == (systems.GITHUB, url)


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────

REQUIRED = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}


@asynccontextmanager
async def connected(url: str, **settings: str) -> AsyncIterator[GitHub]:
    client = GitHub.connect(REPOSITORY, Environment.read({**REQUIRED, "GITHUB_API_URL": f"{url}/", **settings}))
    try:
        yield client
    finally:
        await client.close()


async def test_a_token_from_the_environment_logs_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, connected(served.url, GITHUB_TOKEN=TOKEN) as github:
        assert (await github.base()).commit == served.forge.head()


async def test_an_app_logs_in_with_one_token_for_all_threads(tmp_path: Path) -> None:
    private, public = keys()
    app = {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": private, "GITHUB_APP_INSTALLATION_ID": "1"}
    async with serving(tmp_path, app_key=public) as served, connected(served.url, **app) as github:
        pull = await proposed(github)
        for _ in range(8):
            await github.files(FILES, await github.base())
        assert (await github.merge(pull.number, pull.head)).state is PullState.MERGED
        assert sum(asked.template.endswith("/access_tokens") for asked in served.forge.log) == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"GITHUB_APP_PRIVATE_KEY": "of another"}, reasons.TokenRefused, id="the-key-of-another-app"),
        pytest.param({"GITHUB_APP_INSTALLATION_ID": "9"}, reasons.NotFound, id="no-such-installation"),
    ],
)
async def test_a_wrong_app_is_the_operators_to_mend(tmp_path: Path, changed: dict[str, str], why: type[Reason]) -> None:
    private, public = keys()
    app = {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": private, "GITHUB_APP_INSTALLATION_ID": "1", **changed}
    if app["GITHUB_APP_PRIVATE_KEY"] == "of another":
        app["GITHUB_APP_PRIVATE_KEY"] = keys()[0]
    async with serving(tmp_path, app_key=public) as served, connected(served.url, **app) as github:
        with raising(Permanent, why) as caught:
            await github.base()
    assert "PRIVATE KEY-----" not in f"{caught.value}{plain(caught.value.reason)}"


async def test_an_installation_that_is_no_number_is_named() -> None:
    app = {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": keys()[0], "GITHUB_APP_INSTALLATION_ID": "acme"}
    with raising(Permanent, reasons.InstallationInvalid()):
        async with connected("http://127.0.0.1:1", **app):
            raise AssertionError("it connected")
