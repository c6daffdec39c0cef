"""The model servers, one pod at a time: which version has it loaded, and does it answer predictions?

Connects to pods directly, as the kubelet's probes do; behind a Service any of them could answer.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

import aiohttp
import msgspec

from bot.clients.failures import cause, unanswered
from bot.clients.limits import FAILURES, Bounded, Malformed, decoded, head, whole
from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import systems
from bot.domain.reasons.cluster import ExampleRefused, PredictionNotJSON, PredictionNotObject
from bot.rules.wording.redaction import excerpt

BODY: Final = 1 << 20
"""Bytes of an answer that are read: no model's answer to its one example should be larger."""
TIMEOUT: Final = timedelta(seconds=3)
BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class _Model(msgspec.Struct):
    """The answer of /model; msgspec ignores fields that are not named here."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    version: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
    """Decoded leniently: may come as a string."""
    digest: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class Pods:
    """All pods, over one session.  Proxies of the environment are not used: pods are never behind one."""

    def __init__(self, *, timeout: timedelta | None = None) -> None:
        """Take the timeout of one answer."""
        self._timeout = aiohttp.ClientTimeout(total=(timeout or TIMEOUT).total_seconds())
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def served(self, address: str) -> Served:
        """Return the version that the model server at `ip:port` has loaded.

        Raises:
            Temporary: it does not answer, or not (yet) as Callboard's model server does.
        """
        status, body = await self._ask("GET", f"http://{address}/model", None)
        if status != HTTPStatus.OK:
            raise Temporary(_malformed(address, systems.Status(status=status)))
        try:
            model = decoded(body, _Model)
        except Malformed as error:
            raise Temporary(_malformed(address, cause(error))) from error
        return Served(model=model.name, version=model.version, digest=model.digest)

    async def predict(self, address: str, example: bytes) -> Json:
        """Return the answer to a prediction request (MLflow's JSON: `{"inputs": …}`), as `{"predictions": …}`.

        Raises:
            Temporary: it does not answer, or is overloaded.
            Permanent: the model refuses the example, or its answer is not a JSON object.
        """
        status, body = await self._ask("POST", f"http://{address}/invocations", example)
        if status in BUSY:
            raise Temporary(systems.Failing(system=systems.SERVER, at=Name(address), status=status))
        if status != HTTPStatus.OK:
            raise Permanent(ExampleRefused(address=Name(address), status=status, said=Said(_message(body))))
        try:
            answer = decoded(body)
        except Malformed as error:
            raise Permanent(PredictionNotJSON(address=Name(address))) from error
        if not isinstance(answer, dict):
            raise Permanent(PredictionNotObject(address=Name(address)))
        return answer

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            session = self._opened()
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                good = answer.status == HTTPStatus.OK
                return answer.status, await (whole(answer, BODY) if good else head(answer))
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.SERVER, at=url)) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not in __init__: a session belongs to the running loop
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, trust_env=False, cookie_jar=jar, response_class=Bounded
            )
        return self._session


def _malformed(address: str, why: Reason) -> Reason:
    during = systems.Request(name=Name("/model"))
    return systems.Malformed(system=systems.SERVER, at=Name(address), during=during, cause=why)


def _message(body: bytes) -> str:
    """Return MLflow's message about a failed prediction, else the start of the body."""
    try:
        found = decoded(body)
    except Malformed:
        return excerpt(body.decode(errors="replace"))
    return excerpt(str(found.get("message", found) if isinstance(found, dict) else found))
