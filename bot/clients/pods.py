"""The model servers themselves, one pod at a time: which version has it loaded, and does it answer?

Dials pods directly, as the kubelet's probes do; no Service stands between, which would answer from any of them.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

import aiohttp
import msgspec

from bot.clients.limits import FAILURES, Bounded, Malformed, decoded, head, whole
from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.rules.wording.redaction import excerpt

BODY: Final = 1 << 20
"""Bytes of an answer that are read: no model's answer to its one example is larger."""
TIMEOUT: Final = timedelta(seconds=3)
BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class _Model(msgspec.Struct):
    """What /model says: https://github.com/jcrist/msgspec ignores the fields that are not named here."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    version: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
    """Decoded leniently: also where it comes as a string."""
    digest: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class Pods:
    """All pods, over one session.  Environment proxies are not asked: pods are never behind one."""

    def __init__(self, *, timeout: timedelta | None = None) -> None:
        """Take how long a pod may need for one answer."""
        self._timeout = aiohttp.ClientTimeout(total=(timeout or TIMEOUT).total_seconds())
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()

    async def served(self, address: str) -> Served:
        """Return which version the model server at `ip:port` has really loaded.

        Raises:
            Temporary: it does not answer, or not (yet) as Callboard's model server does.
        """
        status, body = await self._ask("GET", f"http://{address}/model", None)
        strange = f"{address} does not answer /model as Callboard's model server does"
        if status != HTTPStatus.OK:
            raise Temporary(f"{strange}: HTTP {status}")
        try:
            model = decoded(body, _Model)
        except Malformed as error:
            raise Temporary(strange) from error
        return Served(model=model.name, version=model.version, digest=model.digest)

    async def predict(self, address: str, example: bytes) -> Json:
        """Return the answer to a prediction request (MLflow's JSON: `{"inputs": …}`), as `{"predictions": …}`.

        Raises:
            Temporary: it does not answer, or is busy.
            Permanent: the model does not take the example, or answers what is no JSON object.
        """
        status, body = await self._ask("POST", f"http://{address}/invocations", example)
        if status in BUSY:
            raise Temporary(f"{address} is busy: HTTP {status} to a prediction")
        if status != HTTPStatus.OK:
            raise Permanent(f"{address} answers its own input example with HTTP {status}: {_said(body)}")
        try:
            answer = decoded(body)
        except Malformed as error:
            raise Permanent(f"{address} answers its own input example with what is no JSON") from error
        if not isinstance(answer, dict):
            raise Permanent(f"{address} answers its own input example with what is no JSON object")
        return answer

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            session = self._opened()
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                good = answer.status == HTTPStatus.OK
                return answer.status, await (whole(answer, BODY) if good else head(answer))
        except FAILURES as error:
            said = "no answer in time" if isinstance(error, TimeoutError) else excerpt(str(error))
            raise Temporary(f"{url}: {said or type(error).__name__}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not in __init__: a session belongs to the running loop
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, trust_env=False, cookie_jar=jar, response_class=Bounded
            )
        return self._session


def _said(body: bytes) -> str:
    """Return MLflow's sentence for a failed prediction (`message`), else the start of the body."""
    try:
        said = decoded(body)
    except Malformed:
        return excerpt(body.decode(errors="replace"))
    return excerpt(str(said.get("message", said) if isinstance(said, dict) else said))
