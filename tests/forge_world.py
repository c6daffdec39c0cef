"""A Forge being served on loopback, held against GitHub's description, for any test that needs one.

Not itself a test.  PyGithub blocks, so `asking` calls it in a thread while the forge answers in the loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import github
import pytest
from aiohttp import web
from aiohttp.typedefs import Middleware
from github import Auth, GithubException, InputGitTreeElement
from github.Repository import Repository

from bot.clients.github import GitHub
from bot.clients.github_wire import Credentials, Wire
from bot.clock import now
from bot.demo.forge import Forge
from bot.demo.forge.records import spell
from tests.contract.openapi import validating

T = TypeVar("T")
TOKEN = "ghp_the-bots-own-token"
ALICE = "ghp_of-alice"
APP = "ghs_of-the-app"
SECRET = "a secret of webhooks"
FILES: Mapping[str, str] = {
    "manifests/iris-classifier/production/release.yaml": "stage: production\nversion: 1\n",
    "manifests/iris-classifier/production/kustomization.yaml": "resources: [release.yaml]\n",
    "manifests/iris-classifier/staging/release.yaml": "stage: staging\nversion: 2\n",
    "README.md": "# The manifests\n",
}
REPOSITORY = "acme/models-gitops"
BRANCH = "callboard/iris-classifier/production"
AFTER = "stage: production\nversion: 2\n"
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
    forge = Forge(
        folder=folder, token=TOKEN, webhook_secret=SECRET, people={ALICE: "alice"},
        middlewares=[*middlewares, validating()], **extra,
    )  # fmt: skip
    forge.seed(FILES)
    forge.hub.records.tokens[APP] = spell(now() + timedelta(hours=1))
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


@asynccontextmanager
async def door(url: str, *, token: str = TOKEN, repository: str = REPOSITORY) -> AsyncIterator[GitHub]:
    """Yield the bot's own door to the forge at `url`."""
    client = GitHub(Wire(repository, Credentials.token(token), url))
    try:
        yield client
    finally:
        await client.close()


def client(url: str, auth: Auth.Auth, *, lazy: bool = False) -> github.Github:
    """Return PyGithub as it comes, but for its pauses and its second tries."""
    return github.Github(
        auth=auth, base_url=url, lazy=lazy, retry=None, seconds_between_requests=None, seconds_between_writes=None
    )


async def asking(served: Served, ask: Callable[[Repository], T], *, token: str = TOKEN, lazy: bool = False) -> T:
    """Return what `ask` makes of the repository, through PyGithub."""

    def run() -> T:
        with client(served.url, Auth.Token(token), lazy=lazy) as connection:
            return ask(connection.get_repo(REPOSITORY))

    return await asyncio.to_thread(run)


async def raw(served: Served, method: str, path: str, body: object = None, *, token: str = TOKEN) -> Any:
    """Return the JSON of a request that PyGithub has no method for; `path` is below the repository."""

    def ask(repo: Repository) -> Any:
        return repo.requester.requestJsonAndCheck(method, f"{repo.url}{path}", input=body)[1]

    return await asking(served, ask, token=token)


async def refusal(served: Served, ask: Callable[[Repository], object], *, token: str = TOKEN) -> tuple[int, str]:
    """Return the status and all words with which the forge says no."""
    with pytest.raises(GithubException) as caught:
        await asking(served, ask, token=token)
    return said(caught.value)


def said(error: GithubException) -> tuple[int, str]:
    """Return the status of an error, and its message with those of its details."""
    details = [d.get("message") or f"{d['field']} {d['code']}" if isinstance(d, dict) else d
               for d in error.data.get("errors", [])]  # fmt: skip
    return error.status, " | ".join([error.data["message"], *details])


def propose(repo: Repository, files: Mapping[str, str] = {RELEASE: AFTER}, branch: str = BRANCH) -> int:
    """Open a pull request that changes `files`, with the git data API; return its number."""
    main = repo.get_branch("main").commit.commit
    elements = [InputGitTreeElement(path, "100644", "blob", text) for path, text in files.items()]
    tree = repo.create_git_tree(elements, base_tree=repo.get_git_tree(main.tree.sha))
    commit = repo.create_git_commit("Release 2", tree, [repo.get_git_commit(main.sha)])
    repo.create_git_ref(f"refs/heads/{branch}", commit.sha)
    return repo.create_pull("main", branch, title="Release iris-classifier 2 to production", body="Why.").number
