"""The body of a webhook for each event, in GitHub's format.

Pure.  Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads.
"""

from collections.abc import Callable
from typing import Any, Final

from callboard_demo.forge import shapes, shapes_pulls
from callboard_demo.forge.hub import BRANCH, Happening, Hub
from callboard_demo.forge.refused import not_found

NOTHING = "0" * 40
MOST_COMMITS = 2048


def payload(hub: Hub, happening: Happening) -> dict[str, Any]:
    """Return the body of the delivery."""
    subject = SUBJECTS[happening.event](hub, happening)
    action = {"action": happening.action} if happening.action else {}
    return action | subject | {"repository": shapes.repo(hub), "sender": shapes.user(hub, happening.by)}


def _ping(hub: Hub, _: Happening) -> dict[str, Any]:
    hook = {"type": "Repository", "id": 1, "name": "web", "active": True, "events": sorted(SUBJECTS)}
    return {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": hook}


def _pull(hub: Hub, happening: Happening) -> dict[str, Any]:
    if happening.pull is None:
        raise not_found()
    body: dict[str, Any] = {"number": happening.pull.number, "pull_request": shapes_pulls.pull(hub, happening.pull)}
    if happening.action == "synchronize":
        body |= {"before": happening.before or NOTHING, "after": happening.after}
    return body | ({"changes": dict(happening.changes)} if happening.action == "edited" else {})


def _review(hub: Hub, happening: Happening) -> dict[str, Any]:
    if happening.pull is None or happening.review is None:
        raise not_found()
    review = shapes_pulls.review(hub, happening.pull, happening.review)
    review["state"] = review["state"].lower()  # lower case in webhooks, capitals in the API
    return {"review": review, "pull_request": shapes_pulls.pull_simple(hub, happening.pull)}


def _status(hub: Hub, happening: Happening) -> dict[str, Any]:
    status = happening.status
    commit = hub.git.commit(status.sha) if status else None
    if status is None or commit is None:
        raise not_found()
    holders = [name.removeprefix(BRANCH) for name, sha in hub.git.refs(BRANCH).items() if sha == status.sha]
    return {
        "id": status.id, "sha": status.sha, "name": hub.name, "context": status.context, "state": status.state,
        "description": status.description, "target_url": status.target_url, "commit": shapes.commit(hub, commit),
        "branches": [{"name": name, "protected": name in hub.records.protections} for name in holders],
        "created_at": status.created_at, "updated_at": status.created_at,
    }  # fmt: skip


def _check(hub: Hub, happening: Happening) -> dict[str, Any]:
    if happening.check is None:
        raise not_found()
    return {"check_run": shapes_pulls.check(hub, happening.check)}


def _push(hub: Hub, happening: Happening) -> dict[str, Any]:
    before, after = happening.before, happening.after
    commits = _commits(hub, before, after) if after else []
    return {
        "ref": happening.ref,
        "before": before or NOTHING,
        "after": after or NOTHING,
        "created": before is None,
        "deleted": after is None,
        "forced": bool(before and after and not hub.git.contains(after, before)),
        "base_ref": None,
        "compare": f"{hub.url}/{hub.name}/compare/{(before or NOTHING)[:12]}...{(after or NOTHING)[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": {"name": happening.by, "email": f"{happening.by}@users.noreply.github.test"},
    }


def _commits(hub: Hub, before: str | None, after: str) -> list[dict[str, Any]]:
    start = before or hub.git.head("main")
    without = start if start and start != after else None
    found = list(hub.git.log(after, without=without))[:MOST_COMMITS]
    return [_pushed(hub, str(commit.id)) for commit in reversed(found)]


def _pushed(hub: Hub, sha: str) -> dict[str, Any]:
    commit = hub.git.commit(sha)
    if commit is None:
        raise not_found()
    diff = hub.git.diff(str(commit.parent_ids[0]) if commit.parent_ids else None, sha)
    changed = [(row["status"], row["filename"]) for row in shapes.files(hub, diff, sha)]
    author, committer = shapes.signature(commit.author), shapes.signature(commit.committer)
    words = {"added": {"added", "copied"}, "removed": {"removed"}, "modified": {"modified", "renamed", "changed"}}
    return {
        "id": sha, "tree_id": str(commit.tree.id), "distinct": True, "message": commit.message,
        "timestamp": committer["date"], "url": f"{hub.url}/{hub.name}/commit/{sha}",
        "author": author | {"username": author["name"]}, "committer": committer | {"username": committer["name"]},
        **{key: [path for status, path in changed if status in kinds] for key, kinds in words.items()},
    }  # fmt: skip


SUBJECTS: Final[dict[str, Callable[[Hub, Happening], dict[str, Any]]]] = {
    "ping": _ping,
    "pull_request": _pull,
    "pull_request_review": _review,
    "push": _push,
    "status": _status,
    "check_run": _check,
}
"""The events that are delivered.  To add one, write its subject here and send it in hub.py."""
