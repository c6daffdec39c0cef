"""The JSON of people, the repository and git objects, field by field as GitHub's OpenAPI has it.

Pure.  Pull requests and checks are in shapes_pulls.py.  Fields that nobody reads are there because the description
requires them.
"""

import base64
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pygit2

from callboard_demo.forge.hub import Hub
from callboard_demo.forge.records import spell
from callboard_demo.forge.repository import kind

USER_PLACES = ("followers", "subscriptions", "organizations", "repos", "received_events")
REPO_PLACES = (
    "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents", "contributors",
    "deployments", "downloads", "events", "forks", "hooks", "issue_comment", "issue_events", "issues", "keys", "labels",
    "languages", "merges", "milestones", "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers",
    "subscription", "tags", "teams", "trees",
)  # fmt: skip
GIT_PLACES = ("commits", "refs", "tags")
PERMISSIONS = {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True}


def number(name: str) -> int:
    """Return a stable id derived from a name."""
    return zlib.crc32(name.encode())


def node(word: str, name: str) -> str:
    """Return an opaque node id."""
    return base64.urlsafe_b64encode(f"{word}:{name}".encode()).decode()


def user(hub: Hub, login: str) -> dict[str, Any]:
    """Return a `simple-user`."""
    url = f"{hub.url}/users/{login}"
    return {
        "login": login,
        "id": number(login),
        "node_id": node("User", login),
        "avatar_url": f"{hub.url}/avatars/{login}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{hub.url}/{login}",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        **{f"{place}_url": f"{url}/{place}" for place in USER_PLACES},
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
    }


def repo_url(hub: Hub) -> str:
    """Return the API URL of the repository."""
    return f"{hub.url}/repos/{hub.name}"


def repo(hub: Hub) -> dict[str, Any]:
    """Return the repository; each of GitHub's shapes of it is a subset of this one."""
    url, page, name = repo_url(hub), f"{hub.url}/{hub.name}", hub.name.partition("/")[2]
    opened = sum(pull.open for pull in hub.records.pulls)
    made = hub.records.created_at
    return {
        "id": number(hub.name), "node_id": node("Repository", hub.name), "name": name, "full_name": hub.name,
        "owner": user(hub, hub.owner), "private": True, "html_url": page, "description": None, "fork": False,
        "url": url,
        "archive_url": f"{url}/{{archive_format}}{{/ref}}", "git_url": f"git:{page}.git", "ssh_url": f"git@{hub.name}",
        "clone_url": f"{page}.git", "svn_url": page, "mirror_url": None, "homepage": None, "language": None,
        **{f"{place}_url": f"{url}/{place}" for place in REPO_PLACES},
        **{f"git_{place}_url": f"{url}/git/{place}{{/sha}}" for place in GIT_PLACES},
        "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 0, "default_branch": "main",
        "open_issues_count": opened, "has_issues": True, "has_projects": False, "has_wiki": False, "has_pages": False,
        "has_discussions": False, "has_downloads": False, "archived": False, "disabled": False, "visibility": "private",
        "pushed_at": made, "created_at": made, "updated_at": made, "subscribers_count": 0, "network_count": 0,
        "license": None, "forks": 0, "open_issues": opened, "watchers": 0, "permissions": PERMISSIONS,
        "allow_merge_commit": "merge" in hub.methods, "allow_squash_merge": "squash" in hub.methods,
        "allow_rebase_merge": "rebase" in hub.methods,
    }  # fmt: skip


def ref(hub: Hub, name: str, sha: str) -> dict[str, Any]:
    """Return a `git-ref`; `name` is in full (refs/heads/main).  Its url has `refs`, although it is read from `ref`."""
    url = f"{repo_url(hub)}/git"
    target = {"type": "commit", "sha": sha, "url": f"{url}/commits/{sha}"}
    return {"ref": name, "node_id": node("Ref", name), "url": f"{url}/{name}", "object": target}


def signature(who: pygit2.Signature) -> dict[str, str]:
    """Return the author and time of a commit."""
    moment = datetime.fromtimestamp(who.time, timezone(timedelta(minutes=who.offset))).astimezone(UTC)
    return {"name": who.name, "email": who.email, "date": spell(moment)}


def git_commit(hub: Hub, commit: pygit2.Commit) -> dict[str, Any]:
    """Return a `git-commit`: git's view."""
    url, page = f"{repo_url(hub)}/git", f"{hub.url}/{hub.name}/commit"
    return {
        "sha": str(commit.id),
        "node_id": node("Commit", str(commit.id)),
        "url": f"{url}/commits/{commit.id}",
        "html_url": f"{page}/{commit.id}",
        "author": signature(commit.author),
        "committer": signature(commit.committer),
        "message": commit.message,
        "tree": {"sha": str(commit.tree.id), "url": f"{url}/trees/{commit.tree.id}"},
        "parents": [_parent(hub, parent) for parent in commit.parent_ids],
        "verification": UNSIGNED,
    }


UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def _parent(hub: Hub, sha: pygit2.Oid) -> dict[str, str]:
    return {"sha": str(sha), "url": f"{repo_url(hub)}/commits/{sha}", "html_url": f"{hub.url}/{hub.name}/commit/{sha}"}


def commit(hub: Hub, found: pygit2.Commit) -> dict[str, Any]:
    """Return a `commit`: GitHub's view, with the people."""
    url, inner = f"{repo_url(hub)}/commits/{found.id}", git_commit(hub, found)
    author, committer = (user(hub, who.name) for who in (found.author, found.committer))
    return {
        "sha": inner["sha"], "node_id": inner["node_id"], "url": url, "html_url": inner["html_url"],
        "comments_url": f"{url}/comments",
        "commit": {
            "url": inner["url"], "author": inner["author"], "committer": inner["committer"], "message": found.message,
            "comment_count": 0, "tree": inner["tree"], "verification": UNSIGNED,
        },
        "author": author, "committer": committer, "parents": inner["parents"],
    }  # fmt: skip


def tree(hub: Hub, found: pygit2.Tree, sha: str, *, recursive: bool) -> dict[str, Any]:
    """Return a `git-tree`; `sha` is the requested id, which GitHub repeats."""
    url = f"{repo_url(hub)}/git/trees/{sha}"
    return {"sha": sha, "url": url, "truncated": False, "tree": _entries(hub, found, "", recursive=recursive)}


def _entries(hub: Hub, found: pygit2.Tree, under: str, *, recursive: bool) -> list[dict[str, Any]]:
    rows = []
    for item in found:
        path, word = f"{under}{item.name}", kind(item)
        row = {"path": path, "mode": f"{item.filemode:06o}", "type": word, "sha": str(item.id)}
        row["url"] = f"{repo_url(hub)}/git/{word}s/{item.id}"
        rows.append(row | ({"size": item.size} if isinstance(item, pygit2.Blob) else {}))
        if recursive and isinstance(item, pygit2.Tree):
            rows += _entries(hub, item, f"{path}/", recursive=True)
    return rows


def blob(hub: Hub, found: pygit2.Blob) -> dict[str, Any]:
    """Return a `blob`, in base64."""
    sha = str(found.id)
    content, url = base64.encodebytes(found.data).decode(), f"{repo_url(hub)}/git/blobs/{sha}"
    return {
        "sha": sha,
        "node_id": node("Blob", sha),
        "size": found.size,
        "url": url,
        "content": content,
        "encoding": "base64",
    }


def content(hub: Hub, item: pygit2.Object, path: str, at: str) -> dict[str, Any]:
    """Return one entry of a directory (a file without its text) at the ref `at`."""
    word = "dir" if isinstance(item, pygit2.Tree) else "file"
    url, page = f"{repo_url(hub)}/contents/{path}?ref={at}", f"{hub.url}/{hub.name}"
    git_url = f"{repo_url(hub)}/git/{kind(item)}s/{item.id}"
    html = f"{page}/{'tree' if word == 'dir' else 'blob'}/{at}/{path}"
    return {
        "name": path.rpartition("/")[2], "path": path, "sha": str(item.id), "type": word,
        "size": item.size if isinstance(item, pygit2.Blob) else 0, "url": url, "git_url": git_url, "html_url": html,
        "download_url": f"{page}/raw/{at}/{path}" if word == "file" else None,
        "_links": {"self": url, "git": git_url, "html": html},
    }  # fmt: skip


def content_file(hub: Hub, item: pygit2.Blob, path: str, at: str) -> dict[str, Any]:
    """Return one file with its text, in base64."""
    text = base64.encodebytes(item.data).decode()
    return content(hub, item, path, at) | {"content": text, "encoding": "base64"}


def files(hub: Hub, found: pygit2.Diff, at: str) -> list[dict[str, Any]]:
    """Return the `diff-entry` of each file that differs."""
    return [_file(hub, patch, at) for patch in found if patch is not None]


STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


def _file(hub: Hub, patch: pygit2.Patch, at: str) -> dict[str, Any]:
    delta, page = patch.delta, f"{hub.url}/{hub.name}"
    path = delta.new_file.path
    _, added, removed = patch.line_stats
    hunks = (patch.text or "").partition("\n@@")
    row: dict[str, Any] = {
        "sha": str(delta.new_file.id if delta.status_char() != "D" else delta.old_file.id), "filename": path,
        "status": STATUSES[delta.status_char()], "additions": added, "deletions": removed, "changes": added + removed,
        "blob_url": f"{page}/blob/{at}/{path}", "raw_url": f"{page}/raw/{at}/{path}",
        "contents_url": f"{repo_url(hub)}/contents/{path}?ref={at}",
    }  # fmt: skip
    if hunks[1]:
        row["patch"] = "@@" + hunks[2].rstrip("\n")
    if delta.old_file.path != path:
        row["previous_filename"] = delta.old_file.path
    return row
