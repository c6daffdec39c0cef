"""The forge as a whole: its web application, its state on disk, and what people do with it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.domain.json import Json
from callboard_demo.forge import routes_app, routes_checks, routes_git, routes_pulls, routes_repos
from callboard_demo.forge.access import TOKEN, Access, Asked
from callboard_demo.forge.answers import answer
from callboard_demo.forge.clone import git
from callboard_demo.forge.hooks import Delivery, Hooks
from callboard_demo.forge.hub import Hub
from callboard_demo.forge.merging import mergeability
from callboard_demo.forge.page import diff_text, pull_page, state_of
from callboard_demo.forge.records import Protection, PullRecord
from callboard_demo.forge.shapes_pulls import page_url

LARGEST_BODY = 1 << 28
ROUTES = (
    *routes_app.ROUTES,
    *routes_git.ROUTES,
    *routes_pulls.ROUTES,
    *routes_checks.ROUTES,
    *routes_repos.ROUTES,
    *routes_repos.LAST,
)


class Forge:
    """One repository on a forge.

    `token` is the bot's; `people` adds tokens of others (token → login).  `app_key` is the public key (PEM) of a
    GitHub App whose installation number 1 is the same bot.  `url` is where it is reached; by default, it is taken from
    the first request.
    """

    def __init__(  # noqa: PLR0913  # each is one thing that a person sets up on GitHub
        self,
        *,
        folder: Path,
        token: str,
        webhook_secret: str,
        repository: str = "acme/models-gitops",
        url: str = "",
        login: str = "callboard[bot]",
        people: Mapping[str, str] | None = None,
        app_key: str | None = None,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self.hub = Hub(name=repository, login=login, folder=folder)
        self.hub.url = url.rstrip("/")
        self.access = Access(self.hub, tokens={token: login, **(people or {})}, app_key=app_key)
        self._hooks = Hooks(self.hub, secret=webhook_secret)
        self.app = web.Application(middlewares=[*middlewares, self.access.middleware()], client_max_size=LARGEST_BODY)
        for method, path, handler in ROUTES:
            self.app.router.add_route(method, path, partial(handler, self.hub))
        self.app.router.add_get("/rate_limit", self._rate_limit)
        self.app.router.add_get("/{owner}/{repo}/pull/{number}", partial(pull_page, self.hub))
        self.app.router.add_route("*", f"/{repository}.git/{{rest:.+}}", partial(git, self.hub, self.access, folder))

    async def _rate_limit(self, request: web.Request) -> web.Response:
        numbers = self.access.allowance.numbers(request[TOKEN])
        return answer({"resources": {"core": numbers, "search": numbers}, "rate": numbers})

    async def start(self) -> None:
        """Start to deliver webhooks; `app` must be served by then."""
        await self._hooks.start()

    async def close(self) -> None:
        """Stop delivering; everything else is already on disk."""
        await self._hooks.close()

    def connect(self, url: str) -> None:
        """Deliver webhooks to this address from now on."""
        self._hooks.connect(url)

    # ── for tests and the page ────────────────────────────────────────────────────────────────────────

    @property
    def on_change(self) -> list[Callable[[], None]]:
        """Return the callbacks that run after every change."""
        return self.hub.on_change

    @property
    def log(self) -> deque[Asked]:
        """Return the requests, oldest first."""
        return self.access.log

    @property
    def deliveries(self) -> deque[Delivery]:
        """Return the attempted webhook deliveries, oldest first."""
        return self._hooks.deliveries

    def state(self) -> Json:
        """Return the repository and its pull requests, newest first, for the page."""
        pulls = [self._pull(pull) for pull in reversed(self.hub.records.pulls)]
        return {"repository": self.hub.name, "head": self.head(), "pulls": pulls}

    def _pull(self, pull: PullRecord) -> Json:
        statuses = [(s.context, s.state, s.description) for s in self.hub.records.statuses_of(pull.head_sha)]
        runs = [(c.name, c.conclusion or c.status, c.title) for c in self.hub.records.checks_of(pull.head_sha)]
        return {
            "number": pull.number, "title": pull.title, "body": pull.body, "state": state_of(pull), "head": pull.head,
            "head_sha": pull.head_sha, "base": pull.base, "url": page_url(self.hub, pull), "author": pull.author,
            "created_at": pull.created_at, "merged_at": pull.closed_at if pull.merged else None,
            "merge_commit": pull.merge_sha, "diff": diff_text(self.hub, pull),
            "checks": [dict(zip(("name", "state", "description"), row, strict=True)) for row in statuses + runs],
            "comments": [{"user": comment.user, "body": comment.body} for comment in pull.comments],
            "mergeable": mergeability(self.hub, pull).mergeable,
        }  # fmt: skip

    def diff(self, number: int) -> str:
        """Return the unified diff of a pull request."""
        return diff_text(self.hub, self.hub.pull(number))

    def head(self, ref: str = "main") -> str | None:
        """Return the commit that a branch points at."""
        return self.hub.git.head(ref)

    def read(self, path: str, ref: str = "main") -> str | None:
        """Return the text of one file; None where there is none."""
        content = self.files(ref, path).get(path)
        return None if content is None else content.decode()

    def files(self, ref: str = "main", under: str = "") -> dict[str, bytes]:
        """Return the file at the path `under`, or the files below it."""
        commit = self.hub.git.resolve(ref)
        found = self.hub.git.blobs(commit.tree) if commit else ()
        inside = under.strip("/")
        return {
            path: blob.data for path, blob in found if not inside or path == inside or path.startswith(f"{inside}/")
        }

    # ── what people do ────────────────────────────────────────────────────────────────────────────────

    def seed(self, files: Mapping[str, str | bytes], message: str = "Seed") -> str:
        """Make the first commit of main if there is none yet; return main's head."""
        return self.head() or self.hub.commit(dict(files), message, branch="main", by="somebody")

    def commit(
        self, files: Mapping[str, str | None], message: str, branch: str = "main", author: str = "somebody"
    ) -> str:
        """Commit as a person does; None removes a file; a missing branch is created from main."""
        return self.hub.commit(dict(files), message, branch=branch, by=author)

    def protect(
        self, branch: str, *, checks: Sequence[str] = (), approvals: int = 0, strict: bool = False, **switches: bool
    ) -> None:
        """Require checks, approvals and (`strict`) an up-to-date head for a merge into `branch`.

        `locked` makes it read-only; `queued` allows changes only through its merge queue.
        """
        wanted = Protection(checks=list(checks), approvals=approvals, strict=strict, **switches)
        self.hub.records.protections[branch] = wanted
        self.hub.changed()

    def report(self, context: str, state: str, *, branch: str, by: str = "ci") -> None:
        """Report a check's state at the head of a branch, as a CI server does."""
        self.hub.report(self.head(branch) or "", context, state, by=by)
