"""No error, log, page, message or address of the bot contains a secret, whatever goes wrong."""

import asyncio
import base64
import json
import logging
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, quote_plus

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler, Middleware

from bot.clients.github.client import GitHub
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.mlflow.client import MLflow
from bot.clients.slack.client import Slack
from bot.config.environment import Environment
from bot.config.logs import Line
from bot.domain.chat import Message
from bot.domain.errors import Permanent, Temporary
from callboard_demo.bot_process import PASSED_ON, ROOT
from callboard_demo.faults import SYSTEMS, drop
from tests.chaos.extent import FULL, SEED
from tests.chaos.planted import KUBERNETES, PLANTED, hits, variables
from tests.chaos.process import Victim
from tests.chaos.writes import by_agent
from tests.fixtures.story_world import StoryWorld, story_world
from tests.ports import free_port, silent_port
from tests.stories.registry import Models

READY: Final = {
    "SLACK_BOT_TOKEN": PLANTED["SLACK_BOT_TOKEN"],
    "SLACK_SIGNING_SECRET": PLANTED["SLACK_SIGNING_SECRET"],
    "GITHUB_TOKEN": PLANTED["GITHUB_TOKEN"],
    "MLFLOW_TRACKING_URI": "http://mlflow:5000",
}
APP: Final = {"GITHUB_APP_ID": "7", "GITHUB_APP_INSTALLATION_ID": "8"}
HIDING: Final = Line(PLANTED.values())


# ── the search ───────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_planted_in_every_variable_that_holds_one() -> None:
    assert set(PLANTED) == variables()


SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "for an address": lambda secret: quote(secret, safe=""),
    "for a form": quote_plus,
    "json": json.dumps,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "of a header": lambda secret: "Basic " + base64.b64encode(f"bot:{secret}".encode()).decode(),
    "of a header, in an address": lambda secret: quote(base64.b64encode(f"the bot:{secret}".encode()).decode()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", PLANTED)
def test_the_search_finds_a_secret_in_every_spelling(name: str, spelling: str) -> None:
    shown = SPELLINGS[spelling](PLANTED[name])
    assert name in hits(f"words before {shown} and behind")
    assert hits(HIDING.format(record(f"words before {shown} and behind"))) == set()


def record(text: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord("bot", logging.ERROR, "x.py", 1, "%s", (text,), info)


# ── the clients ────────────────────────────────────────────────────────────────────────────────────────


def echo(request: web.Request, body: str) -> str:
    """Return a request as the worst of servers would quote it."""
    return "\n".join([f"{request.method} {request.url}", *(f"{k}: {v}" for k, v in request.headers.items()), body])


def quoting(status: int) -> Callable[[web.Request, str], web.Response]:
    """Return what answers with an error object that quotes the request in every field that anybody reads."""

    def answer(request: web.Request, body: str) -> web.Response:
        said, headers = echo(request, body), dict(request.headers)
        whole = {"ok": False, "error": said, "error_code": said, "message": said, "reason": said, "needed": said}
        more = {"errors": [{"message": json.dumps(headers)}, said], "response_metadata": {"messages": [said]}}
        return web.json_response(whole | more, status=status)

    return answer


def garbage(content_type: str) -> Callable[[web.Request, str], web.Response]:
    """Return what answers with no JSON, whatever it says that it is."""
    return lambda request, body: web.Response(text="{" + echo(request, body), content_type=content_type)


@dataclass(slots=True, kw_only=True)
class Hostile:
    """A server that answers everything badly, and another one to which it sends people."""

    mood: str = "refuses"
    stolen: list[str] = field(default_factory=list)
    """All that reached the other one."""
    asked: int = 0
    thief: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the mood is."""
        self.asked += 1
        return MOODS[self.mood](self, request, await request.text())

    async def steal(self, request: web.Request) -> web.Response:
        """Keep what came."""
        self.stolen.append(echo(request, await request.text()))
        return web.json_response({"ok": True})

    def away(self, status: int, request: web.Request, body: str) -> web.Response:
        """Send somebody to the thief, with all that they said."""
        return web.Response(status=status, headers={"Location": f"{self.thief}/?{quote(echo(request, body))}"})


MOODS: Final[dict[str, Callable[[Hostile, web.Request, str], web.Response]]] = {
    "refuses": lambda _, request, body: quoting(401)(request, body),
    "forbids": lambda _, request, body: quoting(403)(request, body),
    "does not understand": lambda _, request, body: quoting(422)(request, body),
    "asks for patience": lambda _, request, body: quoting(429)(request, body),
    "is broken": lambda _, request, body: quoting(500)(request, body),
    "is another": lambda _, request, body: quoting(200)(request, body),
    "speaks HTML": lambda _, request, body: garbage("text/html")(request, body),
    "speaks no JSON": lambda _, request, body: garbage("application/json")(request, body),
    "says nothing": lambda _, request, body: web.json_response({"ok": True}),
    "hangs up": lambda _, request, body: drop(request),
    "moved": lambda server, request, body: server.away(302, request, body),
    "moved, and wants all of it": lambda server, request, body: server.away(307, request, body),
}


@asynccontextmanager
async def hostile() -> AsyncIterator[tuple[Hostile, str]]:
    server = Hostile()
    apps = web.Application(), web.Application()
    apps[0].router.add_route("*", "/{path:.*}", server.answer)
    apps[1].router.add_route("*", "/{path:.*}", server.steal)
    async with TestServer(apps[0]) as bad, TestServer(apps[1], host="localhost") as thief:
        server.thief = str(thief.make_url("")).rstrip("/")
        yield server, str(bad.make_url("")).rstrip("/")


Client: TypeAlias = tuple[Any, list[Callable[[], Awaitable[object]]]]
"""A client, and what is asked of it."""


async def slack(url: str, folder: Path) -> Client:
    client = Slack.connect(PLANTED["SLACK_BOT_TOKEN"], url)
    posting = lambda: client.post("C0MLRELEASES", Message(text="hello"), key="k")  # noqa: E731  (one of a list of calls)
    return client, [client.whoami, posting, lambda: client.socket(PLANTED["SLACK_APP_TOKEN"])]


async def github(url: str, folder: Path) -> Client:
    client = GitHub.connect("acme/models-gitops", Environment.read(READY | {"GITHUB_API_URL": url}))
    return client, [
        client.base,
        lambda: client.close_pull(1, "why"),
        lambda: client.report_approval("0" * 40, "pending", "why"),
    ]


async def github_app(url: str, folder: Path) -> Client:
    app = APP | {"GITHUB_TOKEN": "", "GITHUB_APP_PRIVATE_KEY": PLANTED["GITHUB_APP_PRIVATE_KEY"]}
    client = GitHub.connect("acme/models-gitops", Environment.read(READY | app | {"GITHUB_API_URL": url}))
    return client, [client.base]


async def mlflow(url: str, folder: Path) -> Client:
    client = MLflow.connect(url, "the bot", PLANTED["MLFLOW_TRACKING_PASSWORD"])
    return client, [client.models, lambda: client.move_alias("iris", "production", 1)]


async def mlflow_token(url: str, folder: Path) -> Client:
    client = MLflow.connect(url, token=PLANTED["MLFLOW_TRACKING_TOKEN"])
    return client, [client.models]


async def kubernetes(url: str, folder: Path) -> Client:
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": KUBERNETES}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(json.dumps(config))
    client = await Kubernetes.connect(str(folder / "kubeconfig"))
    return client, [lambda: client.list("models", "pods"), lambda: client.log("models", "pod")]


CLIENTS: Final[Mapping[str, Callable[[str, Path], Awaitable[Client]]]] = {
    each.__name__: each for each in (slack, github, github_app, mlflow, mlflow_token, kubernetes)
}


@pytest.mark.parametrize("system", CLIENTS)
async def test_the_errors_of_a_client_hold_no_secret(system: str, tmp_path: Path) -> None:
    with silent_port() as nobody:
        async with hostile() as (server, url):
            places = {mood: url for mood in MOODS} | {
                "speaks no TLS": url.replace("http://", "https://"),
                "is not there": f"http://127.0.0.1:{nobody}",
                "is nowhere": "http://nowhere.invalid",
            }
            told: dict[str, list[str]] = {mood: [] for mood in places}
            for mood, place in places.items():
                server.mood = mood
                client, asks = await CLIENTS[system](place, tmp_path)
                assert hits(repr(client) + repr(vars(client))) == set()
                for ask in asks:
                    told[mood] += await said(ask)
                await client.close()
    assert {mood: found for mood, texts in told.items() if (found := hits("\n".join(texts)))} == {}
    assert hits("\n".join(server.stolen)) == set()
    assert server.asked >= len(MOODS)


async def said(ask: Callable[[], Awaitable[object]]) -> list[str]:
    """Return what a failure says, and what the log says of it with all that a library had to say."""
    try:
        await ask()
    except (Temporary, Permanent) as error:
        return [str(error), repr(error), HIDING.format(record("it failed", error))]
    return []


# ── the whole bot ────────────────────────────────────────────────────────────────────────────────────

STORY: Final = {name: secret for name, secret in PLANTED.items() if name != "GITHUB_APP_PRIVATE_KEY"}
A_FEW: Final = 3


@dataclass(slots=True)
class Weather:
    """What stands in front of every system, and answers in its place while the mood is bad."""

    mood: str | None = None
    asked: set[str] = field(default_factory=set)
    """The systems that were asked in the present mood."""
    server: Hostile = field(default_factory=Hostile)

    def in_front(self, system: str) -> list[Middleware]:
        """Return what stands in front of one system."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.mood is None or by_agent(request):
                return await handler(request)
            self.asked.add(system)
            return MOODS[self.mood](self.server, request, await request.text())

        return [answer]


@pytest.mark.slow
@pytest.mark.timeout(1800 if FULL else 400)
async def test_a_bot_to_which_everything_happens_lets_no_secret_out(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    victim, weather, told = Victim(folder=tmp_path), Weather(), dict[str, str]()
    moods = sorted(MOODS) if FULL else random.Random(SEED).sample(sorted(MOODS), A_FEW)

    async def work(text: str, environ: Mapping[str, str]) -> None:
        told.update(environ)
        await victim.work(text, {**environ, "MLFLOW_TRACKING_USERNAME": "bot", "LOG_LEVEL": "DEBUG"})

    async with (
        hostile() as (server, _),
        story_world(
            tmp_path, model=model, mlflow=registry.url, in_front=weather.in_front, work=work, secrets=STORY
        ) as world,
    ):
        weather.server = server
        world.patience = 75  # who was refused again and again asks every 30 s (`bot.cluster.stream.REFUSED_PAUSE`)
        world.forge.on_change.append(world.agent.wake)
        version = await registry.version(model)
        await world.hint(version)
        await world.message(f"Released v{version} to staging")
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v{version}", "production", "2 approvals")
        pages = []
        for number, mood in enumerate(moods):
            weather.mood, weather.asked = mood, set()
            for system in SYSTEMS:  # what is open is cut, so that it is opened anew
                world.faults.set(system, "down", 0.2)
            await world.react("bob", card, emoji="eyes")
            await world.hint(1000 + number)
            await world.react("bob", card)
            await world.until(
                lambda: [True] * (weather.asked >= set(SYSTEMS)), f"each system asked while it {mood}", 120
            )
            pages += [await page(world, told["INTERNAL_PORT"], name) for name in ("readyz", "promotions")]
            weather.mood = None
        await world.react("carol", card)
        await world.message(f"Released v{version} to production")
        shown = json.dumps([world.chat.state(), world.forge.state()])
    assert hits("\n".join([*pages, shown, *server.stolen])) == set(), f"seed {SEED}"
    assert {str(file) for file in written(tmp_path) if hits(file.read_bytes())} == set(), f"seed {SEED}"
    assert victim.log.stat().st_size > 0


async def page(world: StoryWorld, port: str, name: str) -> str:
    async with world.http.get(f"http://127.0.0.1:{port}/{name}") as answer:
        return await answer.text()


def written(folder: Path) -> list[Path]:
    """Return all that the bot, and the systems that it spoke to, have written."""
    return [file for file in folder.rglob("*") if file.is_file() and file.name != "kubeconfig"]


BROKEN: Final = "repository: acme/models-gitops\nstages: [\n"
PASSWORD: Final = quote(PLANTED["MLFLOW_TRACKING_PASSWORD"], safe="")
MISTAKES: Final[Mapping[str, tuple[str, dict[str, str]]]] = {
    "a broken app.yaml": ("run", {}),
    "a broken app.yaml, checked": ("check", {}),
    "no app.yaml": ("run", {"CALLBOARD_CONFIG": "nowhere.yaml"}),
    "a manifest for Slack": ("slack-manifest", {}),
    "passwords in addresses": (
        "run",
        {
            "MLFLOW_TRACKING_URI": f"http://{PASSWORD}@mlflow:5000",
            "DATABASE_URL": f"postgresql://bot:{PASSWORD}@database/callboard",
            "GITHUB_API_URL": f"https://bot:{PASSWORD}@api.github.com",
            "SLACK_API_URL": f"https://bot:{PASSWORD}@slack.com/api/",
        },
    ),
    "passwords that are not encoded": (
        "run",
        {
            name: f"https://bot:{PLANTED['MLFLOW_TRACKING_PASSWORD']}@host"
            for name in ("MLFLOW_TRACKING_URI", "GITHUB_API_URL", "SLACK_API_URL", "DATABASE_URL")
        },
    ),
    "secrets in place of files": (
        "run",
        {name: "" for name in PLANTED} | {f"{name}_FILE": secret for name, secret in PLANTED.items()},
    ),
    "secrets cut in two": ("run", {name: f"{secret}\n{secret}" for name, secret in PLANTED.items()}),
    "secrets in each other's places": ("run", {name: PLANTED["GITHUB_TOKEN"] for name in ("PORT", "LOG_LEVEL")}),
    "nothing to listen at": ("run", {"CALLBOARD_CONFIG": "good.yaml", "INTERNAL_HOST": "203.0.113.1"}),
    "a key that is none": (
        "run",
        {"CALLBOARD_CONFIG": "good.yaml", "KUBECONFIG": "app.yaml", "GITHUB_TOKEN": "", **APP},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_the_settings_is_told_without_a_secret(mistake: str, tmp_path: Path) -> None:
    command, wrong = MISTAKES[mistake]
    (tmp_path / "app.yaml").write_text(BROKEN)
    (tmp_path / "good.yaml").write_text("repository: acme/models-gitops\n")
    ports = {"PORT": str(free_port()), "INTERNAL_PORT": str(free_port()), "HOST": "127.0.0.1"}
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", command), cwd=tmp_path, stdout=PIPE, stderr=PIPE,
        env=passed | {"PYTHONPATH": str(ROOT)} | STORY | ports | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"} | wrong,
    )  # fmt: skip
    output = b"".join(await ended.communicate())
    assert output
    assert hits(output) == set()
    assert (ended.returncode == 0) == (command == "slack-manifest")
