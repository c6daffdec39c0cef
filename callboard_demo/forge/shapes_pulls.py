"""The JSON of pull requests, reviews, comments, statuses and checks, field by field as GitHub's OpenAPI has it."""

from typing import Any

from callboard_demo.forge.hub import Hub
from callboard_demo.forge.merging import Mergeability, mergeability, trial
from callboard_demo.forge.records import CheckRecord, Comment, Protection, PullRecord, Review, StatusRecord
from callboard_demo.forge.shapes import files, node, number, repo, repo_url, user

PLACES = {
    "self": "pulls/{n}", "html": "", "issue": "issues/{n}", "comments": "issues/{n}/comments",
    "review_comments": "pulls/{n}/comments", "review_comment": "pulls/comments{{/number}}",
    "commits": "pulls/{n}/commits", "statuses": "statuses/{sha}",
}  # fmt: skip


def page_url(hub: Hub, pull: PullRecord) -> str:
    """Return the URL of the page for people."""
    return f"{hub.url}/{hub.name}/pull/{pull.number}"


def pull_simple(hub: Hub, pull: PullRecord) -> dict[str, Any]:
    """Return a `pull-request-simple`, as lists show it."""
    page = page_url(hub, pull)
    links = {
        name: page if name == "html" else f"{repo_url(hub)}/{path.format(n=pull.number, sha=pull.head_sha)}"
        for name, path in PLACES.items()
    }
    return {
        **{f"{name}_url": url for name, url in links.items() if name != "self"},
        "url": links["self"],
        "_links": {name: {"href": url} for name, url in links.items()},
        "id": number(f"{hub.name}#{pull.number}"), "node_id": node("PullRequest", str(pull.number)),
        "diff_url": f"{page}.diff", "patch_url": f"{page}.patch", "number": pull.number,
        "state": "open" if pull.open else "closed", "locked": False, "draft": pull.draft, "title": pull.title,
        "body": pull.body, "user": user(hub, pull.author), "labels": [label(hub, name) for name in pull.labels],
        "milestone": None, "assignee": None, "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "created_at": pull.created_at, "updated_at": pull.updated_at, "closed_at": pull.closed_at,
        "merged_at": pull.closed_at if pull.merged else None, "merge_commit_sha": trial(hub, pull),
        "head": _side(hub, pull.head, pull.head_sha), "base": _side(hub, pull.base, pull.base_sha),
        "author_association": "CONTRIBUTOR", "auto_merge": None,
    }  # fmt: skip


def _side(hub: Hub, branch: str, sha: str) -> dict[str, Any]:
    label = f"{hub.owner}:{branch}"
    return {"label": label, "ref": branch, "sha": sha, "user": user(hub, hub.owner), "repo": repo(hub)}


def pull(hub: Hub, found: PullRecord) -> dict[str, Any]:
    """Return a `pull-request`, with the fields that lists lack."""
    fork = hub.git.fork(found.base_sha, found.head_sha)
    diff = hub.git.diff(fork, found.head_sha)
    seen = _worked_out(hub, found)
    return pull_simple(hub, found) | {
        "merged": found.merged,
        "mergeable": seen.mergeable,
        "rebaseable": seen.mergeable,
        "mergeable_state": seen.state,
        "merged_by": user(hub, found.merged_by) if found.merged_by else None,
        "comments": len(found.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": sum(1 for _ in hub.git.log(found.head_sha, without=fork)),
        "additions": diff.stats.insertions,
        "deletions": diff.stats.deletions,
        "changed_files": diff.stats.files_changed,
    }


def _worked_out(hub: Hub, found: PullRecord) -> Mergeability:
    """Return whether it can be merged; GitHub computes this in the background, and until then it is null."""
    if not hub.undecided or not found.open:
        return mergeability(hub, found)
    hub.undecided -= 1
    return Mergeability(mergeable=None, state="unknown")


def pull_files(hub: Hub, found: PullRecord) -> list[dict[str, Any]]:
    """Return the `diff-entry` of each file that the pull request changes."""
    return files(hub, hub.git.diff(hub.git.fork(found.base_sha, found.head_sha), found.head_sha), found.head_sha)


def label(hub: Hub, name: str) -> dict[str, Any]:
    """Return a `label`."""
    url = f"{repo_url(hub)}/labels/{name}"
    known = {"id": number(name), "node_id": node("Label", name), "url": url, "name": name}
    return known | {"description": "", "color": "ededed", "default": False}


def comment(hub: Hub, pull: PullRecord, found: Comment) -> dict[str, Any]:
    """Return an `issue-comment`."""
    return {
        "id": found.id,
        "node_id": node("IssueComment", str(found.id)),
        "url": f"{repo_url(hub)}/issues/comments/{found.id}",
        "html_url": f"{page_url(hub, pull)}#issuecomment-{found.id}",
        "issue_url": f"{repo_url(hub)}/issues/{pull.number}",
        "user": user(hub, found.user),
        "body": found.body,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "author_association": "CONTRIBUTOR",
    }


def review(hub: Hub, pull: PullRecord, found: Review) -> dict[str, Any]:
    """Return a `pull-request-review`."""
    url, page = f"{repo_url(hub)}/pulls/{pull.number}", f"{page_url(hub, pull)}#pullrequestreview-{found.id}"
    return {
        "id": found.id,
        "node_id": node("PullRequestReview", str(found.id)),
        "user": user(hub, found.user),
        "body": found.body,
        "state": found.state,
        "html_url": page,
        "pull_request_url": url,
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": found.commit,
        "submitted_at": found.submitted_at,
        "author_association": "CONTRIBUTOR",
    }


def status(hub: Hub, found: StatusRecord) -> dict[str, Any]:
    """Return a `status`."""
    return {
        "id": found.id,
        "node_id": node("StatusContext", str(found.id)),
        "url": f"{repo_url(hub)}/statuses/{found.sha}",
        "avatar_url": f"{hub.url}/avatars/{found.creator}",
        "state": found.state,
        "description": found.description,
        "target_url": found.target_url,
        "context": found.context,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "creator": user(hub, found.creator),
    }


def combined(hub: Hub, sha: str) -> dict[str, Any]:
    """Return a `combined-commit-status`: failure before pending before success; pending if there is none."""
    statuses = hub.records.statuses_of(sha)
    states = {found.state for found in statuses}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = f"{repo_url(hub)}/commits/{sha}"
    latest = [{k: v for k, v in status(hub, found).items() if k != "creator"} for found in statuses]
    return {
        "state": worst, "statuses": latest, "sha": sha, "total_count": len(latest), "repository": repo(hub),
        "commit_url": url, "url": f"{url}/status",
    }  # fmt: skip


def check(hub: Hub, found: CheckRecord) -> dict[str, Any]:
    """Return a `check-run`."""
    url = f"{repo_url(hub)}/check-runs/{found.id}"
    output = {"title": found.title, "summary": found.summary, "text": None, "annotations_count": 0}
    return {
        "id": found.id, "node_id": node("CheckRun", str(found.id)), "head_sha": found.sha, "name": found.name,
        "external_id": found.external_id, "url": url, "html_url": f"{hub.url}/{hub.name}/runs/{found.id}",
        "details_url": found.details_url, "status": found.status, "conclusion": found.conclusion,
        "started_at": found.started_at, "completed_at": found.completed_at,
        "output": output | {"annotations_url": f"{url}/annotations"}, "check_suite": {"id": number(found.sha)},
        "app": None, "pull_requests": [],
    }  # fmt: skip


def protection(hub: Hub, branch: str, found: Protection) -> dict[str, Any]:
    """Return a `branch-protection`, without `restrictions`, as on GitHub if there are none."""
    url = f"{repo_url(hub)}/branches/{branch}/protection"
    checks = [{"context": name, "app_id": None} for name in found.checks]
    return {
        "url": url,
        "required_status_checks": {
            "url": f"{url}/required_status_checks", "strict": found.strict, "contexts": found.checks, "checks": checks,
            "contexts_url": f"{url}/required_status_checks/contexts",
        },
        "required_pull_request_reviews": {
            "url": f"{url}/required_pull_request_reviews", "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False, "required_approving_review_count": found.approvals,
            "require_last_push_approval": False,
        },
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": True},
        "required_linear_history": {"enabled": False}, "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }  # fmt: skip
