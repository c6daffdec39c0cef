"""The status at a pull request's head: Callboard's own on the approval, and what GitHub requires beside it.

Our status is a commit status, or a check run where the credentials are a GitHub App's: nobody else can create those,
and both can be required by name.  To read one more requirement of GitHub's, add it to `missing`; the number of requests
does not grow with the number of checks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bot.clients.github.pulls import PAGE, read
from bot.clients.github.requester import Calls, Refused
from bot.domain.errors import Permanent
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons import github as reasons
from bot.domain.repository import Pull
from bot.rules.wording.escape import markdown
from bot.rules.wording.redaction import excerpt

CONTEXT: Final = "callboard/approval"
NO_COMMIT: Final = "No commit found"
"""GitHub's text for a commit that it does not have.  https://docs.github.com/en/rest/commits/commits#get-a-commit"""
DESCRIPTION: Final = 140
"""Characters of a status's description.  https://docs.github.com/en/rest/commits/statuses#create-a-commit-status"""
NAME: Final = 140
"""Characters of the name of a check or a reviewer."""
NAMED: Final = 5
"""How many missing requirements are named; the rest are counted."""
PASSED: Final = {"success", "neutral", "skipped"}
"""https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks"""
CheckReason: TypeAlias = reasons.CheckFailed | reasons.CheckPending | reasons.CheckUnreported | reasons.CheckUnreadable
"""Why a check holds a merge up."""


# ── our own status ────────────────────────────────────────────────────────────────────────────────────


def report(calls: Calls, sha: str, state: str, description: str, *, force: bool) -> None:
    """Report `pending`, `success` or `failure` at a commit, unless that is already there (`force`: in any case)."""
    short = description if len(description) <= DESCRIPTION else f"{description[: DESCRIPTION - 1]}…"
    try:
        (_report_check if calls.by_app else _report_status)(calls, sha, state, short, force=force)
    except Refused as refused:
        if not force or NO_COMMIT not in refused.words:
            raise  # else nobody can merge it


def _report_status(calls: Calls, sha: str, state: str, description: str, *, force: bool) -> None:
    if force or (state, description) not in _statuses(calls, sha):
        calls.send("POST", f"/statuses/{sha}", {"state": state, "context": CONTEXT, "description": description})


def _statuses(calls: Calls, sha: str) -> list[tuple[str, str]]:
    statuses = calls.get(f"/commits/{sha}/status", per_page=PAGE)["statuses"]
    return [(status["state"], status["description"]) for status in statuses if status["context"] == CONTEXT]


def _report_check(calls: Calls, sha: str, state: str, description: str, *, force: bool) -> None:
    """Update our newest check run, or create one.

    A completed run keeps its conclusion whatever status it gets, so what becomes pending again needs a new run; the
    newest of a name counts.  https://docs.github.com/en/rest/checks/runs#update-a-check-run
    """
    runs = calls.get(f"/commits/{sha}/check-runs", check_name=CONTEXT, filter="all", per_page=PAGE)["check_runs"]
    ours = max((run for run in runs if run["external_id"] == CONTEXT), key=lambda run: run["id"], default=None)
    wanted = state, description
    if ours is not None and not force and (ours["conclusion"] or "pending", ours["output"]["title"]) == wanted:
        return
    body: Json = {"output": {"title": description, "summary": markdown(description)}}
    body |= {"status": "in_progress"} if state == "pending" else {"conclusion": state}
    if ours is None or (ours["conclusion"] is not None and state == "pending"):
        calls.send("POST", "/check-runs", {"name": CONTEXT, "head_sha": sha, "external_id": CONTEXT, **body})
    else:
        calls.send("PATCH", f"/check-runs/{ours['id']}", body)


# ── what else is missing ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a branch requires of a pull request before it is merged, as far as the token may read it."""

    checks: frozenset[str] = frozenset()
    reviews: int = 0
    queue: bool = False


def missing(calls: Calls, pull: Pull, branch: str) -> tuple[Reason, ...]:
    """Return what GitHub still requires before it merges a blocked pull request, in six requests at most."""
    outcomes, readable = _outcomes(calls, pull.head)
    wanted = _demands(calls, branch)
    found = list(_lacking(outcomes, wanted, reasons.CheckUnreported if readable else reasons.CheckUnreadable))
    if wanted.queue:
        found.append(reasons.QueueRequired(branch=Name(branch)))
    if not found:
        reviews = _readable(calls, f"/pulls/{pull.number}/reviews", [], per_page=PAGE)
        found = list(_unreviewed(reviews, wanted.reviews))
    if not found:
        found = _unexplained(calls.get(f"/pulls/{pull.number}"))
    more = (reasons.More(count=len(found) - NAMED),) if len(found) > NAMED else ()
    return (*found[:NAMED], *more)


def _unexplained(found: Json) -> list[Reason]:
    """Return why a pull request is blocked when no missing check or review was found."""
    if found["draft"]:
        return [reasons.Draft()]
    return [reasons.RequirementUnknown()] if read(found).withheld else []  # else GitHub's answer was stale before


def _outcomes(calls: Calls, sha: str) -> tuple[dict[str, type[CheckReason] | None], bool]:
    """Return the outcome of each status and check run (None: it passed), and whether all could be read."""
    statuses = _readable(calls, f"/commits/{sha}/status", {}, per_page=PAGE)
    runs = _readable(calls, f"/commits/{sha}/check-runs", {}, per_page=PAGE)
    states = {s["context"]: None if s["state"] == "pending" else s["state"] for s in statuses.get("statuses", ())}
    states |= {run["name"]: run["conclusion"] for run in runs.get("check_runs", ())}
    return {name: _outcome(state) for name, state in states.items()}, bool(statuses and runs)


def _outcome(state: str | None) -> type[CheckReason] | None:
    if state is None:
        return reasons.CheckPending
    return None if state in PASSED else reasons.CheckFailed


def _demands(calls: Calls, branch: str) -> Demands:
    """Return what classic protection and the rulesets require together: GitHub enforces both."""
    protection = _readable(calls, f"/branches/{branch}", {}).get("protection") or {}
    classic = (protection.get("required_status_checks") or {}).get("contexts") or ()
    rules: Mapping[str, list[Json]] = {"required_status_checks": [], "pull_request": [], "merge_queue": []}
    for rule in _readable(calls, f"/rules/branches/{branch}", []):
        rules.get(rule["type"], []).append(rule.get("parameters") or {})
    named = (check["context"] for rule in rules["required_status_checks"] for check in rule["required_status_checks"])
    reviews = (rule["required_approving_review_count"] for rule in rules["pull_request"])
    return Demands(
        checks=frozenset(classic).union(named), reviews=max(reviews, default=0), queue=bool(rules["merge_queue"])
    )


def _readable(calls: Calls, path: str, otherwise: Any, **query: int) -> Any:
    """Return what is at a path, or `otherwise` where the token may not read it: this information is optional."""
    try:
        return calls.get(path, **query)
    except Permanent:
        return otherwise


def _lacking(
    outcomes: Mapping[str, type[CheckReason] | None], wanted: Demands, unknown: type[CheckReason]
) -> Iterator[Reason]:
    """Name what blocks the merge, failures first.  If no check is known to be required, any of them may be."""
    kinds = {name: outcomes.get(name, unknown) for name in wanted.checks or outcomes if name != CONTEXT}
    for kind in (reasons.CheckFailed, reasons.CheckPending, unknown):
        yield from (kind(check=Name(name[:NAME])) for name in sorted(kinds) if kinds[name] is kind)
    if CONTEXT in wanted.checks and CONTEXT not in outcomes:
        yield reasons.StatusNotWritable(context=Name(CONTEXT))


def _unreviewed(reviews: Iterable[Json], wanted: int) -> Iterator[Reason]:
    newest = {review["user"]["login"]: review["state"] for review in reviews if review["state"] != "COMMENTED"}
    against = sorted(who for who, state in newest.items() if state == "CHANGES_REQUESTED")
    yield from (reasons.ChangesRequestedBy(reviewer=Name(excerpt(who, NAME))) for who in against)
    given = sum(state == "APPROVED" for state in newest.values())
    if given < wanted:
        yield reasons.ReviewsMissing(required=wanted, given=given)
