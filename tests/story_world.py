"""The bot among the fakes, in one event loop, for stories.

Chat, forge and cluster speak the real protocols, pods are scripted, the registry is a real MLflow.  Not itself a test.
A story types as people do, and looks at the world: git, the registry, pods and the channel.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot import app as bot_app
from bot.config import parse
from bot.demo.agent import Agent
from bot.demo.chat import Chat
from bot.demo.cluster import Cluster
from bot.demo.cluster.scripted import Behaviour, ScriptedRuntime
from bot.demo.faults import Faults
from bot.demo.forge import Forge
from bot.environment import Environment
from tests.chat_world import APP_TOKEN, SECRET, TOKEN, workspace
from tests.contract.openapi import failing_on_complaints, validating
from tests.ports import free_ports

T = TypeVar("T")
Work: TypeAlias = Callable[[str, Mapping[str, str]], Coroutine[Any, Any, None]]
"""What runs the bot, until it is cancelled: told its app.yaml and its environment."""
HOOK = "a secret of webhooks"
SECRETS: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET, "GITHUB_TOKEN": TOKEN, "GITHUB_WEBHOOK_SECRET": HOOK,
    "MLFLOW_WEBHOOK_SECRET": HOOK,
}  # fmt: skip
"""What the bot and the systems prove to each other who they are with."""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: models}}
spec:
  replicas: {replicas}
  progressDeadlineSeconds: 30
  strategy: {{rollingUpdate: {{maxUnavailable: 0, maxSurge: 1}}}}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: server
          image: model-server:1
          ports: [{{containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /readyz, port: 8080}}, periodSeconds: 1}}
          env:
            - name: MODEL_NAME
              value: {model}
            - name: MODEL_STAGE   # asserted
              value: {stage}
            - name: MODEL_VERSION
              value: "{version}"
"""
APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {{auto: true, approvals: 0, watch: 0s, timeout: 1m}}
  production: {{after: {{stage: staging}}, approvals: 2, approvers: ["@ml-release-captains"], watch: 0s, timeout: 1m}}
models: {{{model}: {{manifests: "{manifests}"}}}}
"""


def manifests(model: str, *, staging: int = 2, production: int = 1) -> dict[str, str]:
    """Return the layout with a folder for each stage."""
    return {
        f"manifests/{model}/{stage}/deployment.yaml": DEPLOYMENT.format(
            name=f"{model}-{stage}", replicas=replicas, model=model, stage=stage, version=version
        )
        for stage, replicas, version in (("staging", 1, staging), ("production", 3, production))
    }


@dataclass(slots=True, kw_only=True)
class StoryWorld:
    """Everything that a story does and sees."""

    model: str
    chat: Chat
    forge: Forge
    cluster: Cluster
    runtime: ScriptedRuntime
    agent: Agent
    faults: Faults
    mlflow: str
    """The real registry's address."""
    public: str
    http: aiohttp.ClientSession
    start: Callable[[], asyncio.Task[None]]
    bot: asyncio.Task[None] | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    hook: str = HOOK
    """What MLflow signs with."""
    patience: float = 30
    """Seconds until a story complains."""

    # ── what people do ──

    async def say(self, who: str, text: str) -> str:
        """Type into the channel; return the private answer, if any came at once."""
        before = {one["ts"] for one in self.chat.state()["private"]}
        await self.chat.say(user=who, channel="#ml-releases", text=text)
        return "\n".join(everything(one) for one in self.chat.state()["private"] if one["ts"] not in before)

    async def react(self, who: str, message: Mapping[str, Any], emoji: str = "white_check_mark") -> None:
        """React to a message."""
        await self.chat.react(user=who, ts=message["ts"], emoji=emoji)

    async def hint(self, version: int) -> int:
        """Tell the bot of a version as MLflow does, signed; return the status of its answer."""
        data = {"name": self.model, "version": str(version), "run_id": None, "source": "models:/m-0"}
        return await self.deliver({"entity": "model_version", "action": "created", "timestamp": "t", "data": data})

    async def deliver(self, event: object) -> int:
        """Send a signed MLflow delivery."""
        body, delivery, stamp = json.dumps(event).encode(), str(uuid.uuid4()), str(int(time.time()))
        mac = hmac.new(self.hook.encode(), f"{delivery}.{stamp}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-MLflow-Delivery-Id": delivery,
            "X-MLflow-Timestamp": stamp,
            "X-MLflow-Signature": "v1," + base64.b64encode(mac).decode(),
        }
        async with self.http.post(f"{self.public}/webhooks/mlflow", data=body, headers=headers) as answer:
            return answer.status

    async def stop(self) -> None:
        """End the bot wherever it is, as far as one event loop can."""
        bot, self.bot = self.bot, None  # first: who looks on meanwhile is not to take it for one that died by itself
        if bot is not None:
            bot.cancel()
            await asyncio.wait({bot})
            if not bot.cancelled():
                bot.result()

    # ── what is to be seen ──

    def messages(self, *words: str) -> list[dict[str, Any]]:
        """Return the channel's messages that show all these words."""
        return [m for m in self.chat.state()["messages"] if all(word in everything(m) for word in words)]

    async def message(self, *words: str) -> dict[str, Any]:
        """Wait for such a message."""
        return await self.until(lambda: self.messages(*words), f"a message with {words}")

    async def until(self, look: Callable[[], list[T]], what: str, within: float | None = None) -> T:
        """Wait until there is something to see, and return the last of it."""
        within = within or self.patience
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self.bot is not None and self.bot.done():
                await self.bot
            found = look()
            if found:
                return found[-1]
            await asyncio.sleep(0.05)
        channel = "\n---\n".join(everything(m) for m in self.chat.state()["messages"])
        raise AssertionError(f"not seen within {within} s: {what}\nThe channel:\n{channel}\nAgent: {self.agent.status}")

    def pulls(self, state: str = "open") -> list[dict[str, Any]]:
        """Return the pull requests in a state."""
        return [pull for pull in self.forge.state()["pulls"] if pull["state"] == state]

    async def pull(self) -> dict[str, Any]:
        """Wait for an open pull request."""
        return await self.until(self.pulls, "an open pull request")

    def pinned(self, path: str) -> str:
        """Return the pinned lines of a manifest on main."""
        text = self.forge.read(path) or ""
        return " ".join(line.strip().removeprefix("value: ") for line in text.splitlines() if "value:" in line)

    async def served(self, stage: str) -> list[int]:
        """Return what the ready pods of a stage say that they serve."""
        pods = self.cluster.state()["pods"]
        those = [p for p in pods if p["model"] == self.model and p["stage"] == stage and p["ready"]]
        return [await self._ask(p) for p in those if not p["terminating"]]

    async def _ask(self, pod: Mapping[str, Any]) -> int:
        async with self.http.get(f"http://{pod['ip']}:{pod['port']}/model") as answer:
            return int((await answer.json())["version"])

    async def alias(self, name: str) -> int | None:
        """Return where an alias points, asked of the registry itself."""
        query = {"name": self.model, "alias": name}
        async with self.http.get(f"{self.mlflow}/api/2.0/mlflow/registered-models/alias", params=query) as answer:
            return int((await answer.json())["model_version"]["version"]) if answer.ok else None


def everything(message: Mapping[str, Any]) -> str:
    """Return all that a message shows."""

    def texts(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["text"]] if isinstance(node.get("text"), str) else []
            return own + [text for value in node.values() for text in texts(value)]
        return [text for value in node for text in texts(value)] if isinstance(node, list) else []

    return "\n".join([str(message.get("text") or ""), *texts(message.get("blocks") or [])])


async def _work(text: str, environ: Mapping[str, str]) -> None:
    """Run the bot in this event loop."""
    await bot_app.work(parse(text), Environment.read(environ))


@asynccontextmanager
async def story_world(  # noqa: PLR0915  (it is a list of what is started, in order)
    folder: Path,
    *,
    model: str,
    mlflow: str,
    files: Mapping[str, str] | None = None,
    template: str = "manifests/{model}/{stage}",
    behaviours: Mapping[str, Behaviour] | None = None,
    runtime: ScriptedRuntime | None = None,
    in_front: Callable[[str], Sequence[Middleware]] = lambda system: (),
    text: str | None = None,
    work: Work = _work,
    secrets: Mapping[str, str] = SECRETS,
    record: str | None = None,
) -> AsyncIterator[StoryWorld]:
    """Start everything for one story, the bot included, and stop it again.

    `in_front` puts more in front of a system ("slack", "github", "kubernetes", "mlflow"): it sees every request first.
    `text` is another app.yaml; `work` runs the bot with it elsewhere than in this event loop; `secrets` are others;
    `record` is the address of another record than an SQLite file of its own.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stack.enter_context(failing_on_complaints())
        faults = Faults()
        chat = workspace(
            folder / "chat", middlewares=[*in_front("slack"), faults.middleware("slack")], retries=(0.0, 0.3, 1.0),
            token=secrets["SLACK_BOT_TOKEN"], signing_secret=secrets["SLACK_SIGNING_SECRET"],
            app_token=secrets.get("SLACK_APP_TOKEN", APP_TOKEN),
        )  # fmt: skip
        forge = Forge(
            folder=folder / "forge", token=secrets["GITHUB_TOKEN"], webhook_secret=secrets["GITHUB_WEBHOOK_SECRET"],
            middlewares=[*in_front("github"), faults.middleware("github"), validating()],
        )  # fmt: skip
        forge.seed(dict(files or manifests(model)))
        runtime = runtime or ScriptedRuntime(behaviours)
        cluster = Cluster(
            folder=folder / "cluster", token=TOKEN, runtime=runtime,
            middlewares=[*in_front("kubernetes"), faults.middleware("kubernetes")],
        )  # fmt: skip
        proxy = _proxy(mlflow, http, [*in_front("mlflow"), faults.middleware("mlflow")])
        urls = [await _serve(stack, part) for part in (chat.app, forge.app, cluster.app, proxy)]
        chat.serve_at(urls[0])
        public, internal = free_ports(2)
        config = folder / "kubeconfig"
        config.write_text(cluster.kubeconfig(urls[2]))
        environ = {
            **secrets, "SLACK_API_URL": f"{urls[0]}/api/", "GITHUB_API_URL": urls[1], "MLFLOW_TRACKING_URI": urls[3],
            "KUBECONFIG": str(config),
            "DATABASE_URL": record or f"sqlite:///{folder}/callboard.db",
            "HOST": "127.0.0.1", "PORT": str(public), "INTERNAL_PORT": str(internal),
        }  # fmt: skip
        told = text or APP.format(model=model, manifests=template)
        for part in (chat, forge, cluster):
            await part.start()
            stack.push_async_callback(part.close)
        agent = Agent(head=forge.head, files=lambda: forge.files(under="manifests"), apply_url=urls[2], token=TOKEN)
        await agent.start()
        stack.push_async_callback(agent.close)
        address = f"http://127.0.0.1:{public}"
        chat.connect(f"{address}/slack/events")
        forge.connect(f"{address}/webhooks/github")
        world = StoryWorld(
            model=model, chat=chat, forge=forge, cluster=cluster, runtime=runtime, agent=agent, faults=faults,
            mlflow=mlflow, public=address, http=http, hook=secrets["MLFLOW_WEBHOOK_SECRET"],
            start=lambda: asyncio.create_task(work(told, environ)),
        )  # fmt: skip
        world.bot = world.start()
        try:
            await _ready(http, internal, world)
            yield world
        finally:
            await world.stop()


async def _ready(http: aiohttp.ClientSession, port: int, world: StoryWorld) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert world.bot is not None
        if world.bot.done():
            await world.bot
        with suppress(aiohttp.ClientError):
            async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                said = await answer.text()
                if answer.status == 200:
                    return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the bot is not ready: {said}")


async def _serve(stack: AsyncExitStack, app: web.Application) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _proxy(target: str, http: aiohttp.ClientSession, middlewares: Sequence[Middleware]) -> web.Application:
    """Pass everything on to the registry, through the middlewares."""

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() in {"content-type", "accept", "authorization"}}
        async with http.request(request.method, target + str(request.rel_url), data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application(middlewares=middlewares)
    app.router.add_route("*", "/{path:.*}", pass_on)
    return app
