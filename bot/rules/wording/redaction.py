"""Secrets taken out of text from elsewhere, and of a pod's log the telling lines kept.

Not a promise: a secret of a shape that nobody knows stays.  That is why logs are shown short, and only on failure.
Those that are known, because they are ours, are found in every spelling (`known`, `without`).
To add a shape, add one pattern to `SHAPES` (what a secret looks like) or one word to `NAMES` (what it is called).

A text may be hostile, so it is cut before it is looked at, and every pattern takes linear time: it begins to match at
few places, or consumes what it has looked at, or gives up after a fixed number of characters.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

GONE: Final = "[redacted]"

SHAPES: Final = (
    re.compile(r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)"),
    re.compile(r"\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}"),  # https://docs.slack.dev/authentication/tokens
    re.compile(r"https://hooks\.slack\.com/[\w/-]+"),
    re.compile(r"\bgh[a-z]_\w{16,}|\bgithub_pat_\w{16,}"),  # https://docs.github.com/en/authentication
    re.compile(r"\bglpat-[\w-]{16,}"),
    re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    re.compile(r"\bAIza[\w-]{30,}|\bya29\.[\w.-]{16,}"),
    re.compile(r"\bey[JI][\w-]{8,}(?:\.[\w-]*)*"),  # a JWT, or what it begins with: base64url of {"…
    re.compile(r"\b(?:sk|rk|pk)[-_][\w-]{16,}"),
    re.compile(r"\b(?:hf|npm|pypi|dckr_pat)[-_][\w-]{16,}|\bdapi[0-9a-f]{32}"),
)
"""What a secret looks like, whatever it is called."""

NAMES: Final = (
    r"passw(?:or)?d|passphrase|pwd|secret|token(?!s|iz)|api[-_ ]?key|access[-_]?key|private[-_]?key|credential"
)
"""What a secret is called; letters may stand around it.  A model's tokens and tokenizers are none."""

_NAMED: Final = re.compile(
    rf"(?i)((?:{NAMES})[\w.-]{{0,40}}+[\"']?\s{{0,3}}+(?:=>|[:=](?!>))\s{{0,3}}+)"
    r"(?!\[redacted\])(\"[^\"\r\n]*\"?|'[^'\r\n]*'?|[^\s,;&\"'})\]]+)"
)
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s{1,3})[a-z0-9+/=_.~-]{6,}")
_HEADER: Final = re.compile(
    r"(?i)(\b(?:proxy-)?authorization|\b(?:set-)?cookie"
    r"|(?<![\w-])x-[\w-]*+(?:(?<=token)|(?<=key)|(?<=signature)))([\"']?\s{0,3}[:=]\s{0,3})[^\r\n]+"
)
_ADDRESS: Final = re.compile(r"://[^\s\"']+")
_SCHEME_END: Final = re.compile("://")
_USER: Final = re.compile(r"[^/@:]*")
TOKEN: Final = 16
"""Characters in place of user and password in an address that are taken for a token."""

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FAILURE: Final = re.compile(
    r"(?:[\w.]{1,80}\.)?[A-Z]\w{0,60}(?:Error|Exception|Exit|Interrupt)\b|[\w.]{1,80}\.[A-Z]\w{0,60}: "
)
_ALARM: Final = re.compile(
    r"(?i)\b(?:error|fatal|critical|panic|exception|failed|killed|denied|refused|cannot|no such)\b"
)

SHORTEST: Final = 4
"""Characters that a known secret, or a part of it, must have: of less, every second word would be one."""
LINE: Final = 16
"""Characters of one line of a longer secret that give it away by themselves."""

LIMIT: Final = 1500
"""Characters that a log may take up in a message."""
MAX_EXCERPT: Final = 300
"""Characters of one line of it."""
LOOKED_AT: Final = 65_536
"""Characters of a text that are looked at: of a log the last, else the first half and the last."""


def redact(text: str) -> str:
    """Return the text with `[redacted]` in place of what looks like, or is called, a secret.  Twice is as once.

    Of a text longer than `LOOKED_AT` the middle is left out.
    """
    text = _cut(text)
    for shape in SHAPES:
        text = shape.sub(GONE, text)
    text = _ADDRESS.sub(_address, text)
    text = _HEADER.sub(rf"\g<1>\g<2>{GONE}", text)
    text = _SCHEME.sub(rf"\g<1>\g<2>{GONE}", text)
    return _NAMED.sub(_named, text)


def excerpt(text: str, most: int = MAX_EXCERPT) -> str:
    """Return the beginning of a text from outside, redacted: at most so many characters, which any encoding takes.

    More is looked at than is shown, so that no part of a secret is left at the end.
    """
    start = _whole_words(text[: 8 * most]) if len(text) > 8 * most else text
    return _short(redact(start.encode("utf-8", "replace").decode()), most)


def _cut(text: str) -> str:
    """Return a text without its middle where it is long; no word, which could be a secret, is cut in two."""
    if len(text) <= LOOKED_AT:
        return text
    half = LOOKED_AT // 2
    start, ending = _whole_words(text[:half]), (text[-half:].split(maxsplit=1) or [""])[-1]
    return f"{start}\n… {len(text) - LOOKED_AT} characters left out …\n{ending}"


def _whole_words(text: str) -> str:
    """Return a text that was cut without its last word, unless it is one word."""
    return (text.rsplit(maxsplit=1) or [""])[0]


def _address(found: re.Match[str]) -> str:
    """Return an address, or several in one word, without the user and password, or the token, before an `@`."""
    text, kept, at, end = found[0], list[str](), 0, 0
    for scheme in _SCHEME_END.finditer(text):
        start = scheme.end()
        end = end if end >= start else text.find("@", start)
        if end < 0:
            break
        if start >= at and _is_login(text, start, end):
            kept.append(text[at:start] + GONE)
            at = end
    return "".join([*kept, text[at:]])


def _is_login(text: str, start: int, end: int) -> bool:
    """Say whether what stands before an `@` is `user:password`, or long enough for a token."""
    user = _USER.match(text, start)
    stop = user.end() if user else start
    return stop + 1 < end if text[stop] == ":" else stop == end and end - start >= TOKEN


def _named(found: re.Match[str]) -> str:
    quote = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quote}{GONE}{quote}"


def known(secrets: Iterable[str]) -> re.Pattern[str]:
    """Return what finds these secrets: plain, encoded for an address, quoted, and in base64, also as a part of it."""
    found = {spelling for secret in secrets for part in _parts(secret) for spelling in _spellings(part)}
    longest_first = sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def without(text: str, secrets: re.Pattern[str]) -> str:
    """Return the text with `[redacted]` in place of known secrets, and of what looks like one; cut as by `redact`."""
    return redact(secrets.sub(GONE, _cut(text)))


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret, and its lines: a key's lines are often shown one by one."""
    yield secret
    yield from (line for line in secret.splitlines() if len(line) >= LINE and not line.startswith("-----"))


def _spellings(secret: str) -> Iterator[str]:
    """Yield how a secret may be written, each also as it stands in an address."""
    for written in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], *_in_base64(secret.encode(errors="replace"))):
        yield written
        for encoded in (quote(written, safe=""), quote(written), quote_plus(written)):
            yield encoded
            yield re.sub("%..", lambda found: found[0].lower(), encoded)


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield the characters that are the secret's alone, whatever stands around it: three bytes make four of them."""
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + secret).decode()
        inner = whole[-(-offset * 4 // 3) : (offset + len(secret)) * 4 // 3]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


def last_words(log: str, lines: int = 12) -> str:
    """Return the most telling lines of a log, in their order: at most `lines` of them, and `LIMIT` characters.

    The last line that names an exception (else the last that sounds alarmed) is always among them, with some of what
    stands before it; the rest is the log's end.  Colours and control characters are taken out, secrets redacted.
    """
    clean = _CONTROL.sub("", _ANSI.sub("", log[-LOOKED_AT:].replace("\r", "\n")))
    kept = [_short(line.rstrip()) for line in redact(clean).split("\n") if line.strip()]
    key = _key(kept)
    order = [key, *range(key - 1, key - max(lines // 2, 1), -1), *reversed(range(len(kept)))]
    return "\n".join(kept[i] for i in sorted(_fitting(kept, order, lines)))


def _key(kept: list[str]) -> int:
    for pattern in (_FAILURE.match, _ALARM.search):
        for i in reversed(range(len(kept))):
            if pattern(kept[i]):
                return i
    return len(kept) - 1


def _fitting(kept: list[str], order: list[int], lines: int) -> set[int]:
    chosen: set[int] = set()
    room = LIMIT
    for i in order:
        if 0 <= i < len(kept) and i not in chosen and len(chosen) < max(lines, 1) and len(kept[i]) < room:
            chosen.add(i)
            room -= len(kept[i]) + 1
    return chosen


def _short(line: str, most: int = MAX_EXCERPT) -> str:
    return line if len(line) <= most else f"{line[: most - 1]}…"
