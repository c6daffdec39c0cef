"""The page's web application: static files, the JSON API, the event stream.

It shows the world's state and forwards people's actions; it makes no decisions and stores nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from time import monotonic

from aiohttp import web

from bot.domain.errors import UserError
from bot.domain.json import Json
from callboard_demo.errors import PartFailed
from callboard_demo.page import actions
from callboard_demo.page.guard import LONGEST_BODY, guard, harden, refuse
from callboard_demo.page.state import PageState, Stream, encode
from callboard_demo.page.systems import Systems

STATIC = Path(__file__).parent / "static"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class Training:
    """A training in progress: its start (monotonic clock, seconds) and its last progress line."""

    action: actions.Train
    since: float
    says: str = "waiting"


class Page:
    """The page that shows and controls the whole demo."""

    def __init__(self, systems: Systems, *, token: str) -> None:
        self._systems = systems
        self._token = token
        self._trainings: dict[int, Training] = {}
        self._tasks: set[asyncio.Task[int]] = set()
        self._one_training = asyncio.Lock()
        self._state_reader = PageState(systems, self._training)
        self._stream = Stream(self._state_reader.read)
        self.app = web.Application(middlewares=[guard(token)], client_max_size=LONGEST_BODY)
        self.app.on_response_prepare.append(harden)
        self.app.on_shutdown.append(self._shut)
        self._route()

    async def start(self) -> None:
        """Start to watch the systems."""
        for callbacks in self._callbacks():
            callbacks.append(self._stream.wake)
        await self._stream.start()

    async def close(self) -> None:
        """Close the streams and cancel trainings in progress."""
        for callbacks in self._callbacks():
            if self._stream.wake in callbacks:
                callbacks.remove(self._stream.wake)
        await self._stream.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _callbacks(self) -> list[list[Callable[[], None]]]:
        world = self._systems
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
            router.add_post(f"/api/{name}", with_errors(answer))
        router.add_static("/static", STATIC)

    async def _shut(self, _app: web.Application) -> None:
        await self.close()

    async def _index(self, _request: web.Request) -> web.Response:
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return web.Response(text=text.replace("{{token}}", escape(self._token)), content_type="text/html")

    async def _state(self, _request: web.Request) -> web.Response:
        return web.Response(body=encode(await self._state_reader.read()), content_type="application/json")

    async def _say(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.SendLine)
        chat = self._systems.chat.state()
        person, channel = actions.person(chat, action.person), actions.channel(chat, action.channel)
        outcome = await self._systems.chat.send(user=person, channel=channel, text=action.text)
        return web.json_response({"ok": True, **outcome})

    async def _react(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.React)
        chat = self._systems.chat.state()
        ts = actions.message(chat, action.ts)["ts"]
        person, emoji = actions.person(chat, action.person), action.emoji.strip(":")
        with chat_errors():
            await self._systems.chat.react(user=person, ts=ts, emoji=emoji, remove=action.remove)
        return web.json_response({"ok": True})

    async def _click(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.Click)
        chat = self._systems.chat.state()
        found = actions.message(chat, action.ts)
        button, person = actions.button(found, action.action_id), actions.person(chat, action.person)
        with chat_errors():
            await self._systems.chat.click(user=person, ts=found["ts"], action_id=button)
        return web.json_response({"ok": True})

    async def _train(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.Train)
        actions.model(await self._systems.registry.state(), action.model)
        task = asyncio.create_task(self._trained(action))  # continues if the client disconnects
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        version = await asyncio.shield(task)
        return web.json_response({"ok": True, "model": action.model, "version": version})

    async def _trained(self, action: actions.Train) -> int:
        key = max(self._trainings, default=0) + 1
        training = self._trainings[key] = Training(action=action, since=monotonic())
        self._stream.wake()

        def progress(line: str) -> None:
            training.says = line
            self._stream.wake()

        try:
            async with self._one_training:
                return await self._systems.registry.train(action.model, action.quality, progress)
        finally:
            del self._trainings[key]
            self._stream.wake()

    def _training(self) -> list[Json]:
        return [
            {
                "model": training.action.model,
                "quality": training.action.quality,
                "seconds": round(monotonic() - training.since),
                "says": training.says,
            }
            for training in self._trainings.values()
        ]

    async def _bot(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.Bot)
        if action.do == "kill":
            self._systems.bot.kill()
        else:
            await self._systems.bot.start()
        return web.json_response({"ok": True, "bot": self._systems.bot.state()})

    async def _fault(self, request: web.Request) -> web.Response:
        action = actions.parse(await request.read(), actions.Fault)
        self._systems.faults.set(action.system, action.kind, action.seconds)
        return web.json_response({"ok": True, "faults": self._systems.faults.state()})


@contextmanager
def chat_errors() -> Iterator[None]:
    """Turn the chat's refusal of an action into an error message for the caller.

    Raises:
        UserError: the chat refused.
    """
    try:
        yield
    except (LookupError, ValueError) as error:
        raise UserError(f"{error.args[0] if error.args else error}") from error


def with_errors(answer: Answer) -> Answer:
    """Return the handler with errors mapped to responses: 400 wrong request, 500 for the operator."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await answer(request)
        except PartFailed as error:
            return refuse(500, str(error))
        except UserError as error:
            return refuse(400, str(error))

    return answered
