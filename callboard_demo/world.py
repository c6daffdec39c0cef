"""The whole environment on one machine: start order, wiring, shutdown.

Everything except the child processes (the MLflow server, the bot, one per pod) runs in one event loop.  `main` runs it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Self, TextIO

from bot.domain.json import Json
from callboard_demo.bot_process import BotProcess
from callboard_demo.chat import Chat, ChatUser
from callboard_demo.cluster import Cluster, ProcessRuntime
from callboard_demo.cluster.runtime import Runtime
from callboard_demo.faults import Faults
from callboard_demo.forge import Forge
from callboard_demo.gitops import seed
from callboard_demo.gitops.agent import Agent
from callboard_demo.home import Home, write_private
from callboard_demo.page import Page
from callboard_demo.ports import Ports
from callboard_demo.registry.registry import Registry

PEOPLE: Final = (
    ChatUser(name="alice", role="data scientist"),
    ChatUser(name="bob", role="release captain"),
    ChatUser(name="carol", role="release captain"),
    ChatUser(name="mallory", role="no role"),
)
CHANNEL: Final = "#ml-releases"
CAPTAINS: Final = {"ml-release-captains": ("bob", "carol")}
IN_CLUSTER: Final = "mlflow.mlops.svc:5000"
"""The registry's address in the manifests; the cluster's DNS maps it to the real one (`registry_at`)."""
RETRIES: Final = (0.0, 2.0, 6.0)
"""Seconds before each retry of an event; Slack waits one minute and five."""
PODS_WITHIN: Final = timedelta(seconds=90)


def registry_at(url: str) -> dict[str, str]:
    """Map the manifests' address of the registry, which uses TLS, to the real one, which does not."""
    return {f"https://{IN_CLUSTER}": url, IN_CLUSTER: url.removeprefix("http://")}


class World:
    """All systems of the demo, wired together.  Nothing runs until `start`; `close` stops everything."""

    def __init__(self, home: Home, ports: Ports, *, out: TextIO = sys.stdout, runtime: Runtime | None = None) -> None:
        keys = home.keys
        self.page_url = ports.url("page")
        self.kubernetes_url = ports.url("kubernetes")
        self.kubernetes_token = keys["kubernetes_token"]
        self._home, self._ports, self._out = home, ports, out
        self._bot_allowed = True
        self._stack = AsyncExitStack()
        self.faults = Faults()
        self.chat = Chat(
            folder=home.part("chat"),
            signing_secret=keys["slack_signing_secret"],
            token=f"xoxb-{keys['slack_token']}",
            people=PEOPLE,
            channels=(CHANNEL,),
            groups=CAPTAINS,
            url=ports.url("slack"),
            retries=RETRIES,
            middlewares=[self.faults.middleware("slack")],
        )
        self.forge = Forge(
            folder=home.part("forge"),
            token=keys["github_token"],
            webhook_secret=keys["github_webhook_secret"],
            url=ports.url("github"),
            middlewares=[self.faults.middleware("github")],
        )
        self.cluster = Cluster(
            folder=home.part("cluster"),
            token=self.kubernetes_token,
            runtime=runtime or ProcessRuntime(hosts=registry_at(ports.url("mlflow"))),
            middlewares=[self.faults.middleware("kubernetes")],
        )
        self.agent = Agent(
            head=self.forge.head,
            files=self.forge.files,
            apply_url=self.kubernetes_url,
            token=self.kubernetes_token,
        )
        self.registry = Registry(
            folder=home.part("registry"),
            port=ports.numbers["registry"],
            middlewares=[self.faults.middleware("mlflow")],
        )
        self.bot = BotProcess(folder=home.part("bot"), environ=self._environ(), internal=ports.url("internal"))
        self.page = Page(self, token=home.token)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start everything in order of dependency, and print each step.

        Raises:
            PartFailed: a part did not start; the message names it and its log.
        """
        await self._step("Starting the registry", self._start_registry())
        await self._step("Training the first models (only once)", self.registry.seed(), show=self._is_new())
        self._write_kubeconfig()
        self.forge.seed(seed.files(), "What runs today")
        await self._step("Starting Slack, GitHub and Kubernetes", self._start_systems())
        await self._step("Starting the bot", self.start_bot())
        await self.registry.connect(
            f"{self._ports.url('public')}/webhooks/mlflow", self._home.keys["mlflow_webhook_secret"]
        )
        await self._step("Waiting for the model servers", self._until_served())
        await self._begin(self.page.start, self.page.close)
        self._later(await self._ports.serve("page", self.page.app))

    async def close(self) -> None:
        """Stop everything in reverse order; returns when no process is left."""
        await self._stack.aclose()
        self._ports.close()

    async def start_bot(self) -> None:
        """Start the bot and wait until it is ready; do nothing after `forbid_bot`."""
        if self._bot_allowed:
            await self.bot.start()

    def forbid_bot(self) -> None:
        """Prevent any later start of the bot."""
        self._bot_allowed = False

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────

    async def _start_registry(self) -> None:
        await self._begin(self.registry.start, self.registry.close)
        self._later(await self._ports.serve("mlflow", self.registry.proxy))

    async def _start_systems(self) -> None:
        for name, part in (("slack", self.chat), ("github", self.forge), ("kubernetes", self.cluster)):
            self._later(await self._ports.serve(name, part.app))
        await self._begin(self.chat.start, self.chat.close)
        await self._begin(self.forge.start, self.forge.close)
        await self._begin(self.cluster.start, self.cluster.close)
        await self._begin(self.agent.start, self.agent.close)
        self.forge.on_change.append(self.agent.wake)
        self._later(self.bot.close)
        self.chat.install(await self.bot.slack_manifest())
        self.chat.connect(f"{self._ports.url('public')}/slack/events")
        self.forge.connect(f"{self._ports.url('public')}/webhooks/github")

    async def _begin(self, start: Callable[[], Awaitable[None]], close: Callable[[], Awaitable[None]]) -> None:
        self._later(close)  # registered first, so that it also runs after a failed start
        await start()

    def _later(self, close: Callable[[], object]) -> None:
        self._stack.push_async_callback(close)  # type: ignore[arg-type]  # each of them returns an awaitable

    async def _step(self, what: str, work: Awaitable[None], *, show: bool = True) -> None:
        """Do something that takes a while, and print what it is and how long it took."""
        began = monotonic()
        if show:
            self._print(f"  {what} … ")
        await work
        if show:
            self._print(f"{monotonic() - began:.0f} s\n")

    def _print(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _is_new(self) -> bool:
        return self.forge.head() is None

    async def _until_served(self) -> None:
        """Wait until every pod serves, or is in a crash loop."""
        moved = asyncio.Event()
        self.cluster.on_change.append(moved.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(PODS_WITHIN.total_seconds()):
                while not settled(self.cluster.state()):
                    moved.clear()
                    await moved.wait()
        self.cluster.on_change.remove(moved.set)

    # ── wiring ────────────────────────────────────────────────────────────────────────────────────────

    def _write_kubeconfig(self) -> None:
        write_private(self._kubeconfig, self.cluster.kubeconfig(self.kubernetes_url))

    @property
    def _kubeconfig(self) -> Path:
        return self._home.folder / "kubeconfig"

    def _environ(self) -> dict[str, str]:
        """Return the bot's environment: the variables of production; only addresses and tokens differ."""
        keys, ports = self._home.keys, self._ports
        return {
            "SLACK_BOT_TOKEN": f"xoxb-{keys['slack_token']}",
            "SLACK_SIGNING_SECRET": keys["slack_signing_secret"],
            "SLACK_API_URL": f"{ports.url('slack')}/api/",
            "GITHUB_TOKEN": keys["github_token"],
            "GITHUB_API_URL": ports.url("github"),
            "GITHUB_WEBHOOK_SECRET": keys["github_webhook_secret"],
            "MLFLOW_TRACKING_URI": ports.url("mlflow"),
            "MLFLOW_WEBHOOK_SECRET": keys["mlflow_webhook_secret"],
            "KUBECONFIG": str(self._kubeconfig),
            "DATABASE_URL": f"sqlite:///{self._home.folder / 'bot' / 'callboard.db'}",
            "CALLBOARD_CONFIG": str(Path(__file__).with_name("app.yaml")),
            "HOST": "127.0.0.1",
            "PORT": str(ports.numbers["public"]),
            "INTERNAL_HOST": "127.0.0.1",
            "INTERNAL_PORT": str(ports.numbers["internal"]),
        }


def settled(cluster: Json) -> bool:
    """Return whether every pod of every workload reports its version, except those in a crash loop."""
    hopeless = {pod["name"] for pod in cluster["pods"] if "BackOff" in pod["status"] and pod["restarts"] > 1}
    waiting = [pod for pod in cluster["pods"] if pod["serves"] is None and pod["name"] not in hopeless]
    present = all(
        sum(pod["name"].startswith(f"{workload['name']}-") for pod in cluster["pods"]) >= workload["replicas"]
        for workload in cluster["workloads"]
    )
    return bool(cluster["workloads"]) and present and not waiting
