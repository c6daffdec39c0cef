"""A fake Slack that the real SDKs use unmodified: Web API, signed deliveries, people who type, react and click."""

from bot.demo.chat.limits import Limits
from bot.demo.chat.workspace import Chat
from bot.demo.chat.world import ChatUser

__all__ = ["Chat", "ChatUser", "Limits"]
