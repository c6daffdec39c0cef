"""The status at a pull request's head, by a token and by an App, and how people learn what GitHub waits for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.clients.github.client import GitHub
from bot.clients.github.requester import Credentials, Workers
from bot.domain.reason import Name, Reason
from bot.domain.reasons import github as reasons
from callboard_demo.forge.records import CheckRecord
from tests.contract.forge.openapi import COMPLAINTS
from tests.fixtures.forge_world import ALICE, APP, BRANCH, REPOSITORY, Served, github_client, proposed, raw, serving

OURS = "callboard/approval"
Speaking = tuple[Served, GitHub]


@pytest.fixture(params=["token", "app"])
async def speaking(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Speaking]:
    """Yield the forge and a client of it, with a token and as an App."""
    async with serving(tmp_path) as served:
        credentials = Credentials.token(APP if request.param == "app" else "ghp_the-bots-own-token")
        credentials.by_app = request.param == "app"
        client = GitHub(Workers(REPOSITORY, credentials, served.url))
        yield served, client
        await client.close()


def shown(served: Served) -> list[tuple[str, str, str]]:
    return [(c["name"], c["state"], c["description"]) for c in served.forge.state()["pulls"][0]["checks"]]


def requests(served: Served, method: str) -> int:
    return sum(asked.method == method for asked in served.forge.log)


# ── our own status ────────────────────────────────────────────────────────────────────────────────────


async def test_the_head_has_our_newest_status(speaking: Speaking) -> None:
    served, github = speaking
    pull = await proposed(github)
    served.forge.protect("main", checks=[OURS])
    for state, why in (("pending", "1 of 2"), ("success", "2 of 2"), ("pending", "1 of 2"), ("failure", "vetoed")):
        await github.report_approval(pull.head, state, why)
        [(name, said, told)] = shown(served)
        assert (name, said.replace("in_progress", "pending"), told) == (OURS, state, why)
        assert (await github.pull(pull.number)).withheld == (state != "success")


async def test_a_status_that_is_already_set_is_not_written_again(speaking: Speaking) -> None:
    served, github = speaking
    pull = await proposed(github)
    for state in ("pending", "success", "pending"):
        await github.report_approval(pull.head, state, "1 of 2")
        before = requests(served, "POST") + requests(served, "PATCH")
        await github.report_approval(pull.head, state, "1 of 2")
        assert requests(served, "POST") + requests(served, "PATCH") == before


async def test_a_revocation_is_written_whatever_is_read(speaking: Speaking) -> None:
    served, github = speaking
    pull = await proposed(github)
    served.forge.protect("main", checks=[OURS])
    for state, why in (("failure", "closed"), ("success", "2 of 2"), ("failure", "closed"), ("failure", "closed")):
        before = requests(served, "POST") + requests(served, "PATCH")
        await github.report_approval(pull.head, state, why, force=True)
        assert requests(served, "POST") + requests(served, "PATCH") == before + 1
        assert (await github.pull(pull.number)).withheld == (state != "success")
    [(_, state, why)] = shown(served)
    assert (state, why) == ("failure", "closed")


async def test_a_token_revokes_with_one_request(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    await github.report_approval(pull.head, "success", "2 of 2")
    before = len(served.forge.log)
    await github.report_approval(pull.head, "failure", "vetoed", force=True)
    assert [asked.method for asked in list(served.forge.log)[before:]] == ["POST"]


async def test_a_commit_that_is_gone_cannot_be_merged_and_needs_no_revoking(served: Served, github: GitHub) -> None:
    await github.report_approval("0" * 40, "failure", "vetoed", force=True)
    assert [(asked.method, asked.status) for asked in served.forge.log] == [("POST", 422)]
    COMPLAINTS.clear()  # GitHub answers so without describing it


async def test_a_long_description_is_cut_to_what_github_keeps(speaking: Speaking) -> None:
    served, github = speaking
    pull = await proposed(github)
    await github.report_approval(pull.head, "pending", "word " * 100)
    [(_, _, told)] = shown(served)
    assert (len(told), told[-1]) == (140, "…")
    before = len(served.forge.log)
    await github.report_approval(pull.head, "pending", "word " * 100)
    assert len(served.forge.log) == before + 1


async def test_a_run_of_the_same_name_that_is_another_apps_is_left_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        credentials = Credentials.token(APP)
        credentials.by_app = True
        github = GitHub(Workers(REPOSITORY, credentials, served.url))
        pull = await proposed(github)
        body = {"name": OURS, "head_sha": pull.head, "status": "in_progress", "external_id": "another's"}
        theirs = (await raw(served, "POST", "/check-runs", body, token=APP))["id"]
        await github.report_approval(pull.head, "success", "2 of 2")
        await github.close()
        runs: list[CheckRecord] = served.forge.hub.records.checks
        assert [(run.id == theirs, run.conclusion) for run in runs] == [(True, None), (False, "success")]


# ── what else is missing ──────────────────────────────────────────────────────────────────────────────


async def approved(served: Served, github: GitHub, *checks: str, **protection: Any) -> Callable[[], Awaitable[Any]]:
    """Propose to a protected main and say that it is approved; return how to ask what is missing."""
    pull = await proposed(github)
    served.forge.protect("main", checks=[OURS, *checks], **protection)
    await github.report_approval(pull.head, "success", "2 of 2")

    async def missing() -> tuple[Reason, ...]:
        return await github.missing(await github.pull(pull.number))

    return missing


async def test_a_required_check_is_named_with_its_state(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, "ci/test")
    assert await missing() == (reasons.CheckUnreported(check=Name("ci/test")),)
    served.forge.report("ci/test", "pending", branch=BRANCH)
    assert await missing() == (reasons.CheckPending(check=Name("ci/test")),)
    served.forge.report("ci/test", "error", branch=BRANCH)
    assert await missing() == (reasons.CheckFailed(check=Name("ci/test")),)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param({"status": "in_progress"}, (reasons.CheckPending(check=Name("build")),), id="running"),
        pytest.param({"conclusion": "timed_out"}, (reasons.CheckFailed(check=Name("build")),), id="timed-out"),
        pytest.param({"conclusion": "skipped"}, (), id="skipped"),
    ],
)
async def test_a_required_check_run_is_named_as_well(
    served: Served, github: GitHub, how: dict[str, str], expected: tuple[Reason, ...]
) -> None:
    missing = await approved(served, github, "build")
    head = served.forge.head(BRANCH)
    await raw(served, "POST", "/check-runs", {"name": "build", "head_sha": head, **how}, token=APP)
    assert await missing() == expected


async def test_an_optional_check_is_not_named(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, "ci/test")
    served.forge.report("lint", "failure", branch=BRANCH)
    assert await missing() == (reasons.CheckUnreported(check=Name("ci/test")),)


async def test_failures_come_first_and_a_crowd_is_counted(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, *(f"ci/{n}" for n in range(9)))
    served.forge.report("ci/7", "failure", branch=BRANCH)
    found = await missing()
    assert found[0] == reasons.CheckFailed(check=Name("ci/7"))
    assert (len(found), found[-1]) == (6, reasons.More(count=4))


async def test_reviews_that_github_requires_are_reported(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, approvals=2)
    assert await missing() == (reasons.ReviewsMissing(required=2, given=0),)
    await raw(served, "POST", "/pulls/1/reviews", {"event": "REQUEST_CHANGES", "body": "No."}, token=ALICE)
    assert reasons.ChangesRequestedBy(reviewer=Name("alice")) in await missing()


async def test_unknown_requirements_are_reported_as_unknown(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, locked=True)
    assert await missing() == (reasons.RequirementUnknown(),)


async def test_a_required_status_of_ours_that_could_not_be_written_is_reported(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.protect("main", checks=[OURS])
    blocked = await github.pull(pull.number)
    assert await github.missing(blocked) == (reasons.StatusNotWritable(context=Name(OURS)),)


async def test_a_pull_request_that_is_no_longer_blocked_lacks_nothing(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.protect("main", checks=[OURS])
    blocked = await github.pull(pull.number)
    await github.report_approval(pull.head, "success", "2 of 2")
    assert blocked.withheld
    assert await github.missing(blocked) == ()


async def test_asking_costs_as_much_for_many_checks_as_for_one(served: Served, github: GitHub) -> None:
    missing = await approved(served, github, *(f"ci/{n}" for n in range(40)))
    before = len(served.forge.log)
    await missing()
    assert len(served.forge.log) - before == 5  # one of them is the pull request itself


async def test_a_token_that_may_not_read_checks_still_learns_which_are_required(tmp_path: Path) -> None:
    @web.middleware
    async def forbid(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith("/check-runs"):
            return web.json_response({"message": "Resource not accessible by personal access token"}, status=403)
        return await handler(request)

    async with serving(tmp_path, middlewares=[forbid]) as served, github_client(served.url) as github:
        missing = await approved(served, github, "ci/test")
        assert await missing() == (reasons.CheckUnreadable(check=Name("ci/test")),)
    assert COMPLAINTS == []
