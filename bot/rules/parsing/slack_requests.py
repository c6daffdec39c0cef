"""What Slack sends, read strictly.  Pure: bytes in, one of three kinds of saying out, or the sentence of a refusal.

Both ways in, HTTP and Socket Mode, carry the same three kinds; their names are those that Socket Mode gives them.
Only what a handler asks for by a type (`told`) is read of them, and what is recorded is short and printable.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from bot.domain.errors import Misunderstood
from bot.domain.json import Json

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
FIELDS: Final = 64
"""A command has about fifteen."""

Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{1,64}\Z")]
"""An id, or a name that Slack gives to something."""
Moment: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,10}\.[0-9]{1,6}\Z")]
"""Seconds since 1970 and microseconds: when, and also which message."""
Text: TypeAlias = Annotated[str, Meta(max_length=10_000, pattern=r"\A[^\0]*\Z")]
T = TypeVar("T")


class Kind(StrEnum):
    """What one request or envelope is.  https://docs.slack.dev/apis/events-api/using-socket-mode#events ."""

    COMMAND = "slash_commands"
    INTERACTION = "interactive"
    EVENT = "events_api"


class _Command(msgspec.Struct):
    command: Annotated[str, Meta(max_length=100)]


class _Action(msgspec.Struct):
    action_id: str


class _Interaction(msgspec.Struct):
    type: str
    actions: list[_Action] = []


class _Event(msgspec.Struct):
    type: str = ""


class _Envelope(msgspec.Struct):
    type: str
    challenge: Text = ""
    event: _Event = msgspec.field(default_factory=_Event)


SHAPES: Final[dict[Kind, type]] = {Kind.COMMAND: _Command, Kind.INTERACTION: _Interaction, Kind.EVENT: _Envelope}
"""What every body of a kind has at least."""


def unpack(body: bytes, content_type: str) -> tuple[Kind, Json]:
    """Return what the body of a request holds, and of which kind it is.

    Raises:
        Misunderstood: it is not packed as Slack packs it.
    """
    if content_type == JSON:
        return Kind.EVENT, _object(body)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"))
    except ValueError as error:
        raise Misunderstood(
            f"the body is no form of at most {FIELDS} fields in UTF-8; send it as Slack does"
        ) from error
    return (Kind.INTERACTION, _object(form["payload"].encode())) if "payload" in form else (Kind.COMMAND, form)


def told(body: Any, what: type[T]) -> T:
    """Return what a body tells of what is asked for.

    Raises:
        Misunderstood: something is missing, or is not what Slack sends there.
    """
    try:
        return msgspec.convert(body, what)
    except msgspec.ValidationError as error:
        raise Misunderstood(f"the body is not what Slack sends ({error}); see docs.slack.dev") from error


def _object(text: bytes) -> Json:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:  # msgspec lets the last two through
        raise Misunderstood("the body is no JSON object in UTF-8 of a sane depth; send it as Slack does") from error
