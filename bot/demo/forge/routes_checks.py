"""Commit statuses and check runs.  Source: https://docs.github.com/en/rest/commits/statuses and …/checks."""

from typing import Any

from aiohttp import web

from bot.demo.forge import shapes_pulls as shapes
from bot.demo.forge.answers import LOGIN, REPO, Route, answer, body
from bot.demo.forge.hub import Happening, Hub
from bot.demo.forge.records import CheckRecord, StatusRecord, stamp
from bot.demo.forge.refused import Refused, not_found

STATES = {"error", "failure", "pending", "success"}


async def create_status(hub: Hub, request: web.Request) -> web.Response:
    """Add a status to a commit; the newest of a context counts."""
    wanted, sha = await body(request), request.match_info["sha"]
    if hub.git.commit(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    if wanted.get("state") not in STATES:
        raise Refused(422, "Validation Failed", [{"resource": "Status", "field": "state", "code": "invalid"}])
    status = StatusRecord(
        id=hub.records.next_id(), sha=sha, context=wanted.get("context", "default"), state=wanted["state"],
        description=wanted.get("description"), target_url=wanted.get("target_url"), creator=request[LOGIN],
    )  # fmt: skip
    hub.records.statuses.append(status)
    hub.changed(Happening(event="status", by=request[LOGIN], status=status))
    return answer(shapes.status(hub, status), 201)


async def combined_status(hub: Hub, request: web.Request) -> web.Response:
    """Return the newest status of each context, and the worst of them."""
    return answer(shapes.combined(hub, _sha(hub, request)))


def _sha(hub: Hub, request: web.Request) -> str:
    found = hub.git.resolve(request.match_info["ref"])
    if found is None:
        raise not_found()
    return str(found.id)


async def list_checks(hub: Hub, request: web.Request) -> web.Response:
    """Return the newest run of each check."""
    found = [shapes.check(hub, check) for check in hub.records.checks_of(_sha(hub, request))]
    return answer({"total_count": len(found), "check_runs": found})


async def create_check(hub: Hub, request: web.Request) -> web.Response:
    """Start a check run, or record one that is over."""
    wanted = await body(request)
    sha, name = str(wanted.get("head_sha", "")), str(wanted.get("name", ""))
    if not name or hub.git.commit(sha) is None:
        raise Refused(422, "Invalid request.\n\nNo such head_sha, or no name.")
    check = CheckRecord(id=hub.records.next_id(), sha=sha, name=name)
    hub.records.checks.append(check)
    _take(check, wanted)
    _told(hub, check, "created", request[LOGIN])
    return answer(shapes.check(hub, check), 201)


async def update_check(hub: Hub, request: web.Request) -> web.Response:
    """Change a check run."""
    wanted, number = await body(request), request.match_info["number"]
    check = next((check for check in hub.records.checks if str(check.id) == number), None)
    if check is None:
        raise not_found()
    _take(check, wanted)
    _told(hub, check, "completed" if check.status == "completed" else "created", request[LOGIN])
    return answer(shapes.check(hub, check))


def _take(check: CheckRecord, wanted: dict[str, Any]) -> None:
    for name in ("status", "conclusion", "details_url", "external_id"):
        if name in wanted:
            setattr(check, name, wanted[name])
    output = wanted.get("output") or {}
    check.title, check.summary = output.get("title", check.title), output.get("summary", check.summary)
    if check.conclusion:  # which implies the status
        check.status, check.completed_at = "completed", wanted.get("completed_at") or stamp()


def _told(hub: Hub, check: CheckRecord, action: str, by: str) -> None:
    hub.changed(Happening(event="check_run", action=action, by=by, check=check))


ROUTES: tuple[Route, ...] = (
    ("POST", REPO + "/statuses/{sha}", create_status),
    ("GET", REPO + "/commits/{ref:.+}/status", combined_status),
    ("GET", REPO + "/commits/{ref:.+}/check-runs", list_checks),
    ("POST", REPO + "/check-runs", create_check),
    ("PATCH", REPO + "/check-runs/{number}", update_check),
)
