"""PyGithub, unmodified, goes the whole way against the forge: read, branch, commit, pull request, review, merge."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import github
import pytest
from github import Auth, InputGitTreeElement
from github.Repository import Repository

from tests.forge_world import RELEASE, TOKEN, Served, serving

T = TypeVar("T")
BRANCH = "callboard/iris-classifier/production"
AFTER = "stage: production\nversion: 2\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as world:
        yield world


@contextmanager
def connected(served: Served, token: str = TOKEN, *, lazy: bool = False) -> Iterator[Repository]:
    client = github.Github(
        auth=Auth.Token(token), base_url=served.url, lazy=lazy, seconds_between_requests=None,
        seconds_between_writes=None, retry=None,
    )  # fmt: skip
    with client:
        yield client.get_repo("acme/models-gitops")


async def asking(served: Served, ask: Callable[[Repository], T], *, token: str = TOKEN, lazy: bool = False) -> T:
    def run() -> T:
        with connected(served, token, lazy=lazy) as repo:
            return ask(repo)

    return await asyncio.to_thread(run)


def propose(repo: Repository, files: dict[str, str] | None = None, branch: str = BRANCH) -> int:
    main = repo.get_branch("main").commit.commit
    elements = [InputGitTreeElement(path, "100644", "blob", text) for path, text in (files or {RELEASE: AFTER}).items()]
    tree = repo.create_git_tree(elements, base_tree=repo.get_git_tree(main.tree.sha))
    commit = repo.create_git_commit("Release 2", tree, [repo.get_git_commit(main.sha)])
    repo.create_git_ref(f"refs/heads/{branch}", commit.sha)
    return repo.create_pull("main", branch, title="Release iris-classifier 2 to production", body="Why.").number


@pytest.mark.parametrize("lazy", [False, True])
async def test_a_change_goes_from_branch_to_main(served: Served, *, lazy: bool) -> None:
    def flow(repo: Repository) -> None:
        pull = repo.get_pull(propose(repo))
        assert (pull.mergeable, pull.mergeable_state, pull.changed_files, pull.commits) == (True, "clean", 1, 1)
        assert pull.user.login == "callboard[bot]"
        assert [(f.filename, f.additions, f.deletions) for f in pull.get_files()] == [(RELEASE, 1, 1)]
        assert pull.merge(sha=pull.head.sha).merged
        assert repo.get_pull(pull.number).merged

    await asking(served, flow, lazy=lazy)
    assert served.forge.read(RELEASE) == AFTER
    assert [pull["state"] for pull in served.forge.state()["pulls"]] == ["merged"]


async def test_main_moving_on_keeps_the_other_file(served: Served) -> None:
    number = await asking(served, propose)
    served.forge.commit({"README.md": "# Changed by a person\n"}, "Docs")
    await asking(served, lambda repo: repo.get_pull(number).merge())
    assert (served.forge.read(RELEASE), served.forge.read("README.md")) == (AFTER, "# Changed by a person\n")
