"""An app's replies to a person: in the response to a command, or later through the response_url.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import json
import uuid
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.domain.json import Json
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.messages import contents, revise
from callboard_demo.chat.world import BOT_USER, ChatMessage, Ephemeral, World, revised

USES: Final = 5
SECONDS: Final = 30 * 60.0


@dataclass(slots=True, kw_only=True)
class Address:
    """A response_url: whom it belongs to, its channel, and how often it may still be used."""

    user: str
    channel: str
    original: str | None
    """The ts of the clicked message; for a command, of the last reply shown."""
    until: float
    left: int = USES


class Answers:
    """Issues response_urls and shows the replies that are posted to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._addresses: dict[str, Address] = {}

    def address(self, *, user: str, channel: str, original: str | None = None) -> tuple[str, Address]:
        """Return a new response_url and its record."""
        now = self.world.clock()
        self._addresses = {k: a for k, a in self._addresses.items() if now < a.until}
        name = uuid.uuid4().hex
        address = self._addresses[name] = Address(user=user, channel=channel, original=original, until=now + SECONDS)
        return f"{self.world.url}/response/{name}", address

    async def handle(self, request: web.Request) -> web.Response:
        """Handle a reply posted to a response_url."""
        address = self._addresses.get(request.match_info["id"])
        if address is None or self.world.clock() >= address.until:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if address.left < 1:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            self.show(address, await _body(request))
        except Refusal as refusal:
            return web.Response(text=refusal.error, status=400)
        address.left -= 1
        return web.Response(text="ok")

    def show(self, address: Address, body: Json) -> None:
        """Show a reply where it asks to be shown: in the channel, or to one person.

        Raises:
            Refusal: Slack would reject it.
        """
        given = Arguments(body)
        if given.flag("delete_original"):
            self._delete(address.original)
            return
        text, blocks, _ = contents(given)
        if given.flag("replace_original") and address.original and self._replace(address.original, text, blocks):
            return
        stays = given.text("response_type") == "in_channel"
        address.original = (self._post if stays else self._post_ephemeral)(address, text, blocks)

    def _delete(self, ts: str | None) -> None:
        if ts is not None and (message := self.world.find(ts)):
            self.world.remove(message)
        elif ts is not None:
            self.world.delete_ephemeral(ts)

    def _replace(self, ts: str, text: str, blocks: list[Json]) -> bool:
        message = self.world.find(ts)
        if message is not None:
            revise(self.world, message, text=text, blocks=blocks)
            return True
        for place, ephemeral in enumerate(self.world.private):
            if ephemeral.ts == ts:
                self.world.private[place] = revised(ephemeral, text=text, blocks=blocks)
                self.world.changed()
                return True
        return False

    def _post(self, address: Address, text: str, blocks: list[Json]) -> str:
        ts = self.world.stamp()
        self.world.add(ChatMessage(channel=address.channel, ts=ts, user=BOT_USER, text=text, blocks=blocks))
        return ts

    def _post_ephemeral(self, address: Address, text: str, blocks: list[Json]) -> str:
        ts = self.world.stamp()
        self.world.show_ephemeral(
            Ephemeral(ts=ts, to=address.user, channel=address.channel, text=text, blocks=tuple(blocks))
        )
        return ts


async def _body(request: web.Request) -> Json:
    raw = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        raw = str((await request.post()).get("payload", ""))
    return parsed(raw)


def parsed(raw: str) -> Json:
    """Return a reply's JSON object.

    Raises:
        Refusal: it is none.
    """
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refusal("invalid_payload") from error
    if not isinstance(body, dict):
        raise Refusal("invalid_payload")
    return body
