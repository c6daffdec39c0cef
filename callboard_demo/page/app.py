"""The page's web application: static files, the JSON API, the stream of pictures.

It shows the world and passes people's orders on to it; it decides nothing and keeps nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from time import monotonic

from aiohttp import web

from bot.domain.errors import Misunderstood, Permanent, Temporary
from bot.domain.json import Json
from callboard_demo.page import orders
from callboard_demo.page.guard import LONGEST_BODY, guard, harden, refuse
from callboard_demo.page.picture import Picture, Stream, encode
from callboard_demo.page.sights import Sights

STATIC = Path(__file__).parent / "static"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class Training:
    """A training under way: since when (monotonic clock, seconds), and what it said last."""

    order: orders.Train
    since: float
    says: str = "waiting"


class Page:
    """One page on which the whole demo world is seen and driven."""

    def __init__(self, sights: Sights, *, token: str) -> None:
        self._sights = sights
        self._token = token
        self._trainings: dict[int, Training] = {}
        self._tasks: set[asyncio.Task[int]] = set()
        self._one_training = asyncio.Lock()
        self._picture = Picture(sights, self._training)
        self._stream = Stream(self._picture.take)
        self.app = web.Application(middlewares=[guard(token)], client_max_size=LONGEST_BODY)
        self.app.on_response_prepare.append(harden)
        self.app.on_shutdown.append(self._shut)
        self._route()

    async def start(self) -> None:
        """Begin to watch the world."""
        for seen in self._watched():
            seen.append(self._stream.wake)
        await self._stream.start()

    async def close(self) -> None:
        """End the streams and what is under way."""
        for seen in self._watched():
            if self._stream.wake in seen:
                seen.remove(self._stream.wake)
        await self._stream.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watched(self) -> list[list[Callable[[], None]]]:
        world = self._sights
        return [
            part.on_change for part in (world.chat, world.forge, world.cluster, world.registry, world.bot, world.faults)
        ]

    def _route(self) -> None:
        router = self.app.router
        router.add_get("/", self._index)
        router.add_get("/api/state", self._state)
        router.add_get("/api/events", self._stream.serve)
        for name, answer in (
            ("say", self._say),
            ("react", self._react),
            ("click", self._click),
            ("train", self._train),
            ("bot", self._bot),
            ("fault", self._fault),
        ):
            router.add_post(f"/api/{name}", spoken(answer))
        router.add_static("/static", STATIC)

    async def _shut(self, _app: web.Application) -> None:
        await self.close()

    async def _index(self, _request: web.Request) -> web.Response:
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return web.Response(text=text.replace("{{token}}", escape(self._token)), content_type="text/html")

    async def _state(self, _request: web.Request) -> web.Response:
        return web.Response(body=encode(await self._picture.take()), content_type="application/json")

    async def _say(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.Say)
        chat = self._sights.chat.state()
        person, channel = orders.person(chat, order.person), orders.channel(chat, order.channel)
        said = await self._sights.chat.say(user=person, channel=channel, text=order.text)
        return web.json_response({"ok": True, **said})

    async def _react(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.React)
        chat = self._sights.chat.state()
        ts = orders.message(chat, order.ts)["ts"]
        person, emoji = orders.person(chat, order.person), order.emoji.strip(":")
        with accepted():
            await self._sights.chat.react(user=person, ts=ts, emoji=emoji, remove=order.remove)
        return web.json_response({"ok": True})

    async def _click(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.Click)
        chat = self._sights.chat.state()
        found = orders.message(chat, order.ts)
        action, person = orders.button(found, order.action_id), orders.person(chat, order.person)
        with accepted():
            await self._sights.chat.click(user=person, ts=found["ts"], action_id=action)
        return web.json_response({"ok": True})

    async def _train(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.Train)
        orders.model(await self._sights.registry.state(), order.model)
        task = asyncio.create_task(self._trained(order))  # goes on when the one who asked does not wait for it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        version = await asyncio.shield(task)
        return web.json_response({"ok": True, "model": order.model, "version": version})

    async def _trained(self, order: orders.Train) -> int:
        key = max(self._trainings, default=0) + 1
        training = self._trainings[key] = Training(order=order, since=monotonic())
        self._stream.wake()

        def say(line: str) -> None:
            training.says = line
            self._stream.wake()

        try:
            async with self._one_training:
                return await self._sights.registry.train(order.model, order.quality, say)
        finally:
            del self._trainings[key]
            self._stream.wake()

    def _training(self) -> list[Json]:
        return [
            {
                "model": it.order.model,
                "quality": it.order.quality,
                "seconds": round(monotonic() - it.since),
                "says": it.says,
            }
            for it in self._trainings.values()
        ]

    async def _bot(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.Bot)
        if order.do == "kill":
            self._sights.bot.kill()
        else:
            await self._sights.bot.start()
        return web.json_response({"ok": True, "bot": self._sights.bot.state()})

    async def _fault(self, request: web.Request) -> web.Response:
        order = orders.parse(await request.read(), orders.Fault)
        self._sights.faults.set(order.system, order.kind, order.seconds)
        return web.json_response({"ok": True, "faults": self._sights.faults.state()})


@contextmanager
def accepted() -> Iterator[None]:
    """Turn the chat's own refusal of what somebody does into one that the asker reads.

    Raises:
        Misunderstood: the chat refused.
    """
    try:
        yield
    except (LookupError, ValueError) as error:
        raise Misunderstood(f"{error.args[0] if error.args else error}") from error


def spoken(answer: Answer) -> Answer:
    """Return the handler with our errors turned into answers: 400 the asker's, 503 the moment's, 500 the operator's."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await answer(request)
        except Misunderstood as error:
            return refuse(400, str(error))
        except Temporary as error:
            return refuse(503, str(error))
        except Permanent as error:
            return refuse(500, str(error))

    return answered
