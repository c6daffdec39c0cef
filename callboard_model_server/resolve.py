"""Resolve the version: the one request to the registry, before anything heavy is imported.

It uses plain requests rather than MLflow's client, because that client retries an unreachable registry for more than
four minutes (254 s measured), with no port open and no error message.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from callboard_model_server.causes import chain
from callboard_model_server.logs import say
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Registry, Wanted

PATIENCE = 15.0
"""Total seconds for the registry, including slow name servers and slow bodies."""
CONNECT, READ = 2.0, 5.0
"""Seconds for one attempt."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
ANSWER = 1 << 20
"""The most bytes of its response: MLflow stores at most 100,000 characters of a version's description."""
REDIRECTION = 3
"""The first digit of a redirect's status."""
NOT_THERE = {400, 404}
"""MLflow returns 400 INVALID_PARAMETER_VALUE for a missing alias, and 404 for a missing version or model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The version to serve, from the registry."""

    model: str
    version: int
    run: str | None

    @property
    def uri(self) -> str:
        """Return MLflow's URI of the version."""
        return f"models:/{self.model}/{self.version}"


class _Unreachable(Exception):
    """No response, or a temporary error."""


def resolve(wanted: Wanted, registry: Registry, *, patience: float = PATIENCE) -> Found:
    """Return the pinned version, or else the version of the alias named after the stage.

    Raises:
        Refusal: no such version (66), no response within `patience` seconds (69), credentials refused (77).
    """
    asking = _Asking(wanted, registry)
    # A thread, because nothing else limits a name server that never responds or a very slow body.
    Thread(target=asking.keep_on, daemon=True).start()
    try:
        answer = asking.answers.get(timeout=patience)
    except Empty:
        asking.given_up.set()
        because = f"{registry.name} did not respond within {patience:.0f} seconds ({asking.trouble})"
        raise Refusal(Exit.UNAVAILABLE, f"MLflow registry unreachable: {because}") from None
    if isinstance(answer, Refusal):
        raise answer
    return answer


class _Asking:
    """One request, retried until there is a response or it is abandoned."""

    def __init__(self, wanted: Wanted, registry: Registry) -> None:
        self.answers: SimpleQueue[Found | Refusal] = SimpleQueue()
        self.given_up = Event()
        self.trouble = "no answer"
        self._wanted, self._registry = wanted, registry

    def keep_on(self) -> None:
        pause = FIRST_PAUSE
        while not self.given_up.is_set():
            try:
                self.answers.put(_ask(self._wanted, self._registry))
            except Refusal as refusal:
                self.answers.put(refusal)
            except _Unreachable as error:
                self.trouble = str(error)
                say(
                    "the registry is not responding; retrying",
                    registry=self._registry.name,
                    error=self.trouble,
                    again_in=pause,
                )
                self.given_up.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            return


def _ask(wanted: Wanted, registry: Registry) -> Found:
    """Send the request once.  https://mlflow.org/docs/latest/api_reference/rest-api.html."""
    path, query = _question(wanted)
    try:
        with requests.get(
            f"{registry.url}/api/2.0/mlflow/{path}",
            params=query,
            timeout=(CONNECT, READ),
            verify=registry.verify,
            auth=_basic(registry),
            headers={"Authorization": f"Bearer {registry.token}"} if registry.token else None,
            allow_redirects=False,
            stream=True,
        ) as answer:
            content = _content(answer)
    except requests.RequestException as error:
        raise _Unreachable(_innermost(error)) from error
    if answer.status_code != requests.codes.ok:
        raise _refused(answer.status_code, _message(content), wanted, registry)
    return _found(content, registry)


def _content(answer: requests.Response) -> object:
    """Return the decoded response; None if it is not JSON or too long."""
    read = bytearray()
    for part in answer.iter_content(8192):
        read += part
        if len(read) > ANSWER:
            return None
    try:
        return json.loads(read)
    except (ValueError, RecursionError):
        return None


def _question(wanted: Wanted) -> tuple[str, dict[str, str]]:
    if wanted.version is not None:
        return "model-versions/get", {"name": wanted.model, "version": str(wanted.version)}
    return "registered-models/alias", {"name": wanted.model, "alias": str(wanted.stage)}


def _basic(registry: Registry) -> HTTPBasicAuth | None:
    """Return the login that MLflow itself would send, where user and password also take precedence over a token."""
    if registry.username and registry.password:
        return HTTPBasicAuth(registry.username.encode(), registry.password.encode())
    return None


def _found(said: Any, registry: Registry) -> Found:
    try:
        version = said["model_version"]
        found = Found(model=str(version["name"]), version=int(version["version"]), run=version.get("run_id") or None)
        status = version.get("status", "READY")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _Unreachable(f"{registry.name} did not respond like an MLflow server") from error
    if status != "READY":
        raise Refusal(Exit.NO_INPUT, f"{found.model} version {found.version} is not ready in the registry ({status})")
    return found


def _refused(status: int, said: str, wanted: Wanted, registry: Registry) -> Refusal | _Unreachable:
    if status in NOT_THERE and said:
        which = f"version {wanted.version}" if wanted.version is not None else f"alias {wanted.stage!r}"
        return Refusal(Exit.NO_INPUT, f"{wanted.model} has no {which} in {registry.name}: {said}")
    if status in {401, 403}:
        hint = "see MLFLOW_TRACKING_USERNAME, _PASSWORD, _TOKEN and the server's --allowed-hosts"
        return Refusal(Exit.NO_PERMISSION, f"{registry.name} refuses this server ({status} {said}): {hint}")
    if status // 100 == REDIRECTION:
        hint = "set MLFLOW_TRACKING_URI to the final address"
        return Refusal(
            Exit.UNAVAILABLE, f"{registry.name} redirects to another address ({status}), which is not followed: {hint}"
        )
    return _Unreachable(f"status {status} {said}")


def _message(said: object) -> str:
    """Return the message of MLflow's `{"error_code": …, "message": …}`; other content is not repeated."""
    message = said.get("message") if isinstance(said, Mapping) and "error_code" in said else None
    return " ".join(str(message).split())[:200] if message else ""


def _innermost(error: BaseException) -> str:
    """Return the reason inside requests' and urllib3's exceptions: "[Errno 111] Connection refused"."""
    inner = chain(error)[0]
    return f"{type(error).__name__}: {inner}"
