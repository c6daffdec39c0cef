"""Check blocks against Slack's published limits, with Slack's own error messages.

Pure.  The blocks that Callboard's messages use are checked in full (section, header, context, actions, image, markdown,
table); of newer kinds (`plan`, `card` …) only the type is checked.  To add a kind, write one function `(block, at,
faults) -> None` and name it in `KINDS`.

Sources: https://docs.slack.dev/reference/block-kit/blocks, …/block-elements, …/composition-objects/text-object;
the wording of the errors: Slack's responses quoted in public issues (adobe/spacecat-api-service#176,
slackapi/java-slack-sdk#302); the limit of a whole message: slackapi/bolt-js#2509.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from bot.domain.json import Json

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
MARKDOWN_TOTAL: Final = 12_000
CONTENT_TOTAL: Final = 13_200
"""Characters of all texts together.  Slack documents no number; others measured about this many."""

Faults: TypeAlias = list[str]
"""Slack's error messages, each with a JSON pointer."""
Kind: TypeAlias = Callable[[Json, str, Faults], None]


def faults(blocks: Any, *, at: str = "/blocks", most: int = MESSAGE_BLOCKS) -> Faults:
    """Return Slack's error messages for these blocks; empty if it would accept them."""
    found: Faults = []
    if _count(blocks, at, found, most=most):
        for number, block in enumerate(blocks):
            _block(block, f"{at}/{number}", found)
        _once([b.get("block_id") for b in blocks if isinstance(b, dict)], at, found)
        _markdown_total(blocks, at, found)
    return found


def tables(blocks: Iterable[Any]) -> int:
    """Return the number of tables in these blocks; Slack allows one per message."""
    return sum(isinstance(b, dict) and b.get("type") == "table" for b in blocks)


def length(node: Any) -> int:
    """Return the total length of all texts in blocks, in characters."""
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(length(value) for value in node.values())
    return sum(map(length, node)) if isinstance(node, list) else 0


def furnished(blocks: Iterable[Json]) -> list[Json]:
    """Return blocks as Slack stores them: with a block_id each, and an action_id on each interactive element."""
    return [_furnished(block) for block in blocks]


def _furnished(block: Json) -> Json:
    kept: Json = {"block_id": uuid.uuid4().hex[:5]} | block
    if isinstance(kept.get("elements"), list) and kept["type"] in {"actions", "context_actions"}:
        kept["elements"] = [{"action_id": uuid.uuid4().hex[:5]} | e for e in kept["elements"]]
    if isinstance(kept.get("accessory"), dict) and kept["accessory"].get("type") != "image":
        kept["accessory"] = {"action_id": uuid.uuid4().hex[:5]} | kept["accessory"]
    return kept


# ── all blocks ────────────────────────────────────────────────────────────────────────────────────────


def _block(block: Any, at: str, found: Faults) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        found.append(f"missing required field: type [json-pointer:{at}]")
    elif kind not in KINDS:
        found.append(f"unsupported type: {kind} [json-pointer:{at}/type]")
    else:
        _string(block, "block_id", at, found, most=255)
        KINDS[kind](block, at, found)


def _once(names: Iterable[Any], at: str, found: Faults) -> None:
    seen: set[Any] = set()
    for number, name in enumerate(names):
        if name is not None and name in seen:
            found.append(f"`block_id` already exists [json-pointer:{at}/{number}/block_id]")
        seen.add(name)


def _markdown_total(blocks: Iterable[Any], at: str, found: Faults) -> None:
    texts = [b.get("text") for b in blocks if isinstance(b, dict) and b.get("type") == "markdown"]
    if sum(len(t) for t in texts if isinstance(t, str)) > MARKDOWN_TOTAL:
        found.append(f"must be less than {MARKDOWN_TOTAL + 1} characters [json-pointer:{at}]")


# ── single checks ─────────────────────────────────────────────────────────────────────────────────────


def _count(items: Any, at: str, found: Faults, *, most: int, least: int = 1) -> bool:
    if not isinstance(items, list):
        found.append(f"must be an array [json-pointer:{at}]")
    elif len(items) > most:
        found.append(f"no more than {most} items allowed [json-pointer:{at}]")
    elif len(items) < least:
        found.append(f"no less than {least} items allowed [json-pointer:{at}]")
    else:
        return True
    return False


def _string(holder: Json, name: str, at: str, found: Faults, *, most: int, needed: bool = False) -> None:
    value = holder.get(name)
    if value is None:
        if needed:
            found.append(f"missing required field: {name} [json-pointer:{at}]")
    elif not isinstance(value, str):
        found.append(f"must be a string [json-pointer:{at}/{name}]")
    elif len(value) > most:
        found.append(f"must be less than {most + 1} characters [json-pointer:{at}/{name}]")
    elif not value:
        found.append(f"must be more than 0 characters [json-pointer:{at}/{name}]")


def _known(holder: Json, names: str, at: str, found: Faults) -> None:
    unknown = set(holder) - {"type", "block_id", *names.split()}
    found += [f"invalid additional property: {name} [json-pointer:{at}]" for name in sorted(unknown)]


def _text(text: Any, at: str, found: Faults, *, most: int, plain: bool = False) -> None:
    """Check a text object: {"type": "mrkdwn" or "plain_text", "text": …}."""
    own: Faults = []
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if not isinstance(text, dict):
        own.append(f"must be an object [json-pointer:{at}]")
    elif text.get("type") not in kinds:
        own.append(f"must be a valid enum value [json-pointer:{at}/type]")
    else:
        _string(text, "text", at, own, most=most, needed=True)
        _known(text, "text emoji" if text["type"] == "plain_text" else "text verbatim", at, own)
    if own:
        found += [f"failed to match all allowed schemas [json-pointer:{at}]", *own]


# ── elements ──────────────────────────────────────────────────────────────────────────────────────────


def _button(button: Json, at: str, found: Faults) -> None:
    """https://docs.slack.dev/reference/block-kit/block-elements/button-element ."""
    _text(button.get("text"), f"{at}/text", found, most=75, plain=True)
    for name, most in (("action_id", 255), ("value", 2000), ("url", 3000), ("accessibility_label", 75)):
        _string(button, name, at, found, most=most)
    if button.get("style", "primary") not in {"primary", "danger"}:
        found.append(f"must be a valid enum value [json-pointer:{at}/style]")
    if "confirm" in button:
        _confirm(button["confirm"], f"{at}/confirm", found)
    _known(button, "text action_id value url style confirm accessibility_label", at, found)


def _confirm(confirm: Any, at: str, found: Faults) -> None:
    if not isinstance(confirm, dict):
        found.append(f"must be an object [json-pointer:{at}]")
        return
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        _text(confirm.get(name), f"{at}/{name}", found, most=most, plain=True)
    _text(confirm.get("text"), f"{at}/text", found, most=300)


def _picker(element: Json, at: str, found: Faults) -> None:
    _string(element, "action_id", at, found, most=255)


def _picture(image: Json, at: str, found: Faults) -> None:
    """https://docs.slack.dev/reference/block-kit/block-elements/image-element ."""
    _string(image, "alt_text", at, found, most=2000, needed=True)
    _string(image, "image_url", at, found, most=3000, needed="slack_file" not in image)


_PICKERS: Final = (
    "checkboxes radio_buttons overflow datepicker timepicker datetimepicker workflow_button"
    " static_select external_select users_select conversations_select channels_select multi_static_select"
    " multi_external_select multi_users_select multi_conversations_select multi_channels_select"
)

ELEMENTS: Final[Mapping[str, Kind]] = {
    "button": _button,
    **dict.fromkeys(_PICKERS.split(), _picker),
}


def _element(element: Any, at: str, found: Faults, *, allowed: Mapping[str, Kind]) -> None:
    kind = str(element.get("type")) if isinstance(element, dict) else "none"
    if kind in allowed:
        allowed[kind](element, at, found)
    else:
        found.append(f"unsupported type: {kind} [json-pointer:{at}/type]")


def _elements(block: Json, at: str, found: Faults, *, most: int, allowed: Mapping[str, Kind]) -> None:
    if _count(block.get("elements"), f"{at}/elements", found, most=most):
        for number, element in enumerate(block["elements"]):
            _element(element, f"{at}/elements/{number}", found, allowed=allowed)
    _known(block, "elements", at, found)


# ── blocks ────────────────────────────────────────────────────────────────────────────────────────────


def _section(block: Json, at: str, found: Faults) -> None:
    """https://docs.slack.dev/reference/block-kit/blocks/section-block ."""
    if "text" not in block and "fields" not in block:
        found.append(f"must define either `text` or `fields` [json-pointer:{at}]")
    if "text" in block:
        _text(block["text"], f"{at}/text", found, most=3000)
    if "fields" in block and _count(block["fields"], f"{at}/fields", found, most=10):
        for number, text in enumerate(block["fields"]):
            _text(text, f"{at}/fields/{number}", found, most=2000)
    if "accessory" in block:
        _element(block["accessory"], f"{at}/accessory", found, allowed={**ELEMENTS, "image": _picture})
    _known(block, "text fields accessory expand", at, found)


def _header(block: Json, at: str, found: Faults) -> None:
    _text(block.get("text"), f"{at}/text", found, most=150, plain=True)
    _known(block, "text level", at, found)


def _actions(block: Json, at: str, found: Faults) -> None:
    _elements(block, at, found, most=25, allowed=ELEMENTS)


def _context(block: Json, at: str, found: Faults) -> None:
    def words(element: Json, where: str, into: Faults) -> None:
        _text(element, where, into, most=3000)

    _elements(block, at, found, most=10, allowed={"image": _picture, "mrkdwn": words, "plain_text": words})


def _divider(block: Json, at: str, found: Faults) -> None:
    _known(block, "", at, found)


def _image(block: Json, at: str, found: Faults) -> None:
    _picture(block, at, found)
    if "title" in block:
        _text(block["title"], f"{at}/title", found, most=2000, plain=True)
    _known(block, "alt_text image_url slack_file title", at, found)


def _markdown(block: Json, at: str, found: Faults) -> None:
    """https://docs.slack.dev/reference/block-kit/blocks/markdown-block ; the total length is checked elsewhere."""
    _string(block, "text", at, found, most=MARKDOWN_TOTAL, needed=True)
    _known(block, "text", at, found)


def _table(block: Json, at: str, found: Faults) -> None:
    """https://docs.slack.dev/reference/block-kit/blocks/table-block ."""
    if _count(block.get("rows"), f"{at}/rows", found, most=100):
        for number, row in enumerate(block["rows"]):
            where = f"{at}/rows/{number}"
            if _count(row, where, found, most=20):
                for column, cell in enumerate(row):
                    _element(cell, f"{where}/{column}", found, allowed=CELLS)
    if "column_settings" in block:
        _count(block["column_settings"], f"{at}/column_settings", found, most=20, least=0)
    _known(block, "rows column_settings", at, found)


def _raw_text(cell: Json, at: str, found: Faults) -> None:
    _string(cell, "text", at, found, most=CONTENT_TOTAL, needed=True)


def _rich_text(block: Json, at: str, found: Faults) -> None:
    kinds = {f"rich_text_{kind}": _anything for kind in ("section", "list", "quote", "preformatted")}
    _elements(block, at, found, most=CONTENT_TOTAL, allowed=kinds)


def _anything(block: Json, at: str, found: Faults) -> None:
    """Accept a block of a known type without checking its fields."""


CELLS: Final[Mapping[str, Kind]] = {"raw_text": _raw_text, "raw_number": _anything, "rich_text": _rich_text}

_NEWER: Final = (
    "call card carousel container context_actions data_table data_visualization file input plan task_card video"
)

KINDS: Final[Mapping[str, Kind]] = {
    "section": _section,
    "header": _header,
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "image": _image,
    "markdown": _markdown,
    "table": _table,
    "rich_text": _rich_text,
    **dict.fromkeys(_NEWER.split(), _anything),
}
