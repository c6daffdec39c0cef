"""A fake Slack that the real SDKs use unmodified: Web API, signed deliveries, people who type, react and click."""

from callboard_demo.chat.limits import Limits
from callboard_demo.chat.workspace import Chat
from callboard_demo.chat.world import ChatUser

__all__ = ["Chat", "ChatUser", "Limits"]
