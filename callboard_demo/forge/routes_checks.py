"""Commit statuses and check runs.  Source: https://docs.github.com/en/rest/commits/statuses and …/checks."""

from typing import Any

from aiohttp import web

from callboard_demo.forge import shapes_pulls as shapes
from callboard_demo.forge.access import TOKEN
from callboard_demo.forge.answers import LOGIN, REPO, Route, answer, body
from callboard_demo.forge.hub import Happening, Hub
from callboard_demo.forge.records import CheckRecord, stamp
from callboard_demo.forge.refused import Refused, custom, not_found

MAX_DESCRIPTION = 140
"""Characters of a status's description."""


async def create_status(hub: Hub, request: web.Request) -> web.Response:
    """Add a status to a commit; the newest of a context counts."""
    wanted, sha = await body(request), request.match_info["sha"]
    if len(wanted.get("description") or "") > MAX_DESCRIPTION:
        raise custom("Status", f"description is too long (maximum is {MAX_DESCRIPTION} characters)")
    status = hub.report(
        sha, str(wanted.get("context", "default")), str(wanted.get("state")), by=request[LOGIN],
        description=wanted.get("description"), url=wanted.get("target_url"),
    )  # fmt: skip
    return answer(shapes.status(hub, status), 201)


async def combined_status(hub: Hub, request: web.Request) -> web.Response:
    """Return the newest status of each context, and the combined state."""
    return answer(shapes.combined(hub, _sha(hub, request)))


def _sha(hub: Hub, request: web.Request) -> str:
    found = hub.git.resolve(request.match_info["ref"])
    if found is None:
        raise not_found()
    return str(found.id)


async def list_checks(hub: Hub, request: web.Request) -> web.Response:
    """Return the newest run of each check, or with `filter=all` every run; `check_name` filters by name."""
    sha, name = _sha(hub, request), request.query.get("check_name")
    every = [check for check in reversed(hub.records.checks) if check.sha == sha]
    runs = every if request.query.get("filter") == "all" else hub.records.checks_of(sha)
    found = [shapes.check(hub, check) for check in runs if name in {None, check.name}]
    return answer({"total_count": len(found), "check_runs": found[: int(request.query.get("per_page", 30))]})


def _for_apps(hub: Hub, request: web.Request) -> None:
    """Refuse callers that are not a GitHub App.  https://docs.github.com/en/rest/checks/runs#create-a-check-run."""
    if request[TOKEN] not in hub.records.tokens:
        raise Refused(403, "You must authenticate via a GitHub App.")


async def create_check(hub: Hub, request: web.Request) -> web.Response:
    """Create a check run, in progress or completed."""
    _for_apps(hub, request)
    wanted = await body(request)
    sha, name = str(wanted.get("head_sha", "")), str(wanted.get("name", ""))
    if not name or hub.git.commit(sha) is None:
        raise Refused(422, "Invalid request.\n\nNo such head_sha, or no name.")
    check = CheckRecord(id=hub.records.next_id(), sha=sha, name=name)
    hub.records.checks.append(check)
    _take(check, wanted)
    _notify(hub, check, "created", request[LOGIN])
    return answer(shapes.check(hub, check), 201)


async def update_check(hub: Hub, request: web.Request) -> web.Response:
    """Update a check run.  A completed one keeps its conclusion, whatever status is set later."""
    _for_apps(hub, request)
    wanted, number = await body(request), request.match_info["number"]
    check = next((check for check in hub.records.checks if str(check.id) == number), None)
    if check is None:
        raise not_found()
    _take(check, wanted)
    _notify(hub, check, "completed" if check.status == "completed" else "created", request[LOGIN])
    return answer(shapes.check(hub, check))


def _take(check: CheckRecord, wanted: dict[str, Any]) -> None:
    for name in ("status", "conclusion", "details_url", "external_id"):
        if name in wanted:
            setattr(check, name, wanted[name])
    output = wanted.get("output") or {}
    check.title, check.summary = output.get("title", check.title), output.get("summary", check.summary)
    if check.conclusion:  # which implies the status
        check.status, check.completed_at = "completed", wanted.get("completed_at") or stamp()


def _notify(hub: Hub, check: CheckRecord, action: str, by: str) -> None:
    hub.changed(Happening(event="check_run", action=action, by=by, check=check))


ROUTES: tuple[Route, ...] = (
    ("POST", REPO + "/statuses/{sha}", create_status),
    ("GET", REPO + "/commits/{ref:.+}/status", combined_status),
    ("GET", REPO + "/commits/{ref:.+}/check-runs", list_checks),
    ("POST", REPO + "/check-runs", create_check),
    ("PATCH", REPO + "/check-runs/{number}", update_check),
)
