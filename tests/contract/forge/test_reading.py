"""What is read from the forge is what git holds, in GitHub's shapes."""

import pytest
from github.ContentFile import ContentFile
from github.Repository import Repository

from tests.contract.forge.openapi import COMPLAINTS
from tests.fixtures.forge_world import APP, BRANCH, FILES, RELEASE, Served, asking, propose, raw, refusal


async def test_a_folder_lists_and_a_file_shows_its_text(served: Served) -> None:
    def read(repo: Repository) -> tuple[list[tuple[str, str]], bytes]:
        listed, file = repo.get_contents("manifests/iris-classifier"), repo.get_contents(RELEASE)
        assert isinstance(listed, list)
        assert isinstance(file, ContentFile)
        return [(item.name, item.type) for item in listed], file.decoded_content

    assert await asking(served, read) == ([("production", "dir"), ("staging", "dir")], FILES[RELEASE].encode())


async def test_a_listed_file_completes_itself_at_the_same_commit(served: Served) -> None:
    old = served.forge.head() or ""
    served.forge.commit({RELEASE: "later\n"}, "Later")

    def read(repo: Repository) -> list[bytes]:
        listed = repo.get_contents("manifests/iris-classifier/production", ref=old)
        assert isinstance(listed, list)
        return [file.decoded_content for file in listed if file.path == RELEASE]

    assert await asking(served, read) == [FILES[RELEASE].encode()]


@pytest.mark.parametrize("ref", ["main", "heads/main", "refs/heads/main"])
async def test_a_commit_is_known_by_each_name_of_its_branch(served: Served, ref: str) -> None:
    commit = await asking(served, lambda repo: repo.get_commit(ref))
    assert (commit.sha, commit.commit.message) == (served.forge.head(), "Seed")
    assert {file.filename for file in commit.files} == FILES.keys()


async def test_a_tree_is_shown_whole_or_one_level_deep(served: Served) -> None:
    flat = await asking(served, lambda repo: [(e.path, e.type) for e in repo.get_git_tree("main").tree])
    deep = await asking(served, lambda repo: {e.path for e in repo.get_git_tree("main", recursive=True).tree})
    assert flat == [("README.md", "blob"), ("manifests", "tree")]
    assert deep >= FILES.keys()


async def test_a_blob_comes_back_as_it_went(served: Served) -> None:
    def there_and_back(repo: Repository) -> tuple[str, str]:
        sha = repo.create_git_blob("häh\n", "utf-8").sha
        blob = repo.get_git_blob(sha)
        return blob.encoding, (
            repo.get_git_blob(repo.create_git_blob(blob.content, "base64").sha).sha == sha and sha
        ) or ""

    encoding, sha = await asking(served, there_and_back)
    assert (encoding, bool(sha)) == ("base64", True)


async def test_history_follows_a_path(served: Served) -> None:
    served.forge.commit({"README.md": "# 2\n"}, "Docs")
    served.forge.commit({RELEASE: "version: 3\n"}, "Release 3")
    assert await asking(served, lambda repo: [c.commit.message for c in repo.get_commits()]) == [
        "Release 3",
        "Docs",
        "Seed",
    ]
    of_path = await asking(served, lambda repo: [c.commit.message for c in repo.get_commits(path=RELEASE)])
    of_branch = await asking(
        served, lambda repo: [c.commit.message for c in repo.get_commits(sha=served.forge.head() or "")]
    )
    assert (of_path, len(of_branch)) == (["Release 3", "Seed"], 3)


async def test_refs_are_found_by_their_beginning(served: Served) -> None:
    await asking(served, propose)
    found = await asking(served, lambda repo: [ref.ref for ref in repo.get_git_matching_refs("heads/callboard/")])
    assert found == [f"refs/heads/{BRANCH}"]
    assert await asking(served, lambda repo: list(repo.get_git_matching_refs("heads/none"))) == []
    ref = await asking(served, lambda repo: repo.get_git_ref(f"heads/{BRANCH}"))
    assert ref.object.sha == served.forge.head(BRANCH)


async def test_a_ref_that_was_read_can_be_moved_and_deleted(served: Served) -> None:
    """Not lazy, PyGithub takes the address from the answer: `/git/refs/…`."""
    await asking(served, propose)
    head = served.forge.head() or ""

    def move(repo: Repository) -> None:
        ref = repo.get_git_ref(f"heads/{BRANCH}")
        ref.edit(head, force=True)
        ref.delete()

    await asking(served, move)
    assert served.forge.head(BRANCH) is None


async def test_a_comparison_counts_both_sides(served: Served) -> None:
    await asking(served, propose)
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    found = await asking(served, lambda repo: repo.compare("main", BRANCH))
    assert (found.status, found.ahead_by, found.behind_by) == ("diverged", 1, 1)
    assert [file.filename for file in found.files] == [RELEASE]
    same = await asking(served, lambda repo: repo.compare("main", "main"))
    assert (same.status, same.total_commits) == ("identical", 0)


async def test_files_are_committed_one_by_one(served: Served) -> None:
    def change(repo: Repository) -> None:
        repo.create_file("new.yaml", "Add", "a: 1\n")
        file = repo.get_contents("new.yaml")
        assert isinstance(file, ContentFile)
        repo.update_file("new.yaml", "Change", "a: 2\n", file.sha)

    await asking(served, change)
    assert served.forge.read("new.yaml") == "a: 2\n"


async def test_protection_is_told_by_branch_and_by_rules(served: Served) -> None:
    assert await raw(served, "GET", "/rules/branches/main") == []
    assert not await asking(served, lambda repo: repo.get_branch("main").protected)
    served.forge.protect("main", checks=["ci/test"], approvals=2, strict=True)
    protection = await asking(served, lambda repo: repo.get_branch("main").get_protection())
    reviews, checks = protection.required_pull_request_reviews, protection.required_status_checks
    assert (reviews.required_approving_review_count, checks.contexts, checks.strict) == (2, ["ci/test"], True)
    rules = await raw(served, "GET", "/rules/branches/main")
    assert {rule["type"] for rule in rules} == {"pull_request", "required_status_checks"}


async def test_the_newest_status_of_a_context_counts(served: Served) -> None:
    await asking(served, propose)
    sha = served.forge.head(BRANCH) or ""

    def tell(repo: Repository) -> tuple[str, int]:
        for context, state in (("a", "pending"), ("b", "success"), ("a", "failure"), ("a", "success")):
            repo.get_commit(sha).create_status(state, "https://example.test/", "…", context)
        found = repo.get_commit(sha).get_combined_status()
        return found.state, found.total_count

    assert await asking(served, tell) == ("success", 2)


async def test_a_check_run_goes_from_queued_to_completed(served: Served) -> None:
    sha = served.forge.head() or ""

    def run(repo: Repository) -> list[tuple[str, str, str]]:
        check = repo.create_check_run("test", sha, status="queued")
        check.edit(status="in_progress", output={"title": "Half", "summary": "…"})
        check.edit(conclusion="success")
        return [(c.name, c.status, c.conclusion) for c in repo.get_commit(sha).get_check_runs()]

    assert await asking(served, run, token=APP) == [("test", "completed", "success")]
    assert await refusal(served, run) == (403, "You must authenticate via a GitHub App.")
    COMPLAINTS.clear()  # GitHub answers so without describing it


async def test_a_completed_check_run_is_not_opened_again_but_a_newer_one_of_its_name_counts(served: Served) -> None:
    sha = served.forge.head() or ""

    def run(repo: Repository) -> list[list[tuple[str, str]]]:
        check = repo.create_check_run("test", sha, conclusion="success")
        check.edit(status="in_progress")
        repo.create_check_run("test", sha, status="in_progress")
        shown = (repo.get_commit(sha).get_check_runs(check_name="test", filter=which) for which in ("all", "latest"))
        return [[(c.status, c.conclusion) for c in runs] for runs in shown]

    newest, oldest = ("in_progress", None), ("completed", "success")
    assert await asking(served, run, token=APP) == [[newest, oldest], [newest]]
