"""The channel as plain text."""

import re

from callboard_demo.tour.observer import visible_text
from callboard_demo.world import World


def transcript(world: World) -> str:
    """Return the channel's messages, reactions and private replies in chronological order."""
    state = world.chat.state()
    names = {person["id"]: person["name"] for person in state["people"]}
    lines = ["", "The channel:", ""]
    private = [{**one, "only": names.get(one["to"], one["to"])} for one in state["private"]]
    for message in sorted([*state["messages"], *private], key=lambda m: float(m["ts"])):
        who = f"(visible only to {message['only']})" if "only" in message else str(message.get("name", ""))
        text = _named(_once(visible_text(message)), names)
        reactions = "".join(
            f"  [{r['name']}: {', '.join(names.get(u, u) for u in r['users'])}]" for r in message.get("reactions", [])
        )
        lines += [
            f"{who}:",
            *(f"    {line}" for line in text.splitlines() if line.strip()),
            *([reactions] if reactions else []),
            "",
        ]
    return "\n".join(lines)


def _once(text: str) -> str:
    """Drop the fallback text if there are blocks."""
    first, _, rest = text.partition("\n")
    return rest or first


def _named(text: str, names: dict[str, str]) -> str:
    """Render people and links as the chat does."""
    for user, name in names.items():
        text = text.replace(f"<@{user}>", f"@{name}")
    return re.sub(r"<[^<>|]+\|([^<>]+)>", r"\1", text)
