"""The repository, its branches, commits and contents.  Source: https://docs.github.com/en/rest/repos and /commits."""

from typing import Any

import pygit2
from aiohttp import web

from callboard_demo.forge import shapes
from callboard_demo.forge.answers import LOGIN, REPO, Route, answer, body, decoded, paged
from callboard_demo.forge.hub import Hub
from callboard_demo.forge.refused import Refused, not_found
from callboard_demo.forge.shapes_pulls import protection

INLINE = 1_000_000
"""Bytes above which contents come without text.
https://docs.github.com/en/rest/repos/contents#get-repository-content."""


async def get_repo(hub: Hub, _: web.Request) -> web.Response:
    """Return the repository."""
    return answer(shapes.repo(hub))


def _branch(hub: Hub, request: web.Request) -> tuple[str, pygit2.Commit]:
    name = request.match_info["branch"]
    sha = hub.git.head(name)
    commit = hub.git.commit(sha) if sha else None
    if commit is None:
        raise Refused(404, "Branch not found")
    return name, commit


async def get_branch(hub: Hub, request: web.Request) -> web.Response:
    """Return a branch with its commit and protection."""
    name, commit = _branch(hub, request)
    url, kept = f"{shapes.repo_url(hub)}/branches/{name}", hub.records.protections.get(name)
    rules = protection(hub, name, kept) if kept else {"enabled": False}
    return answer(
        {
            "name": name, "commit": shapes.commit(hub, commit), "protected": kept is not None, "protection": rules,
            "protection_url": f"{url}/protection",
            "_links": {"self": url, "html": f"{hub.url}/{hub.name}/tree/{name}"},
        }
    )  # fmt: skip


async def get_protection(hub: Hub, request: web.Request) -> web.Response:
    """Return what a branch requires before a merge."""
    name, _ = _branch(hub, request)
    kept = hub.records.protections.get(name)
    if kept is None:
        raise Refused(404, "Branch not protected")
    return answer(protection(hub, name, kept))


async def get_rules(hub: Hub, request: web.Request) -> web.Response:
    """Return a branch's protection in the form of ruleset rules."""
    kept = hub.records.protections.get(request.match_info["branch"])
    if kept is None:
        return answer([])
    checks = [{"context": name} for name in kept.checks]
    found: list[dict[str, Any]] = [{"type": "pull_request", "parameters": {
        "required_approving_review_count": kept.approvals, "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False, "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }}]  # fmt: skip
    wanted = {"required_status_checks": checks, "strict_required_status_checks_policy": kept.strict}
    found += [{"type": "required_status_checks", "parameters": wanted}] if checks else []
    source = {"ruleset_source_type": "Repository", "ruleset_source": hub.name, "ruleset_id": 1}
    return answer([rule | source for rule in found])


# ── commits ───────────────────────────────────────────────────────────────────────────────────────────


def _commit(hub: Hub, name: str) -> pygit2.Commit:
    found = hub.git.resolve(name)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {name}")
    return found


async def list_commits(hub: Hub, request: web.Request) -> web.Response:
    """Return the history of `sha` (main), newest first; with `path`, the commits that changed it."""
    start = hub.git.resolve(request.query.get("sha", "main"))
    if start is None:
        raise not_found()
    found = list(hub.git.log(str(start.id), path=request.query.get("path", "").strip("/")))
    return paged(request, found, lambda commit: shapes.commit(hub, commit))


async def get_commit(hub: Hub, request: web.Request) -> web.Response:
    """Return the commit of a branch, tag or id, with its changes."""
    found = _commit(hub, request.match_info["ref"])
    diff = hub.git.diff(str(found.parent_ids[0]) if found.parent_ids else None, str(found.id))
    added, removed = diff.stats.insertions, diff.stats.deletions
    stats = {"total": added + removed, "additions": added, "deletions": removed}
    return answer(shapes.commit(hub, found) | {"stats": stats, "files": shapes.files(hub, diff, str(found.id))})


async def compare(hub: Hub, request: web.Request) -> web.Response:
    """Return the commits and changes of `base...head`, from their merge base."""
    first, dots, second = request.match_info["basehead"].partition("...")
    one, other = hub.git.resolve(first.rpartition(":")[2]), hub.git.resolve(second.rpartition(":")[2])
    if not dots or one is None or other is None:
        raise not_found()
    base, head = str(one.id), str(other.id)
    fork = hub.git.fork(base, head)
    parted = hub.git.commit(fork) if fork else None
    if parted is None:
        raise Refused(404, f"No common ancestor between {first} and {second}.")
    ahead, behind = hub.git.distance(head, base)
    word = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}.get((ahead > 0, behind > 0))
    mine = [shapes.commit(hub, commit) for commit in hub.git.log(head, without=base)]
    url, page = f"{shapes.repo_url(hub)}/compare/{first}...{second}", f"{hub.url}/{hub.name}/compare/{first}...{second}"
    return answer(
        {
            "url": url, "html_url": page, "permalink_url": page, "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": shapes.commit(hub, one), "merge_base_commit": shapes.commit(hub, parted),
            "status": word or "identical", "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
            "commits": mine[::-1], "files": shapes.files(hub, hub.git.diff(fork, head), head),
        }
    )  # fmt: skip


# ── contents ──────────────────────────────────────────────────────────────────────────────────────────


async def get_contents(hub: Hub, request: web.Request) -> web.Response:
    """Return a file with its text, or the entries of a folder, at `ref` (main)."""
    at, path = request.query.get("ref", "main"), request.match_info["path"].strip("/")
    commit = hub.git.resolve(at)
    if commit is None:
        raise Refused(404, f"No commit found for the ref {at}")
    found = hub.git.find(commit, path)
    if isinstance(found, pygit2.Tree):
        prefix = f"{path}/" if path else ""
        return answer([shapes.content(hub, item, f"{prefix}{item.name}", at) for item in found])
    if not isinstance(found, pygit2.Blob):
        raise not_found()
    if found.size > INLINE:
        return answer(shapes.content(hub, found, path, at) | {"content": "", "encoding": "none"})
    return answer(shapes.content_file(hub, found, path, at))


async def put_contents(hub: Hub, request: web.Request) -> web.Response:
    """Commit one file on a branch; `sha` must be the blob that it replaces."""
    wanted, path = await body(request), request.match_info["path"].strip("/")
    branch = str(wanted.get("branch", "main"))
    if "message" not in wanted or "content" not in wanted:
        raise Refused(422, 'Invalid request.\n\n"message" and "content" must be supplied.')
    before = _replaceable(hub, path, branch, wanted.get("sha"))
    try:
        text = decoded(wanted["content"])
        sha = hub.commit({path: text}, wanted["message"], branch=branch, by=request[LOGIN])
    except ValueError as error:
        raise Refused(422, f"content is not valid Base64, or the path is malformed: {error}") from error
    commit = _commit(hub, sha)
    found = hub.git.find(commit, path)
    stored = shapes.content(hub, found, path, branch) if found else None
    return answer({"content": stored, "commit": shapes.git_commit(hub, commit)}, 200 if before else 201)


def _replaceable(hub: Hub, path: str, branch: str, sha: str | None) -> bool:
    head = hub.git.resolve(branch)
    if head is None:
        raise Refused(404, f"Branch {branch} not found")
    if branch in hub.records.protections:
        raise Refused(409, "Repository rule violations found\n\nChanges must be made through a pull request.")
    found = hub.git.find(head, path)
    if found is not None and sha is None:
        raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha is not None and (found is None or str(found.id) != sha):
        raise Refused(409, f"{path} does not match {sha}")
    return found is not None


ROUTES: tuple[Route, ...] = (
    ("GET", REPO, get_repo),
    ("GET", REPO + "/branches/{branch:.+}/protection", get_protection),
    ("GET", REPO + "/branches/{branch:.+}", get_branch),
    ("GET", REPO + "/rules/branches/{branch:.+}", get_rules),
    ("GET", REPO + "/commits", list_commits),
    ("GET", REPO + "/compare/{basehead:.+}", compare),
    ("GET", REPO + "/contents/{path:.*}", get_contents),
    ("PUT", REPO + "/contents/{path:.+}", put_contents),
)
LAST: tuple[Route, ...] = (("GET", REPO + "/commits/{ref:.+}", get_commit),)
"""Must come after the routes whose paths it would match too: commits/{ref}/status and commits/{ref}/check-runs."""
