"""Which version is meant: the one question that is put to the registry before anything heavy is imported.

Asked with plain requests rather than MLflow's client, because that client keeps trying an unreachable registry for
more than four minutes with no port open (254 s measured), in which nobody learns what is wrong.
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
"""Seconds that the registry is given in all, slow name servers and slow bodies included."""
CONNECT, READ = 2.0, 5.0
"""Seconds for one try."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
ANSWER = 1 << 20
"""Bytes of its answer: MLflow keeps at most 100,000 characters of a version's description."""
REDIRECTION = 3
"""The first digit of such a status."""
NOT_THERE = {400, 404}
"""MLflow answers a missing alias with 400 INVALID_PARAMETER_VALUE, a missing version or model with 404."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The version to serve, as the registry has it."""

    model: str
    version: int
    run: str | None

    @property
    def uri(self) -> str:
        """Return MLflow's own address of it."""
        return f"models:/{self.model}/{self.version}"


class _Unreachable(Exception):
    """No answer, or one that says "later"."""


def resolve(wanted: Wanted, registry: Registry, *, patience: float = PATIENCE) -> Found:
    """Return the version that the pin, or else the alias named by the stage, stands for.

    Raises:
        Refusal: no such version (66), no answer within `patience` seconds (69), credentials refused (77).
    """
    asking = _Asking(wanted, registry)
    # A thread, because nothing else bounds a name server that never answers or a body that drips.
    Thread(target=asking.keep_on, daemon=True).start()
    try:
        answer = asking.answers.get(timeout=patience)
    except Empty:
        asking.given_up.set()
        because = f"{registry.name} gave no answer in {patience:.0f} s ({asking.trouble})"
        raise Refusal(Exit.UNAVAILABLE, f"MLflow registry unreachable: {because}") from None
    if isinstance(answer, Refusal):
        raise answer
    return answer


class _Asking:
    """One question, put again until there is an answer or nobody waits for it any more."""

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
                say("the registry does not answer", registry=self._registry.name, error=self.trouble, again_in=pause)
                self.given_up.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            return


def _ask(wanted: Wanted, registry: Registry) -> Found:
    """Ask once.  https://mlflow.org/docs/latest/api_reference/rest-api.html."""
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
    """Return the answer, decoded; None where it is no JSON, or too long for this question."""
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
    """Return what MLflow itself would send; user and password go before a token there too."""
    if registry.username and registry.password:
        return HTTPBasicAuth(registry.username.encode(), registry.password.encode())
    return None


def _found(said: Any, registry: Registry) -> Found:
    try:
        version = said["model_version"]
        found = Found(model=str(version["name"]), version=int(version["version"]), run=version.get("run_id") or None)
        status = version.get("status", "READY")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _Unreachable(f"{registry.name} does not answer as MLflow does") from error
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
        hint = "set MLFLOW_TRACKING_URI to an address that answers itself"
        return Refusal(Exit.UNAVAILABLE, f"{registry.name} sends this server elsewhere ({status}): {hint}")
    return _Unreachable(f"status {status} {said}")


def _message(said: object) -> str:
    """Return MLflow's own words, `{"error_code": …, "message": …}`; what anybody else says is not repeated."""
    message = said.get("message") if isinstance(said, Mapping) and "error_code" in said else None
    return " ".join(str(message).split())[:200] if message else ""


def _innermost(error: BaseException) -> str:
    """Return the reason under requests' and urllib3's wrapping: "[Errno 111] Connection refused"."""
    inner = chain(error)[0]
    return f"{type(error).__name__}: {inner}"
