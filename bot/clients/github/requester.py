"""Requests to GitHub: PyGithub's requester, one per worker thread, with every failure translated into our errors.

Only this module and `connection` import PyGithub.  The operations are in `client`.  Raw JSON is used instead of
PyGithub's objects, so that every request is written there: its lazy objects send requests when an attribute is read,
and send PATCH and DELETE of refs to a path that GitHub does not have.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from time import monotonic, sleep
from typing import Annotated, Any, Final, TypeVar

import msgspec
import requests
from github import Auth, Consts, GithubException, RateLimitExceededException
from jwt import PyJWTError
from typing_extensions import override

from bot import clock
from bot.clients.failures import cause
from bot.clients.github.connection import Sender
from bot.clients.limits import FAILURES, Malformed, Oversized
from bot.clients.pacing import SHORT, Asked, Cooldown, TokenBucket, asked, asked_until
from bot.domain.errors import Denied, Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import github as reasons
from bot.domain.reasons import systems
from bot.domain.reasons.systems import Request
from bot.rules.wording.redaction import excerpt

T = TypeVar("T")
THREADS: Final = 4
TOGETHER: Final = 600.0
"""Seconds for all requests of one operation."""
EARLY: Final = timedelta(minutes=1)
"""How long before it expires an installation's token is replaced."""
SECONDARY: Final = timedelta(minutes=1)
"""How long to back off where GitHub asks for it without saying how long.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately"""
QUOTED: Final = 500
"""Characters of GitHub's own text."""
DETAILS: Final = 5
"""Details of an error that are quoted."""
CONTENT_A_MINUTE: Final = 80
CONTENT_BURST: Final = 40
"""How often content that notifies people (pull requests, comments, merges) may be created, in all.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"""

_REFUSALS: Final[Mapping[int, type[reasons.TokenRefused | reasons.NotAllowed | reasons.NotFound]]] = {
    401: reasons.TokenRefused,
    403: reasons.NotAllowed,
    404: reasons.NotFound,
}


class Refused(Denied):
    """GitHub refused the request: 404, 405 or 422.  Some operations check again then; others pass it on."""

    def __init__(self, reason: Reason, *, status: int, words: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words
        """GitHub's own text, for decisions."""


class Conflict(Temporary):
    """Something changed meanwhile: 409."""

    def __init__(self, reason: Reason, *, words: str) -> None:
        super().__init__(reason)
        self.words = words
        """GitHub's own text, for decisions."""


class _Token(msgspec.Struct):
    """A token.  https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app ."""

    token: str
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class InstallationToken(Auth.Auth):
    """A GitHub App's token for one installation, replaced before it expires and shared by all threads.

    PyGithub's own AppInstallationAuth would create one for each thread, and leaves its connections open.
    """

    def __init__(self, app: Sender, installation: int) -> None:
        self._app = app
        self._installation = installation
        self._lock = threading.Lock()
        self._token = ""
        self._until = datetime.min.replace(tzinfo=UTC)

    @property
    @override
    def token_type(self) -> str:
        """Return the word before the token."""
        return "token"

    @property
    @override
    def token(self) -> str:
        """Return a token that is valid for another minute at least."""
        with self._lock:
            if clock.now() + EARLY >= self._until:
                self._token, self._until = self._created()
            return self._token

    def _created(self) -> tuple[str, datetime]:
        path = f"/app/installations/{self._installation}/access_tokens"
        try:
            _, answer = self._app.send("POST", path, {}, {"permissions": {}}, Accept=Consts.mediaTypeIntegrationPreview)
        except (requests.RequestException, Malformed, Oversized):
            raise
        except (PyJWTError, ValueError) as error:
            raise Permanent(reasons.PrivateKeyInvalid()) from error
        created = msgspec.convert(answer, _Token)
        return created.token, created.expires_at


class Credentials:
    """How Callboard logs in to GitHub: with a token, or as an App's installation."""

    def __init__(self, auth: Auth.Auth, *, by_app: bool = False, close: Callable[[], None] = lambda: None) -> None:
        self.auth = auth
        self.by_app = by_app
        self.close = close

    @classmethod
    def token(cls, token: str) -> "Credentials":
        """Return those of a personal access token, fine-grained or classic."""
        return cls(Auth.Token(token))

    @classmethod
    def app(cls, *, app: str, private_key: str, installation: int, url: str) -> "Credentials":
        """Return those of a GitHub App that is installed on the repository.  `private_key` is PEM."""
        sender = Sender(Auth.AppAuth(app, private_key), url)
        return cls(InstallationToken(sender, installation), by_app=True, close=sender.close)


class Calls:
    """One thread's connection to one repository."""

    def __init__(self, repository: str, credentials: Credentials, url: str, cooldown: Cooldown) -> None:
        self._cooldown = cooldown
        self.by_app = credentials.by_app
        """Whether the credentials are a GitHub App's, not a person's token."""
        self._repository = repository
        self._sender = Sender(credentials.auth, url)
        self.until = 0.0
        """When all requests of the current operation have to be sent, by the monotonic clock."""

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON at `path` below the repository.  Retried once where a short wait may help.

        Raises:
            Temporary: GitHub does not answer, or wants fewer requests.
            Refused: GitHub refuses.
            Permanent: it does not accept the credentials.
        """
        try:
            return self._ask("GET", path, query, None)
        except Temporary as error:
            if error.after is None or error.after > SHORT:
                raise
        return self._ask("GET", path, query, None)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a write once; after `Temporary` it may have taken effect."""
        return self._ask(method, path, {}, body)

    def _ask(self, method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None) -> Any:
        url = f"/repos/{self._repository}{path}"
        if (left := self._cooldown.left()) <= SHORT:
            sleep(left.total_seconds())  # in a thread of its own
        self._cooldown.check()
        request = Request(name=Name(f"{method} {path}"))
        if monotonic() > self.until:
            raise Temporary(reasons.OperationTooLong(before=request, within=timedelta(seconds=TOGETHER)))
        try:
            headers, answer = self._sender.send(method, url, query, body)
        except GithubException as error:
            raise self._cooldown.heed(refused(error, request, self._repository)) from error
        except (requests.RequestException, OSError) as error:
            raise Temporary(_unanswered(error, request)) from error
        except RuntimeError as error:  # what PyGithub raises for a redirect to another host
            raise Permanent(reasons.AddressMoved(said=Said(excerpt(str(error))))) from error
        if headers.get("x-ratelimit-remaining") == "0":  # this one was still answered
            wait = _wait(headers)
            self._cooldown.heed(Temporary(reasons.AllowanceUsedUp(wait=wait.remark), after=wait.after))
        return answer


def _unanswered(error: requests.RequestException | OSError, request: Request) -> Reason:
    if isinstance(error, requests.Timeout | TimeoutError):
        return systems.TimedOut(system=systems.GITHUB, during=request)
    return systems.Unreachable(system=systems.GITHUB, during=request, cause=systems.ConnectionFailed())


def refused(error: GithubException, request: Request, repository: str) -> Temporary | Permanent:
    """Return what an answer that is not a success means.

    Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
    """
    status, words = error.status, _words(error)
    said = Said(words)
    if isinstance(error, RateLimitExceededException) or status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _wait(error.headers or {})
        limited = systems.RateLimited(system=systems.GITHUB, during=request, said=said, wait=wait.remark)
        return Temporary(limited, after=wait.after)
    if status == HTTPStatus.CONFLICT:
        return Conflict(reasons.Conflict(during=request, said=said), words=words)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Temporary(systems.Failing(system=systems.GITHUB, during=request, status=status, said=said))
    why = _refusal(status, request, Name(repository), said)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Denied(why)
    return Refused(why, status=status, words=words)


def _refusal(status: int, request: Request, repository: Name, said: Said) -> Reason:
    if (known := _REFUSALS.get(status)) is not None:
        return known(during=request, repository=repository, said=said)
    return reasons.Refused(during=request, repository=repository, status=status, said=said)


def _words(error: GithubException) -> str:
    body = error.data if isinstance(error.data, dict) else {}
    errors = body.get("errors")
    details = [detail.get("message") or detail.get("code") if isinstance(detail, dict) else detail
               for detail in (errors[:DETAILS] if isinstance(errors, list) else ())]  # fmt: skip
    parts = [part.strip()[:QUOTED] for part in (body.get("message"), *details) if isinstance(part, str) and part]
    return excerpt(": ".join(parts), QUOTED) or "no reason given"


def _wait(headers: Mapping[str, str]) -> Asked:
    """Return how long to back off.  `retry-after` comes first, then the reset of a rate limit that is used up."""
    wait = asked(headers.get("retry-after", ""))
    if wait.after is None and headers.get("x-ratelimit-remaining") == "0":
        wait = asked_until(headers.get("x-ratelimit-reset", ""))
        wait = Asked(max(wait.after, timedelta(seconds=1)) if wait.after is not None else None, wait.remark)
    return wait if wait.after is not None else Asked(SECONDARY, wait.remark)


def _malformed(error: Exception, url: str) -> Reason:
    """Return what an answer is that GitHub would not give."""
    why = (
        systems.Unreadable(said=Said(excerpt(str(error)))) if isinstance(error, msgspec.MsgspecError) else cause(error)
    )
    return systems.Malformed(system=systems.GITHUB, at=Name(excerpt(url)), cause=why)


class Workers:
    """A few threads that call GitHub, because PyGithub blocks and one instance must not be shared."""

    def __init__(self, repository: str, credentials: Credentials, url: str) -> None:
        self.repository = repository
        self._credentials = credentials
        self._url = url
        self._cooldown = Cooldown()
        self._pace = TokenBucket(every=60 / CONTENT_A_MINUTE, burst=CONTENT_BURST)
        self._local = threading.local()
        self._all: list[Calls] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="github")

    async def run(self, ask: Callable[[Calls], T], *, content: bool = False) -> T:
        """Return what `ask` returns, called in one of the threads; what creates `content` waits for its turn first.

        Raises:
            Permanent: among others, an answer that is not GitHub's.
        """
        if content:
            await self._turn()
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, ask)

    async def _turn(self) -> None:
        now = monotonic()
        at = self._pace.next_slot(now)
        self._pace.take(at)
        if at > now:
            await asyncio.sleep(at - now)

    def _run(self, ask: Callable[[Calls], T]) -> T:
        calls: Calls | None = getattr(self._local, "calls", None)
        if calls is None:
            calls = self._local.calls = Calls(self.repository, self._credentials, self._url, self._cooldown)
            self._all.append(calls)
        calls.until = monotonic() + TOGETHER
        try:
            return ask(calls)
        except (TypeError, AttributeError, *FAILURES) as error:  # among them: not JSON, or of another form
            raise Permanent(_malformed(error, self._url)) from error

    async def close(self) -> None:
        """Wait for running calls, then close all connections."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        for calls in self._all:
            calls.close()
        self._credentials.close()
