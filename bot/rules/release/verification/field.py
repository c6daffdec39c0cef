"""A field of a JSON answer that the team chose: `{path: /info, field: /model/version, equals: "{version}"}`.

The field is a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from bot.domain.reason import Name, Reason
from bot.domain.reasons.verification import AnswerWithoutVersion, NoSuchField, VerifiedByField
from bot.domain.verification import Answer, Confirms, Differs, Method, Question, Verify
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.kubernetes.raw import whole
from bot.rules.release.templates import fill
from bot.rules.release.verification.check import OK, Check, Replies, Subject


def _questions(subject: Subject) -> tuple[Question, ...]:
    return (Question(path=fill(subject.verify.path, subject.values, partial(quote, safe=""))),)


def _read(subject: Subject, replies: Replies) -> Answer | None:
    wanted = fill(subject.verify.equals, subject.values)
    if not replies:
        return None
    (reply,), path = replies, Name(subject.verify.path)
    if reply.status != OK:
        return AnswerWithoutVersion(path=path, status=reply.status)
    found = _as_text(_at(reply.content, subject.verify.field))
    if found is None:
        return NoSuchField(path=path, field=Name(subject.verify.field))
    return Confirms() if found == wanted else Differs(found=quote_name(found))


def _at(content: Any, pointer: str) -> Any:
    """Return the value at a pointer; None where there is none."""
    for step in _steps(pointer):
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list):
            number = whole(step)
            content = content[number] if number is not None and number < len(content) else None
        else:
            return None
    return content


def _steps(pointer: str) -> Iterator[str]:
    yield from (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _as_text(value: Any) -> str | None:
    """Return a value as it is compared: a number as JSON writes it; None for what no text can equal."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value or None
        case int() | float():
            return str(value)
        case _:
            return None


def _verified(verify: Verify, version: int) -> Reason:
    return VerifiedByField(path=Name(verify.path), version=version)


CHECK: Final = Check(method=Method.FIELD, questions=_questions, read=_read, verified=_verified)
