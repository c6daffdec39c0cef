"""Access to the simulated GitHub: tokens, Apps, the rate limit, the page, clones, and what a restart keeps."""

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest
from github import Auth, BadCredentialsException, GithubIntegration, RateLimitExceededException, UnknownObjectException

from callboard_demo.forge import Forge
from tests.fixtures.forge_world import (
    AFTER,
    BRANCH,
    FILES,
    RELEASE,
    REPOSITORY,
    TOKEN,
    Served,
    asking,
    client,
    propose,
    serving,
)
from tests.fixtures.github_app_keys import keys


async def test_a_wrong_token_is_nobody(served: Served) -> None:
    with pytest.raises(BadCredentialsException):
        await asking(served, lambda repo: repo.name, token="ghp_wrong")


async def test_without_a_token_nothing_is_shown(served: Served) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{served.url}/repos/{REPOSITORY}") as answer:
        assert answer.status == 401


async def test_another_repository_is_not_there(served: Served) -> None:
    def ask() -> None:
        with client(served.url, Auth.Token(TOKEN)) as connection:
            connection.get_repo("acme/elsewhere")

    with pytest.raises(UnknownObjectException):
        await asyncio.to_thread(ask)


async def test_the_allowance_is_told_and_then_used_up(served: Served) -> None:
    def left() -> tuple[int, int]:
        with client(served.url, Auth.Token(TOKEN)) as connection:
            connection.get_repo(REPOSITORY)
            return connection.rate_limiting[0], connection.get_rate_limit().rate.remaining

    assert await asyncio.to_thread(left) == (4999, 4999)
    served.forge.access.allowance.limit = 1
    with pytest.raises(RateLimitExceededException):
        await asking(served, lambda repo: repo.name)


async def test_an_app_gets_a_token_for_its_installation(tmp_path: Path) -> None:
    private, public = keys()
    app = Auth.AppAuth("12345", private)

    def ask(url: str) -> tuple[str, str]:
        with GithubIntegration(auth=app, base_url=url, retry=None) as integration:
            installation = integration.get_repo_installation("acme", "models-gitops")
            token = integration.get_access_token(installation.id).token
        with client(url, Auth.Token(token)) as connection:
            pull = connection.get_repo(REPOSITORY).get_pull(propose(connection.get_repo(REPOSITORY)))
        return token, pull.user.login

    async with serving(tmp_path, app_key=public) as served:
        token, login = await asyncio.to_thread(ask, served.url)
        assert (token[:4], login) == ("ghs_", "callboard[bot]")
        with pytest.raises(BadCredentialsException):
            await asking(served, lambda repo: repo.name, token=f"{token}x")


async def test_a_foreign_key_opens_nothing(tmp_path: Path) -> None:
    (foreign, _), (_, public) = keys(), keys()

    def ask(url: str) -> None:
        with GithubIntegration(auth=Auth.AppAuth("12345", foreign), base_url=url, retry=None) as integration:
            integration.get_access_token(1)

    async with serving(tmp_path, app_key=public) as served:
        with pytest.raises(BadCredentialsException):
            await asyncio.to_thread(ask, served.url)


async def test_the_page_shows_the_change_and_runs_nothing_of_it(served: Served) -> None:
    evil = "<script>alert(1)</script>"
    number = await asking(served, lambda repo: propose(repo, {RELEASE: f"{AFTER}# {evil}\n"}))
    await asking(served, lambda repo: repo.get_pull(number).edit(title=f"T {evil}", body=evil))
    await asking(served, lambda repo: repo.get_pull(number).create_issue_comment(evil))
    await asking(
        served, lambda repo: repo.get_commit(served.forge.head(BRANCH) or "").create_status("pending", context=evil)
    )
    address = served.forge.state()["pulls"][0]["url"]
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        page = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "<script" not in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for told in ("&lt;script&gt;", "+version: 2", "-version: 1", "open", BRANCH):
        assert told in page


async def test_a_page_that_is_not_there_is_not_found(served: Served) -> None:
    async with aiohttp.ClientSession() as session:
        for path in (f"/{REPOSITORY}/pull/99", "/acme/elsewhere/pull/1", "/nothing"):
            async with session.get(served.url + path) as answer:
                assert answer.status == 404


async def git(*words: str, folder: Path) -> str:
    settings = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    people = {f"GIT_{who}_{what}": "alice" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment, pipe, both = {**os.environ, **settings, **people}, asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec("git", *words, cwd=folder, env=environment, stdout=pipe, stderr=both)
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


async def test_the_repository_is_cloned_and_a_push_moves_the_pull_request(served: Served, tmp_path: Path) -> None:
    number = await asking(served, propose)
    address = f"{served.url}/{REPOSITORY}.git".replace("://", f"://alice:{TOKEN}@")
    await git("clone", "--quiet", "--branch", BRANCH, address, "clone", folder=tmp_path)
    clone = tmp_path / "clone"
    assert {path: (clone / path).read_text() for path in FILES} == {**FILES, RELEASE: AFTER}
    (clone / RELEASE).write_text("version: 9\n")
    await git("commit", "--quiet", "--all", "--message", "By hand", folder=clone)
    await git("push", "--quiet", folder=clone)
    assert served.forge.read(RELEASE, BRANCH) == "version: 9\n"
    assert (await asking(served, lambda repo: repo.get_pull(number))).head.sha == served.forge.head(BRANCH)


async def test_a_clone_needs_a_token(served: Served, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"Authentication failed|could not read Username"):
        await git("clone", f"{served.url}/{REPOSITORY}.git", "clone", folder=tmp_path)


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        number = await asking(served, propose)
        await asking(served, lambda repo: repo.get_pull(number).create_issue_comment("Look."))
        served.forge.protect("main", approvals=1)
        before = str(served.forge.state())
    async with serving(tmp_path) as again:
        assert await asking(again, lambda repo: repo.get_pull(number).mergeable_state) == "blocked"
        assert str(again.forge.state()).replace(again.url, served.url) == before


async def test_a_branch_that_moved_while_the_records_were_lost_is_caught_up_with(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        number = await asking(served, propose)
        records = (tmp_path / "records.json").read_bytes()
        await asking(served, lambda repo: repo.get_pull(number).merge())
    (tmp_path / "records.json").write_bytes(records)
    reopened = Forge(folder=tmp_path, token=TOKEN, webhook_secret="s")
    assert [pull["state"] for pull in reopened.state()["pulls"]] == ["merged"]


async def test_a_seed_is_sown_once(served: Served) -> None:
    head = served.forge.head()
    assert served.forge.seed({"other.yaml": "a: 1\n"}) == head
    assert served.forge.read("other.yaml") is None


async def test_every_change_is_told(served: Served) -> None:
    told: list[int] = []
    served.forge.on_change.append(lambda: told.append(1))
    served.forge.commit({"README.md": "# 2\n"}, "Docs")
    assert told
