"""The git data API: refs, commits, trees and blobs.  Source: https://docs.github.com/en/rest/git."""

from datetime import datetime
from typing import Any

import pygit2
from aiohttp import web

from callboard_demo.forge import shapes
from callboard_demo.forge.answers import LOGIN, REPO, Route, answer, body, decoded, paged
from callboard_demo.forge.hub import BRANCH, Hub
from callboard_demo.forge.refused import Refused, not_found
from callboard_demo.forge.repository import Entry, Signed

PARTS_OF_A_REF = 3


async def get_ref(hub: Hub, request: web.Request) -> web.Response:
    """Return one ref; `ref` in the path is without `refs/`."""
    name = f"refs/{request.match_info['ref']}"
    if sha := hub.git.ref(name):
        return answer(shapes.ref(hub, name, sha))
    raise not_found()


async def matching_refs(hub: Hub, request: web.Request) -> web.Response:
    """Return the refs with this prefix, or an empty list."""
    found = hub.git.refs(f"refs/{request.match_info['ref']}")
    return paged(request, list(found.items()), lambda item: shapes.ref(hub, *item))


async def create_ref(hub: Hub, request: web.Request) -> web.Response:
    """Create a ref to an existing commit."""
    wanted = await body(request)
    name, sha = str(wanted.get("ref", "")), str(wanted.get("sha", ""))
    if not name.startswith("refs/") or len(name.split("/")) < PARTS_OF_A_REF:
        raise Refused(422, "Reference name must start with 'refs/' and have at least three slash-separated components.")
    if hub.git.ref(name):
        raise Refused(422, "Reference already exists")
    if hub.git.commit(sha) is None:
        raise Refused(422, "Object does not exist")
    hub.move(name, sha, by=request[LOGIN])
    response = answer(shapes.ref(hub, name, sha), 201)
    response.headers["Location"] = f"{shapes.repo_url(hub)}/git/{name}"
    return response


async def update_ref(hub: Hub, request: web.Request) -> web.Response:
    """Move a ref: fast-forward only, unless forced."""
    wanted, name = await body(request), f"refs/{request.match_info['ref']}"
    sha, before = str(wanted.get("sha", "")), hub.git.ref(name)
    if before is None:
        raise Refused(422, "Reference does not exist")
    if hub.git.commit(sha) is None:
        raise Refused(422, "Object does not exist")
    _protected(hub, name)
    if not wanted.get("force") and not hub.git.contains(sha, before):
        raise Refused(422, "Update is not a fast forward")
    hub.move(name, sha, by=request[LOGIN])
    return answer(shapes.ref(hub, name, sha))


async def delete_ref(hub: Hub, request: web.Request) -> web.Response:
    """Delete a ref, and close the open pull request of that branch."""
    name = f"refs/{request.match_info['ref']}"
    if hub.git.ref(name) is None:
        raise Refused(422, "Reference does not exist")
    _protected(hub, name)
    hub.move(name, None, by=request[LOGIN])
    return web.Response(status=204)


def _protected(hub: Hub, name: str) -> None:
    if name.removeprefix(BRANCH) in hub.records.protections:
        raise Refused(
            422, f"Protected branch update failed for {name}.\n\nChanges must be made through a pull request."
        )


async def get_commit(hub: Hub, request: web.Request) -> web.Response:
    """Return a git commit."""
    if found := hub.git.commit(request.match_info["sha"]):
        return answer(shapes.git_commit(hub, found))
    raise not_found()


async def create_commit(hub: Hub, request: web.Request) -> web.Response:
    """Store a commit without a ref."""
    wanted = await body(request)
    tree, parents = str(wanted.get("tree", "")), [str(parent) for parent in wanted.get("parents", [])]
    if not isinstance(hub.git.object(tree), pygit2.Tree):
        raise Refused(422, "Tree SHA does not exist")
    if any(hub.git.commit(parent) is None for parent in parents):
        raise Refused(422, "Parent SHA does not exist or is not a commit object")
    if not wanted.get("message"):
        raise Refused(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    author = _signed(wanted.get("author"), request[LOGIN])
    committer = _signed(wanted.get("committer") or wanted.get("author"), request[LOGIN])
    sha = hub.git.write_commit(wanted["message"], tree=tree, parents=parents, author=author, committer=committer)
    found = hub.git.commit(sha)
    if found is None:
        raise not_found()
    return answer(shapes.git_commit(hub, found), 201)


def _signed(wanted: dict[str, str] | None, login: str) -> Signed:
    default = Signed.by(login)
    if not wanted:
        return default
    moment = datetime.fromisoformat(wanted["date"]) if wanted.get("date") else None
    time = int(moment.timestamp()) if moment else default.time
    return Signed(name=wanted["name"], email=wanted["email"], time=time)


async def get_tree(hub: Hub, request: web.Request) -> web.Response:
    """Return a tree by its id, a commit's id, or a branch; any value of `recursive` includes subtrees."""
    sha = request.match_info["sha"]
    named = None if hub.git.tree(sha) else hub.git.resolve(sha)
    found = named.tree if named else hub.git.tree(sha)
    if found is None:
        raise not_found()
    return answer(shapes.tree(hub, found, sha, recursive="recursive" in request.query))


async def create_tree(hub: Hub, request: web.Request) -> web.Response:
    """Store a tree: `base_tree` (a tree or a commit) with entries added, and removed if `sha` is null."""
    wanted = await body(request)
    base = None
    if wanted.get("base_tree"):
        base = hub.git.tree(str(wanted["base_tree"]))
        if base is None:
            raise Refused(422, "base_tree is not a valid tree oid")
    entries = {str(row.get("path", "")): _entry(hub, row) for row in wanted.get("tree", [])}
    if not entries:
        raise Refused(422, "Invalid tree info")
    try:
        sha = hub.git.graft(base, entries) or hub.git.empty_tree()
    except ValueError as error:
        raise Refused(422, f"tree.path contains a malformed path component: {error}") from error
    found = hub.git.tree(sha)
    if found is None:
        raise not_found()
    return answer(shapes.tree(hub, found, sha, recursive=False), 201)


def _entry(hub: Hub, row: dict[str, Any]) -> Entry:
    if row.get("mode") not in {"100644", "100755", "040000", "160000", "120000"}:
        raise Refused(422, "Must supply a valid tree.mode")
    mode = int(row["mode"], 8)
    if isinstance(row.get("content"), str):
        return mode, hub.git.write_blob(row["content"].encode())
    if "sha" not in row:
        raise Refused(422, "Must supply either tree.sha or tree.content")
    if row["sha"] is None:
        return None
    if hub.git.object(str(row["sha"])) is None:
        raise Refused(422, f"tree.sha {row['sha']} is not a valid {row.get('type', 'blob')}")
    return mode, str(row["sha"])


async def get_blob(hub: Hub, request: web.Request) -> web.Response:
    """Return a file's bytes, in base64."""
    found = hub.git.object(request.match_info["sha"])
    if isinstance(found, pygit2.Blob):
        return answer(shapes.blob(hub, found))
    raise not_found()


async def create_blob(hub: Hub, request: web.Request) -> web.Response:
    """Store a file's bytes, given as utf-8 text or in base64."""
    wanted = await body(request)
    content = str(wanted.get("content", ""))
    try:
        data = decoded(content) if wanted.get("encoding") == "base64" else content.encode()
    except ValueError as error:
        raise Refused(422, "content is not valid Base64") from error
    sha = hub.git.write_blob(data)
    return answer({"sha": sha, "url": f"{shapes.repo_url(hub)}/git/blobs/{sha}"}, 201)


ROUTES: tuple[Route, ...] = (
    ("GET", REPO + "/git/ref/{ref:.+}", get_ref),
    ("GET", REPO + "/git/matching-refs/{ref:.+}", matching_refs),
    ("POST", REPO + "/git/refs", create_ref),
    ("PATCH", REPO + "/git/refs/{ref:.+}", update_ref),
    ("DELETE", REPO + "/git/refs/{ref:.+}", delete_ref),
    ("GET", REPO + "/git/commits/{sha}", get_commit),
    ("POST", REPO + "/git/commits", create_commit),
    ("GET", REPO + "/git/trees/{sha:.+}", get_tree),
    ("POST", REPO + "/git/trees", create_tree),
    ("GET", REPO + "/git/blobs/{sha}", get_blob),
    ("POST", REPO + "/git/blobs", create_blob),
)
