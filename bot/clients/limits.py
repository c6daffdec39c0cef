"""Limits on what an outside system may send: how much, how deep, how many parts, and how long it may take.

One place for all clients.  No answer ends the bot, blocks it or fills its memory, however broken the other side is.
The longest wait that a system may ask for is in `bot.clients.pacing`; how much of its text is shown, in
`bot.rules.wording.redaction`.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from time import monotonic
from typing import Any, Final, TypeVar, overload

import aiohttp
import msgspec
import yaml
from typing_extensions import override

from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason
from bot.domain.reasons.systems import ListTooLong, ListTooSlow

T = TypeVar("T")

MOST: Final = 16 << 20
"""Bytes of an answer, after decompression, where its client names no other limit."""
TEXT: Final = 65_536
"""Bytes read of an answer of which only the beginning is shown, such as an error's."""
PARTS: Final = 500_000
"""Values in one answer.  A value of ten bytes can take a hundred in memory; decoding a million can take a second."""
PAGES: Final = 200
"""Pages of one list: 100,000 objects of Kubernetes, 200,000 models of MLflow."""
LIST: Final = 256 << 20
"""Bytes of all pages of one list: 20,000 pods take 200 MB, of which little is kept."""
PAGING: Final = 600.0
"""Seconds for all pages of one list."""

FAILURES: Final = (
    aiohttp.ClientError, OSError, EOFError, ValueError, LookupError, ArithmeticError, RuntimeError, MemoryError,
    AssertionError,
)  # fmt: skip
"""What HTTP libraries, their parsers and decompressors raise for broken answers.

`TimeoutError` is an `OSError`, `RecursionError` a `RuntimeError`; aiohttp raises that for a connection that was closed.
"""


class Oversized(ValueError):
    """An answer, or a line of it, is larger than its client allows."""

    def __init__(self, most: int, *, line: bool = False) -> None:
        super().__init__(most)
        self.most = most
        """Bytes."""
        self.line = line


class Malformed(json.JSONDecodeError):
    """An answer cannot be decoded.  Of this class because slack_sdk handles it as what `json` raises."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "", 0)

    @override
    def __str__(self) -> str:
        return self.msg


# ── bodies ────────────────────────────────────────────────────────────────────────────────────────────


class Bounded(aiohttp.ClientResponse):
    """A response that no one reads without a limit, not even a library: pass it to every session.

    aiohttp decompresses piece by piece, except when it reads everything at once; then one piece may be gigabytes.
    """

    @override
    async def read(self) -> bytes:
        """Return the whole body, if it is not larger than `MOST`."""
        if self._body is None:
            self._body = await whole(self, MOST)
        return await super().read()

    @override
    def get_encoding(self) -> str:
        """Return UTF-8, whatever the server declares: some of Python's codecs take quadratic time."""
        return "utf-8"

    @override
    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] | None = None,
        content_type: str | None = "application/json",
    ) -> Any:
        """Return the body, decoded within limits."""
        return await super().json(encoding=encoding, loads=loads or decoded, content_type=content_type)


async def whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return a whole body.

    Raises:
        Oversized: it is larger than `most` bytes.
    """
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > most:
            answer.close()
            raise Oversized(most)
    return bytes(body)


async def head(answer: aiohttp.ClientResponse, most: int = TEXT) -> bytes:
    """Return the first bytes of a body; the rest is not read, and the connection is not used again."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) >= most:
            answer.close()
            break
    return bytes(body[:most])


async def lines(answer: aiohttp.ClientResponse, most: int, *, within: float) -> AsyncGenerator[bytes]:
    """Yield a body line by line, without an incomplete last line.

    There may be any number of lines, and any time between two.

    Raises:
        Oversized: one line is larger than `most` bytes.
        TimeoutError: one line takes longer than `within` seconds from its first byte to its last.
    """
    rest, due = bytearray(), None
    while True:
        async with asyncio.timeout_at(due):
            part = await answer.content.readany()
        if not part:
            break
        *ended, begun = part.split(b"\n")
        for line in ended:
            if len(rest) + len(line) > most:
                raise Oversized(most, line=True)
            if rest or line:
                yield bytes(rest + line)
            rest.clear()
            due = None
        rest += begun
        if len(rest) > most:
            raise Oversized(most, line=True)
        if rest and due is None:
            due = asyncio.get_running_loop().time() + within


class Pages:
    """Counts the pages of one list, which may be endless."""

    def __init__(self, what: Reason) -> None:
        self._what = what
        self._number = self._size = 0
        self._until = monotonic() + PAGING

    def take(self, size: int = 0) -> None:
        """Count a page of so many bytes.

        Raises:
            Permanent: there are too many, or they are too large together.
            Temporary: they take too long together.
        """
        if monotonic() > self._until:
            raise Temporary(ListTooSlow(what=self._what, within=timedelta(seconds=PAGING)))
        self._number += 1
        self._size += size
        if self._number > PAGES or self._size > LIST:
            raise Permanent(ListTooLong(what=self._what, pages=PAGES, mebibytes=LIST >> 20))


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────

_ESCAPE: Final = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?!u[dD][89a-fA-F]).)|\\u[dD][89a-fA-F]..",
    re.DOTALL,
)
"""An escape that may stay (the group): a pair of surrogates, or no surrogate; otherwise half a pair."""
DIGITS: Final = 18
"""Digits of the longest integer that every database takes."""
_AS_DIGITS: Final = bytes(ord("0") if ord("0") <= byte <= ord("9") else ord(" ") for byte in range(256))
_LONG: Final = b"0" * (DIGITS + 1)


@overload
def decoded(content: bytes | str, *, parts: int = ...) -> Any: ...
@overload
def decoded(content: bytes | str, shape: type[T], *, parts: int = ...) -> T: ...
def decoded(content: bytes | str, shape: Any = Any, *, parts: int = PARTS) -> Any:
    """Return JSON, decoded.  Half a pair of surrogates, which could not be sent on, becomes U+FFFD.

    Raises:
        Malformed: it is not JSON of that shape, is nested too deeply, or has too many parts or too long a number.
    """
    try:
        raw = content.encode() if isinstance(content, str) else content
        if sum(map(raw.count, (b",", b"[", b"{"))) > parts:
            raise Malformed(f"it has more than {parts} values")
        found = _strict(raw, shape)
        if shape is Any and _LONG in raw.translate(_AS_DIGITS):  # a regular expression takes ten times as long
            json.loads(raw, parse_int=_int)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from error
    return found


def _strict(raw: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=shape, strict=False)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\u" not in raw:
            raise
    return msgspec.json.decode(_ESCAPE.sub(lambda found: found[1] or rb"\ufffd", raw), type=shape, strict=False)


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise Malformed("it holds a number that is too long")
    return int(digits)


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────

YAML: Final = 4 << 20
"""Characters of a YAML file.  One long string costs little: an MLmodel with 50,000 columns has 3 MB."""
NODES: Final = 10_000
"""Events of its parser; an MLmodel has some 200."""
DEEPEST: Final = 50
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def plain_yaml(text: str) -> Any:
    """Return YAML with every scalar as a string.  Takes up to a second: to be called in a thread.

    YAML's own types are not resolved: a base-60 number, an exponent or a date may take hours, and a chain of merge keys
    all memory.  None of them is needed here.

    Raises:
        Malformed: it is not YAML, too large, nested too deeply, or has too many parts.
    """
    if len(text) > YAML:
        raise Malformed(f"it is larger than {YAML >> 20} MiB")
    try:
        if not _is_small(text):
            raise Malformed("it has too many parts, or is nested too deeply")
        return yaml.load(text, _LOADER)  # noqa: S506 - it makes strings, lists and dicts only
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise Malformed("it is not YAML") from error


def _is_small(text: str) -> bool:
    """Return whether a file has few parts and little nesting.  Stops at the first that exceeds a limit."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, _LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if number > NODES or depth > DEEPEST:
            return False
    return True
