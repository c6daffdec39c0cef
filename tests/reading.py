"""A Slack message as a person reads it, for tests of whole messages.  Not itself a test."""

from typing import Any

from bot.domain import Message


def read(message: Message) -> str:
    """Return the texts of a message, a paragraph for each block; buttons stand in brackets."""
    return "\n\n".join("\n".join(_words(block)) for block in message.blocks)


def _words(node: Any) -> list[str]:
    if isinstance(node, list):
        return [word for one in node for word in _words(one)]
    if node.get("type") == "button":
        return [f"[{node['text']['text']}]"]
    if isinstance(node.get("text"), str):
        return [node["text"]]
    return [word for value in node.values() if isinstance(value, dict | list) for word in _words(value)]
