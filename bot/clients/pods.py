"""The model servers themselves, one pod at a time: which version has it loaded, and does it answer?

Dials pods directly, as the kubelet's probes do; no Service stands between, which would answer from any of them.
"""

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec

from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json

BODY: Final = 1 << 20
"""Bytes of an answer that are read: no model's answer to its one example is larger."""
BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class _Model(msgspec.Struct):
    """What /model says: https://github.com/jcrist/msgspec ignores the fields that are not named here."""

    name: str
    version: int | str
    digest: str | None = None


class Pods:
    """All pods, over one session.  Environment proxies are not asked: pods are never behind one."""

    def __init__(self, *, timeout: timedelta = timedelta(seconds=3)) -> None:
        """Take how long a pod may need for one answer."""
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds())
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
            model = msgspec.json.decode(body, type=_Model)
            return Served(model=model.name, version=int(model.version), digest=model.digest)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Temporary(strange) from error

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
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Permanent(f"{address} answers its own input example with what is no JSON") from error
        if not isinstance(answer, dict):
            raise Permanent(f"{address} answers its own input example with what is no JSON object")
        return answer

    async def _ask(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            session = self._opened()
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status, await _read(answer, url)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            said = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise Temporary(f"{url}: {said}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not in __init__: a session belongs to the running loop
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False, cookie_jar=jar)
        return self._session


async def _read(answer: aiohttp.ClientResponse, url: str) -> bytes:
    read = bytearray()
    async for chunk in answer.content.iter_chunked(1 << 16):
        read += chunk
        if len(read) > BODY:
            raise Temporary(f"{url}: the answer is larger than {BODY >> 20} MiB")
    return bytes(read)


def _said(body: bytes) -> str:
    """Return MLflow's sentence for a failed prediction (`message`), else the start of the body."""
    try:
        said = json.loads(body)
        return str(said.get("message", said))[:300] if isinstance(said, dict) else str(said)[:300]
    except (ValueError, RecursionError):
        return body[:300].decode(errors="replace")
