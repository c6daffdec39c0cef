"""What a person or a script may ask of the page, checked against the world before anything is done.

Each order is a shape; msgspec refuses unknown fields and wrong types.  What names something that is not there (a
person, a message, a model) is refused with what is there.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from bot.domain.errors import Misunderstood
from bot.domain.json import Json
from callboard_demo.faults import FaultKind

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Line: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=12_000)]
Emoji: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^:?[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?:?$")]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything that is asked for."""


class Say(Order, frozen=True, rename={"person": "as"}):
    """A person types a line into a channel; one that starts with "/" is a command."""

    person: Word
    channel: Word
    text: Line


class React(Order, frozen=True, rename={"person": "as"}):
    """A person puts an emoji on a message, or takes it off again."""

    person: Word
    ts: Word
    emoji: Emoji
    remove: bool = False


class Click(Order, frozen=True, rename={"person": "as"}):
    """A person clicks a button of a message."""

    person: Word
    ts: Word
    action_id: Word


class Train(Order, frozen=True):
    """A new version of a model is trained and registered."""

    model: Word
    quality: Literal["better", "worse", "broken"]


class Bot(Order, frozen=True):
    """The bot's process is killed (SIGKILL) or started."""

    do: Literal["kill", "start"]


class Fault(Order, frozen=True):
    """A system fails for a while; zero seconds end its trouble."""

    system: Literal["slack", "github", "kubernetes", "mlflow"]
    kind: FaultKind
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)]


EXAMPLES: dict[type[Order], str] = {
    Say: '{"as": "alice", "channel": "#ml-releases", "text": "/models"}',
    React: '{"as": "bob", "ts": "1753000000.000100", "emoji": "white_check_mark", "remove": false}',
    Click: '{"as": "bob", "ts": "1753000000.000100", "action_id": "approve"}',
    Train: '{"model": "iris-classifier", "quality": "better" | "worse" | "broken"}',
    Bot: '{"do": "kill" | "start"}',
    Fault: '{"system": "slack" | "github" | "kubernetes" | "mlflow", "kind": "down" | "lost_answer", "seconds": 10}',
}

Asked = TypeVar("Asked", bound=Order)


def parse(body: bytes, shape: type[Asked]) -> Asked:
    """Return the order that a body holds.

    Raises:
        Misunderstood: it is no JSON of that shape; says what was expected.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misunderstood(f"{error}. Expected {EXAMPLES[shape]}.") from error


def person(chat: Json, name: str) -> str:
    """Return the id of a person of the chat, given by id or by name ("alice", "@alice").

    Raises:
        Misunderstood: nobody is called so.
    """
    known = {p["name"]: p["id"] for p in chat["people"]}
    wanted = name.removeprefix("@")
    if wanted in known.values():
        return wanted
    return _pick(known, wanted, "person")


def channel(chat: Json, name: str) -> str:
    """Return the id of a channel, given by id or by name, with or without "#".

    Raises:
        Misunderstood: there is no such channel.
    """
    known = {c["name"].removeprefix("#"): c["id"] for c in chat["channels"]}
    wanted = name.removeprefix("#")
    if wanted in known.values():
        return wanted
    return _pick(known, wanted, "channel")


def message(chat: Json, ts: str) -> Json:
    """Return the message of that ts: of a channel, of a thread, or one that only one person sees.

    Raises:
        Misunderstood: there is none.
    """
    for found in messages(chat):
        if found["ts"] == ts:
            return found
    raise Misunderstood(f'There is no message with the ts "{ts}": take one from GET /api/state.')


def button(found: Json, action_id: str) -> str:
    """Return the action id, if the message has a button of that name.

    Raises:
        Misunderstood: it has none such; says which it has.
    """
    known = dict.fromkeys(_action_ids(found.get("blocks") or []))
    if action_id not in known:
        has = f"has {', '.join(known)}" if known else "has no buttons"
        raise Misunderstood(f'That message has no button "{action_id}": it {has}.')
    return action_id


def model(registry: Json, name: str) -> str:
    """Return the model's name, if the registry has it.

    Raises:
        Misunderstood: it has not; says which it has.
    """
    return _pick({m["name"]: m["name"] for m in registry["models"]}, name, "model")


def messages(chat: Json) -> Iterator[Json]:
    """Give every message that somebody sees."""
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
    raise Misunderstood(f'There is no {kind} "{wanted}": one of {", ".join(sorted(known)) or "none yet"}.')
