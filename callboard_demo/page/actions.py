"""The actions of people and scripts, checked against the world before anything is done.

Each action is a msgspec struct, which refuses unknown fields and wrong types.  An unknown person, message or model is
refused with a list of the known ones.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from bot.domain.errors import UserError
from bot.domain.json import Json
from callboard_demo.faults import FaultKind

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Line: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=12_000)]
Emoji: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^:?[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?:?$")]


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any action."""


class SendLine(Action, frozen=True, rename={"person": "as"}):
    """A person sends a line to a channel; one that starts with "/" is a command."""

    person: Word
    channel: Word
    text: Line


class React(Action, frozen=True, rename={"person": "as"}):
    """A person adds an emoji to a message, or removes it."""

    person: Word
    ts: Word
    emoji: Emoji
    remove: bool = False


class Click(Action, frozen=True, rename={"person": "as"}):
    """A person clicks a button on a message."""

    person: Word
    ts: Word
    action_id: Word


class Train(Action, frozen=True):
    """A new version of a model is trained and registered."""

    model: Word
    quality: Literal["better", "worse", "broken"]


class Bot(Action, frozen=True):
    """The bot's process is killed (SIGKILL) or started."""

    do: Literal["kill", "start"]


class Fault(Action, frozen=True):
    """A system fails for a while; zero seconds end the fault."""

    system: Literal["slack", "github", "kubernetes", "mlflow"]
    kind: FaultKind
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)]


EXAMPLES: dict[type[Action], str] = {
    SendLine: '{"as": "alice", "channel": "#ml-releases", "text": "/models"}',
    React: '{"as": "bob", "ts": "1753000000.000100", "emoji": "white_check_mark", "remove": false}',
    Click: '{"as": "bob", "ts": "1753000000.000100", "action_id": "approve"}',
    Train: '{"model": "iris-classifier", "quality": "better" | "worse" | "broken"}',
    Bot: '{"do": "kill" | "start"}',
    Fault: '{"system": "slack" | "github" | "kubernetes" | "mlflow", "kind": "down" | "lost_answer", "seconds": 10}',
}

AnyAction = TypeVar("AnyAction", bound=Action)


def parse(body: bytes, shape: type[AnyAction]) -> AnyAction:
    """Parse the action in a request's body.

    Raises:
        UserError: it is not JSON of that shape; the message says what was expected.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{error}. Expected {EXAMPLES[shape]}.") from error


def person(chat: Json, name: str) -> str:
    """Return the id of a person, given by id or name ("alice", "@alice").

    Raises:
        UserError: there is no such person.
    """
    known = {p["name"]: p["id"] for p in chat["people"]}
    wanted = name.removeprefix("@")
    if wanted in known.values():
        return wanted
    return _pick(known, wanted, "person")


def channel(chat: Json, name: str) -> str:
    """Return the id of a channel, given by id or name, with or without "#".

    Raises:
        UserError: there is no such channel.
    """
    known = {c["name"].removeprefix("#"): c["id"] for c in chat["channels"]}
    wanted = name.removeprefix("#")
    if wanted in known.values():
        return wanted
    return _pick(known, wanted, "channel")


def message(chat: Json, ts: str) -> Json:
    """Return the message with this ts: in a channel, in a thread, or ephemeral.

    Raises:
        UserError: there is no such message.
    """
    for found in messages(chat):
        if found["ts"] == ts:
            return found
    raise UserError(f'There is no message with the ts "{ts}"; GET /api/state lists them.')


def button(found: Json, action_id: str) -> str:
    """Return the action id, if the message has such a button.

    Raises:
        UserError: it has no such button; the message lists its buttons.
    """
    known = dict.fromkeys(_action_ids(found.get("blocks") or []))
    if action_id not in known:
        has = f"has {', '.join(known)}" if known else "has no buttons"
        raise UserError(f'That message has no button "{action_id}": it {has}.')
    return action_id


def model(registry: Json, name: str) -> str:
    """Return the model's name, if it is registered.

    Raises:
        UserError: it is not registered; the message lists the models.
    """
    return _pick({m["name"]: m["name"] for m in registry["models"]}, name, "model")


def messages(chat: Json) -> Iterator[Json]:
    """Yield every message that somebody can see."""
    for top in chat["messages"]:
        yield top
        yield from top.get("thread") or []
    yield from chat["private"]


def _action_ids(blocks: Iterable[Json]) -> Iterator[str]:
    for block in blocks:
        elements = [*(block.get("elements") or []), block.get("accessory") or {}]
        for element in elements:
            if isinstance(element, dict) and isinstance(element.get("action_id"), str):
                yield element["action_id"]


def _pick(known: dict[str, str], wanted: str, kind: str) -> str:
    if wanted in known:
        return known[wanted]
    raise UserError(f'There is no {kind} "{wanted}"; known: {", ".join(sorted(known)) or "none yet"}.')
