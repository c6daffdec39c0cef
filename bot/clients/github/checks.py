"""What stands at a pull request's head: our own word on the approval, and what GitHub waits for beside it.

Our word is a commit status, or a check run where a GitHub App speaks: nobody else may make those, and both can be
required by the name.  To read one more demand of GitHub's, add it to `missing`; the requests stay few, however many
checks there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.clients.github.pulls import PAGE, read
from bot.clients.github.requester import Calls, Refused
from bot.domain.errors import Permanent
from bot.domain.json import Json
from bot.domain.repository import Pull
from bot.rules.wording.escape import markdown
from bot.rules.wording.redaction import excerpt

CONTEXT: Final = "callboard/approval"
GONE: Final = "No commit found"
"""GitHub's word for a commit that it does not have.  https://docs.github.com/en/rest/commits/commits#get-a-commit"""
LONGEST: Final = 140
"""Characters of a status's description.  https://docs.github.com/en/rest/commits/statuses#create-a-commit-status"""
NAMED: Final = 5
"""What is missing is named, up to this many."""
PASSED: Final = {"success", "neutral", "skipped"}
"""https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks"""
PENDING: Final = "is pending"
FAILED: Final = "failed"
UNHEARD: Final = "has not reported yet"
UNREADABLE: Final = "must pass, and the token may not read how it stands"
UNWRITTEN: Final = f"{CONTEXT} is required, and the token may not write it: it needs Commit statuses (an App: Checks)"
DRAFT: Final = "it is a draft: mark it as ready for review there"
UNTOLD: Final = (
    "GitHub does not say what is missing: a review, a conversation to resolve, or another rule of the branch; "
    "look at the pull request there"
)


# ── our own word ──────────────────────────────────────────────────────────────────────────────────────


def say(calls: Calls, sha: str, state: str, description: str, *, anew: bool) -> None:
    """Say `pending`, `success` or `failure` at a commit, unless that is what stands there (`anew`: in any case)."""
    told = description if len(description) <= LONGEST else f"{description[: LONGEST - 1]}…"
    try:
        (_say_check if calls.by_app else _say_status)(calls, sha, state, told, anew=anew)
    except Refused as refused:
        if not anew or GONE not in refused.reason:
            raise  # else nobody can merge it


def _say_status(calls: Calls, sha: str, state: str, told: str, *, anew: bool) -> None:
    if anew or (state, told) not in _standing(calls, sha):
        calls.send("POST", f"/statuses/{sha}", {"state": state, "context": CONTEXT, "description": told})


def _standing(calls: Calls, sha: str) -> list[tuple[str, str]]:
    statuses = calls.get(f"/commits/{sha}/status", per_page=PAGE)["statuses"]
    return [(status["state"], status["description"]) for status in statuses if status["context"] == CONTEXT]


def _say_check(calls: Calls, sha: str, state: str, told: str, *, anew: bool) -> None:
    """Bring our newest run up to date, or make one.

    A run that is completed keeps its conclusion whatever status it gets, so what becomes pending again takes a new one;
    the newest of a name counts.  https://docs.github.com/en/rest/checks/runs#update-a-check-run
    """
    runs = calls.get(f"/commits/{sha}/check-runs", check_name=CONTEXT, filter="all", per_page=PAGE)["check_runs"]
    ours = max((run for run in runs if run["external_id"] == CONTEXT), key=lambda run: run["id"], default=None)
    if ours is not None and not anew and (ours["conclusion"] or "pending", ours["output"]["title"]) == (state, told):
        return
    body: Json = {"output": {"title": told, "summary": markdown(told)}}
    body |= {"status": "in_progress"} if state == "pending" else {"conclusion": state}
    if ours is None or (ours["conclusion"] is not None and state == "pending"):
        calls.send("POST", "/check-runs", {"name": CONTEXT, "head_sha": sha, "external_id": CONTEXT, **body})
    else:
        calls.send("PATCH", f"/check-runs/{ours['id']}", body)


# ── what else is missing ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a branch asks of a pull request before it is merged, as far as it may be read."""

    checks: frozenset[str] = frozenset()
    reviews: int = 0
    queue: bool = False


def missing(calls: Calls, pull: Pull, branch: str) -> tuple[str, ...]:
    """Return what GitHub still wants before it merges a blocked pull request, in six requests at most."""
    seen, readable = _outcomes(calls, pull.head)
    wanted = _demands(calls, branch)
    told = list(_lacking(seen, wanted, UNHEARD if readable else UNREADABLE))
    if wanted.queue:
        told.append(f"{branch} is changed through its merge queue only, which an operator must let Callboard pass")
    if not told:
        reviews = _readable(calls, f"/pulls/{pull.number}/reviews", [], per_page=PAGE)
        told = list(_unreviewed(reviews, wanted.reviews))
    if not told:
        told = _untold(calls.get(f"/pulls/{pull.number}"))
    more = (f"and {len(told) - NAMED} more",) if len(told) > NAMED else ()
    return (*told[:NAMED], *more)


def _untold(found: Json) -> list[str]:
    """Return what is left to say of a pull request that nothing is known to be missing of."""
    if found["draft"]:
        return [DRAFT]
    return [UNTOLD] if read(found).withheld else []  # else GitHub had lagged behind what was said a moment ago


def _outcomes(calls: Calls, sha: str) -> tuple[dict[str, str], bool]:
    """Return what each status and check run is said to do (nothing: it passed), and whether all could be read."""
    statuses = _readable(calls, f"/commits/{sha}/status", {}, per_page=PAGE)
    runs = _readable(calls, f"/commits/{sha}/check-runs", {}, per_page=PAGE)
    said = {s["context"]: None if s["state"] == "pending" else s["state"] for s in statuses.get("statuses", ())}
    said |= {run["name"]: run["conclusion"] for run in runs.get("check_runs", ())}
    return {name: _word(how) for name, how in said.items()}, bool(statuses and runs)


def _word(how: str | None) -> str:
    if how is None:
        return PENDING
    return "" if how in PASSED else FAILED


def _demands(calls: Calls, branch: str) -> Demands:
    """Return what classic protection and the rulesets ask together: GitHub enforces both."""
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
    """Return what is at a path, or something else where we may not read it: it is good to know, and not needed."""
    try:
        return calls.get(path, **query)
    except Permanent:
        return otherwise


def _lacking(seen: Mapping[str, str], wanted: Demands, unheard: str) -> Iterator[str]:
    """Name what keeps the merge: failures first.  Where no check is known to be required, any of them may be."""
    words = {name: seen.get(name, unheard) for name in wanted.checks or seen if name != CONTEXT}
    for word in (FAILED, PENDING, unheard):
        yield from (f"the check {name[:LONGEST]} {word}" for name in sorted(words) if words[name] == word)
    if CONTEXT in wanted.checks and CONTEXT not in seen:
        yield UNWRITTEN


def _unreviewed(reviews: Iterable[Json], wanted: int) -> Iterator[str]:
    newest = {review["user"]["login"]: review["state"] for review in reviews if review["state"] != "COMMENTED"}
    against = sorted(who for who, state in newest.items() if state == "CHANGES_REQUESTED")
    yield from (f"{excerpt(who, LONGEST)} asks for changes in a review there" for who in against)
    given = sum(state == "APPROVED" for state in newest.values())
    if given < wanted:
        yield f"{wanted} approving reviews there, of which {given} are given"
