"""Parse what Slack sends, strictly: bytes in, one of three kinds of request out, or the reason of a refusal.

HTTP and Socket Mode carry the same three kinds; their names are Socket Mode's.  A handler reads only what it asks for
by a type (`parsed`), and what is stored is short and printable.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from bot.domain.errors import Misunderstood
from bot.domain.json import Json
from bot.domain.reason import Said
from bot.domain.reasons.inbound import NotAForm, NotAJsonObject, NotFromSlack

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
FIELDS: Final = 64
"""A command has about fifteen."""

Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{1,64}\Z")]
"""An id, or a name that Slack gives to something."""
Moment: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,10}\.[0-9]{1,6}\Z")]
"""Seconds since 1970 and microseconds: a time, which is also the id of a message."""
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
"""The least that a body of each kind has."""


def unpack(body: bytes, content_type: str) -> tuple[Kind, Json]:
    """Return the kind of a request, and its body as JSON.

    Raises:
        Misunderstood: it is not encoded as Slack encodes it.
    """
    if content_type == JSON:
        return Kind.EVENT, _object(body)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"))
    except ValueError as error:
        raise Misunderstood(NotAForm(fields=FIELDS)) from error
    return (Kind.INTERACTION, _object(form["payload"].encode())) if "payload" in form else (Kind.COMMAND, form)


def parsed(body: Any, what: type[T]) -> T:
    """Return the fields of a body that a type asks for.

    Raises:
        Misunderstood: something is missing, or is not what Slack sends there.
    """
    try:
        return msgspec.convert(body, what)
    except msgspec.ValidationError as error:
        raise Misunderstood(NotFromSlack(problem=Said(str(error)))) from error


def _object(text: bytes) -> Json:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:  # msgspec lets the last two through
        raise Misunderstood(NotAJsonObject()) from error
