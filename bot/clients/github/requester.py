"""How requests reach GitHub: PyGithub's requester, one per worker thread, with every failure put into our words.

Only this module and `connection` import PyGithub.  It knows no operation of GitHub's; those are in github.py.  Raw
JSON is used instead of PyGithub's objects, because then every request is one that is written there: its lazy objects
ask when an attribute is read, and send PATCH and DELETE of refs to a path that GitHub does not have.
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
from bot.clients.github.connection import Sender
from bot.clients.limits import FAILURES, Malformed, Oversized
from bot.clients.pacing import SHORT, Asked, Bucket, Quiet, asked, asked_until
from bot.domain.errors import Denied, Permanent, Temporary
from bot.rules.wording.redaction import excerpt

T = TypeVar("T")
THREADS: Final = 4
TOGETHER: Final = 600.0
"""Seconds for all requests of one verb."""
EARLY: Final = timedelta(minutes=1)
"""So long before it expires an installation's token is made anew."""
SECONDARY: Final = timedelta(minutes=1)
"""How long to keep away where GitHub asks for it without saying how long.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately"""
SAID: Final = 500
"""Characters of GitHub's own words."""
DETAILS: Final = 5
CONTENT_A_MINUTE: Final = 80
CONTENT_BURST: Final = 40
"""What people are told of (pull requests, comments, merges) may be made so often, in all.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"""

_ADVICE: Final = {
    401: "; the token is wrong, expired or revoked: set GITHUB_TOKEN, or the App's id and key, anew",
    403: "; the token needs Contents, Pull requests and Commit statuses (an App: Checks), each read and write",
    404: "; is the repository's name right, and may the token see it?",
}


class Refused(Denied):
    """GitHub understood and said no: 404, 405 or 422.  Some verbs look again then; others let it pass on."""

    def __init__(self, sentence: str, *, status: int, reason: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        """GitHub's own words."""


class Conflict(Temporary):
    """GitHub understood, and something moved meanwhile: 409."""

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class _Token(msgspec.Struct):
    """A token.  https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app ."""

    token: str
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class InstallationToken(Auth.Auth):
    """A GitHub App's token for one installation: made anew before it expires, shared by all threads.

    PyGithub's own AppInstallationAuth would make one for each thread, and leaves its connections open.
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
        """Return a token that is good for a minute at least."""
        with self._lock:
            if clock.now() + EARLY >= self._until:
                self._token, self._until = self._made()
            return self._token

    def _made(self) -> tuple[str, datetime]:
        path = f"/app/installations/{self._installation}/access_tokens"
        try:
            _, answer = self._app.send("POST", path, {}, {"permissions": {}}, Accept=Consts.mediaTypeIntegrationPreview)
        except (requests.RequestException, Malformed, Oversized):
            raise
        except (PyJWTError, ValueError) as error:
            raise Permanent("GITHUB_APP_PRIVATE_KEY is not the App's private key in PEM") from error
        made = msgspec.convert(answer, _Token)
        return made.token, made.expires_at


class Credentials:
    """Who we are to GitHub: a token, or an App's installation."""

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

    def __init__(self, repository: str, credentials: Credentials, url: str, quiet: Quiet) -> None:
        self._quiet = quiet
        self.by_app = credentials.by_app
        """Whether a GitHub App speaks, and not a person's token."""
        self._repository = repository
        self._sender = Sender(credentials.auth, url)
        self.until = 0.0
        """When all requests of the verb that is under way have to be sent, by the monotonic clock."""

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON at `path` below the repository.  Tried again at once where that may help.

        Raises:
            Temporary: GitHub does not answer, or not so often.
            Refused: GitHub says no.
            Permanent: it does not accept us.
        """
        try:
            return self._ask("GET", path, query, None)
        except Temporary as error:
            if error.after is None or error.after > SHORT:
                raise
        return self._ask("GET", path, query, None)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Do what a write does, once; after `Temporary` it may have been done."""
        return self._ask(method, path, {}, body)

    def _ask(self, method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None) -> Any:
        url = f"/repos/{self._repository}{path}"
        if (left := self._quiet.left()) <= SHORT:
            sleep(left.total_seconds())  # in a thread of its own
        self._quiet.check()
        if monotonic() > self.until:
            raise Temporary(f"GitHub needed more than {TOGETHER / 60:.0f} minutes before {method} {path}")
        try:
            headers, answer = self._sender.send(method, url, query, body)
        except GithubException as error:
            raise self._quiet.heed(refused(error, f"{method} {path}", self._repository)) from error
        except (requests.RequestException, OSError) as error:
            raise Temporary(f"GitHub does not answer ({_kind(error)} at {method} {path})") from error
        except RecursionError as error:
            raise Permanent(f"GitHub's answer to {method} {path} is nested too deeply") from error
        except RuntimeError as error:  # PyGithub's word for a redirect to elsewhere
            raise Permanent(f"GitHub is not where GITHUB_API_URL says: {excerpt(str(error))}") from error
        if headers.get("x-ratelimit-remaining") == "0":  # this one was still answered
            wait = _wait(headers)
            told = f"GitHub's allowance of requests for this hour is used up{wait.remark}"
            self._quiet.heed(Temporary(told, after=wait.after))
        return answer


def _kind(error: requests.RequestException | OSError) -> str:
    return "no answer in time" if isinstance(error, requests.Timeout | TimeoutError) else "connection failed"


def refused(error: GithubException, asked: str, repository: str) -> Temporary | Permanent:
    """Return what an answer that is not a success means, in a sentence for whoever can act.

    Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
    """
    status, reason = error.status, _reason(error)
    if isinstance(error, RateLimitExceededException) or status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _wait(error.headers or {})
        return Temporary(f"GitHub asks us to call less often ({reason}){wait.remark}", after=wait.after)
    if status == HTTPStatus.CONFLICT:
        return Conflict(f"GitHub did not do {asked} ({status}: {reason})", reason=reason)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Temporary(f"GitHub did not do {asked} ({status}: {reason})")
    sentence = f"GitHub refuses {asked} of {repository} ({status}: {reason}){_ADVICE.get(status, '')}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Denied(sentence)
    return Refused(sentence, status=status, reason=reason)


def _reason(error: GithubException) -> str:
    body = error.data if isinstance(error.data, dict) else {}
    errors = body.get("errors")
    details = [detail.get("message") or detail.get("code") if isinstance(detail, dict) else detail
               for detail in (errors[:DETAILS] if isinstance(errors, list) else ())]  # fmt: skip
    told = [part.strip()[:SAID] for part in (body.get("message"), *details) if isinstance(part, str) and part]
    return excerpt(": ".join(told), SAID) or "no reason given"


def _wait(headers: Mapping[str, str]) -> Asked:
    """Return how long to keep away.  `retry-after` comes first, then the reset of an allowance that is used up."""
    wait = asked(headers.get("retry-after", ""))
    if wait.after is None and headers.get("x-ratelimit-remaining") == "0":
        wait = asked_until(headers.get("x-ratelimit-reset", ""))
        wait = Asked(max(wait.after, timedelta(seconds=1)) if wait.after is not None else None, wait.remark)
    return wait if wait.after is not None else Asked(SECONDARY, wait.remark)


class Wire:
    """A few threads that ask GitHub, since PyGithub blocks and one instance is not safe to share."""

    def __init__(self, repository: str, credentials: Credentials, url: str) -> None:
        self.repository = repository
        self._credentials = credentials
        self._url = url
        self._quiet = Quiet()
        self._pace = Bucket(every=60 / CONTENT_A_MINUTE, burst=CONTENT_BURST)
        self._local = threading.local()
        self._all: list[Calls] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="github")

    async def run(self, ask: Callable[[Calls], T], *, content: bool = False) -> T:
        """Return what `ask` returns, called in one of the threads; what makes `content` waits for its turn first.

        Raises:
            Permanent: among others, an answer that is not GitHub's.
        """
        if content:
            await self._turn()
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, ask)

    async def _turn(self) -> None:
        now = monotonic()
        at = self._pace.turn(now)
        self._pace.take(at)
        if at > now:
            await asyncio.sleep(at - now)

    def _run(self, ask: Callable[[Calls], T]) -> T:
        calls: Calls | None = getattr(self._local, "calls", None)
        if calls is None:
            calls = self._local.calls = Calls(self.repository, self._credentials, self._url, self._quiet)
            self._all.append(calls)
        calls.until = monotonic() + TOGETHER
        try:
            return ask(calls)
        except (TypeError, AttributeError, *FAILURES) as error:  # among them: it is no JSON, or of another shape
            what = excerpt(f"{type(error).__name__}: {error}")
            raise Permanent(f"{self._url} does not answer as GitHub does ({what}): is GITHUB_API_URL right?") from error

    async def close(self) -> None:
        """Wait for what is under way, then close all connections."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        for calls in self._all:
            calls.close()
        self._credentials.close()
