"""Pull requests with their reviews, labels and comments.  Source: https://docs.github.com/en/rest/pulls and /issues."""

from aiohttp import web

from callboard_demo.forge import shapes_pulls as shapes
from callboard_demo.forge.answers import LOGIN, REPO, Route, answer, body, paged
from callboard_demo.forge.hub import Hub
from callboard_demo.forge.merging import Wish, merge, update
from callboard_demo.forge.records import Comment, PullRecord
from callboard_demo.forge.refused import Refused, missing, not_found

PULL = REPO + "/pulls/{number}"
ISSUE = REPO + "/issues/{number}"


def _pull(hub: Hub, request: web.Request) -> PullRecord:
    number = request.match_info["number"]
    if not number.isdecimal():
        raise not_found()
    return hub.pull(int(number))


async def list_pulls(hub: Hub, request: web.Request) -> web.Response:
    """Return pull requests, newest first: `state` open, closed or all; `head` as owner:branch; `base`."""
    asked = request.query
    state, head, base = asked.get("state", "open"), asked.get("head", ""), asked.get("base", "")
    owner, _, branch = head.partition(":")
    chosen = [
        pull
        for pull in hub.records.pulls
        if state in {"all", "open" if pull.open else "closed"}
        and (not branch or (owner, branch) == (hub.owner, pull.head))  # GitHub ignores a head without an owner
        and base in {"", pull.base}
    ]
    newest_first = asked.get("direction", "desc") == "desc"
    return paged(request, chosen[::-1] if newest_first else chosen, lambda pull: shapes.pull_simple(hub, pull))


async def create_pull(hub: Hub, request: web.Request) -> web.Response:
    """Open a pull request."""
    wanted = await body(request)
    pull = hub.open(
        head=str(wanted.get("head", "")), base=str(wanted.get("base", "")), title=str(wanted.get("title", "")),
        body=wanted.get("body"), draft=bool(wanted.get("draft")), by=request[LOGIN],
    )  # fmt: skip
    return answer(shapes.pull(hub, pull), 201)


async def get_pull(hub: Hub, request: web.Request) -> web.Response:
    """Return a pull request."""
    return answer(shapes.pull(hub, _pull(hub, request)))


async def edit_pull(hub: Hub, request: web.Request) -> web.Response:
    """Change title, body, base branch or state."""
    pull = _pull(hub, request)
    hub.edit(pull, await body(request), by=request[LOGIN])
    return answer(shapes.pull(hub, pull))


async def list_files(hub: Hub, request: web.Request) -> web.Response:
    """Return the files that a pull request changes."""
    return paged(request, shapes.pull_files(hub, _pull(hub, request)), lambda entry: entry)


async def list_reviews(hub: Hub, request: web.Request) -> web.Response:
    """Return the reviews, oldest first."""
    pull = _pull(hub, request)
    return paged(request, pull.reviews, lambda review: shapes.review(hub, pull, review))


async def create_review(hub: Hub, request: web.Request) -> web.Response:
    """Approve, request changes, or comment."""
    pull, wanted = _pull(hub, request), await body(request)
    event, text = str(wanted.get("event", "COMMENT")), str(wanted.get("body") or "")
    review = hub.review(pull, event=event, body=text, commit=wanted.get("commit_id"), by=request[LOGIN])
    return answer(shapes.review(hub, pull, review))


async def merge_pull(hub: Hub, request: web.Request) -> web.Response:
    """Merge, if the head is the reviewed one and nothing forbids it."""
    pull, wanted = _pull(hub, request), await body(request)
    wish = Wish(
        by=request[LOGIN], method=str(wanted.get("merge_method", "merge")), sha=wanted.get("sha"),
        title=wanted.get("commit_title"), message=wanted.get("commit_message"),
    )  # fmt: skip
    sha = merge(hub, pull, wish)
    return answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


async def update_branch(hub: Hub, request: web.Request) -> web.Response:
    """Merge the base into the head."""
    pull, wanted = _pull(hub, request), await body(request)
    update(hub, pull, expected=wanted.get("expected_head_sha"), by=request[LOGIN])
    return answer({"message": "Updating pull request branch.", "url": shapes.page_url(hub, pull)}, 202)


async def add_labels(hub: Hub, request: web.Request) -> web.Response:
    """Add labels, creating new ones; return all labels of the pull request."""
    pull, text = _pull(hub, request), await request.json()
    names = text if isinstance(text, list) else text.get("labels", [])
    if not names:
        raise Refused(422, "Invalid request.\n\nNo labels were supplied.")
    pull.labels += [str(name) for name in names if str(name) not in pull.labels]
    hub.changed()
    return answer([shapes.label(hub, name) for name in pull.labels])


async def list_comments(hub: Hub, request: web.Request) -> web.Response:
    """Return the comments, oldest first."""
    pull = _pull(hub, request)
    return paged(request, pull.comments, lambda comment: shapes.comment(hub, pull, comment))


async def create_comment(hub: Hub, request: web.Request) -> web.Response:
    """Add a comment."""
    pull, wanted = _pull(hub, request), await body(request)
    if not wanted.get("body"):
        raise missing("IssueComment", "body")
    comment = Comment(id=hub.records.next_id(), user=request[LOGIN], body=str(wanted["body"]))
    pull.comments.append(comment)
    hub.changed()
    return answer(shapes.comment(hub, pull, comment), 201)


ROUTES: tuple[Route, ...] = (
    ("GET", REPO + "/pulls", list_pulls),
    ("POST", REPO + "/pulls", create_pull),
    ("GET", PULL, get_pull),
    ("PATCH", PULL, edit_pull),
    ("GET", PULL + "/files", list_files),
    ("GET", PULL + "/reviews", list_reviews),
    ("POST", PULL + "/reviews", create_review),
    ("PUT", PULL + "/merge", merge_pull),
    ("PUT", PULL + "/update-branch", update_branch),
    ("POST", ISSUE + "/labels", add_labels),
    ("GET", ISSUE + "/comments", list_comments),
    ("POST", ISSUE + "/comments", create_comment),
)
