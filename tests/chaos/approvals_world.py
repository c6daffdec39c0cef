"""One promotion that waits for approvals, and people who vote: the bot's own parts around systems held in memory.

Slack's client is the real one (its memory of groups and people is part of what is tested); behind it stands a scripted
SDK.  GitHub and the registry are a few dictionaries.
"""

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp

from bot import clock
from bot.clients.github.client import GitHub
from bot.clients.mlflow.client import MLflow
from bot.clients.slack.client import Slack
from bot.cluster.clusters import Clusters
from bot.config.app_yaml import parse
from bot.domain.errors import Temporary
from bot.domain.promotion import Kind, Request, State
from bot.domain.registry import ModelVersion, VersionDetails
from bot.domain.repository import Base, Pull, PullState
from bot.domain.target import Target
from bot.engine import reconcile
from bot.engine.evidence import Clients
from bot.engine.reaction_sync import ReactionSync
from bot.store.store import Store
from handlers import BUTTONS, reactions
from tests.chaos.approvals_oracle import CAPTAINS, REQUESTER, Oracle
from tests.fixtures.evidence import told

TARGET = Target(model="iris", stage="production")
CHANNEL = "C0MLRELEASES"
PATH = "manifests/iris/production/deployment.yaml"
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris, namespace: models}
spec:
  template:
    spec:
      containers:
        - name: server
          env:
            - {name: MODEL_STAGE, value: production}
            - {name: MODEL_VERSION, value: "1"}
"""
APP = parse(
    f"""\
repository: acme/models-gitops
channel: {CHANNEL}
stages:
  production: {{approvals: 2, approvers: ["@captains"], expires: 300d, timeout: 300d}}
"""
)
WORDS = {"yes": "white_check_mark", "no": "x"}


@dataclass(slots=True)
class Answer:
    """What the SDK hands back."""

    data: dict[str, Any]


@dataclass(slots=True)
class Sdk:
    """Slack as its SDK shows it."""

    oracle: Oracle
    messages: list[set[tuple[str, str]]] = field(default_factory=list)
    """What is shown under each message, the newest last: (user, emoji)."""
    private: list[str] = field(default_factory=list)
    session: None = None
    token: str = "xoxb-1"

    @property
    def newest(self) -> str:
        return f"{len(self.messages)}.0"

    async def auth_test(self) -> Answer:
        return Answer({"team_id": "T1", "user_id": "UME", "bot_id": "B1"})

    async def users_info(self, *, user: str) -> Answer:
        self._up()
        found: dict[str, Any] = {"id": user, "name": user, "team_id": "T2" if user == "UTIM" else "T1"}
        flags = {
            "is_restricted": user == "UGUS",
            "is_bot": user == "UROBOT",
            "deleted": user in self.oracle.deactivated,
        }
        return Answer({"user": found | flags})

    async def usergroups_list(self, *, include_users: bool) -> Answer:
        assert include_users
        self._up()
        return Answer({"usergroups": [{"id": "S1", "handle": "captains", "users": sorted(self.oracle.group)}]})

    async def reactions_get(self, *, channel: str, timestamp: str, full: bool) -> Answer:
        assert (channel, full) == (CHANNEL, True)
        self._up()
        shown = self.messages[int(timestamp.partition(".")[0]) - 1]
        names = {name for _, name in shown}
        listed = [{"name": n, "users": [u for u, name in shown if name == n], "count": 1} for n in sorted(names)]
        return Answer({"ok": True, "message": {"reactions": listed}})

    async def chat_postMessage(self, **_: Any) -> Answer:  # noqa: N802  (the SDK's name)
        self.messages.append(set())
        self.oracle.says.clear()
        return Answer({"channel": CHANNEL, "ts": self.newest})

    async def chat_postEphemeral(self, *, user: str, text: str, **_: Any) -> Answer:  # noqa: N802  (the SDK's name)
        self.private.append(f"{user}: {text}")
        return Answer({})

    def _up(self) -> None:
        if not self.oracle.answers:
            raise aiohttp.ClientConnectionError


@dataclass(slots=True)
class Forge:
    """GitHub: one pull request over a few files."""

    oracle: Oracle
    texts: dict[str, str] = field(default_factory=lambda: {PATH: MANIFEST})
    commit: int = 1
    heads: int = 0
    state: PullState = PullState.OPEN
    refuses: bool = False
    """It merges nothing at present."""
    silent: bool = False
    """It does what is asked for next, and nobody hears of that."""
    approved: set[str] = field(default_factory=set)
    """Commits that are said to be approved: whatever holds one of them, anybody may merge."""
    wrong: list[str] = field(default_factory=list)
    """Merges, and approvals, that should not have been."""

    @property
    def head(self) -> str:
        return f"h{self.heads}{'x' if self.oracle.pushed else ''}"

    async def base(self) -> Base:
        return Base(branch="main", commit=f"c{self.commit}", tree=f"t{self.commit}")

    async def folder(self, path: str, at: Base) -> dict[str, str]:
        return dict(self.texts)

    async def files(self, paths: Any, at: Base) -> dict[str, str]:
        return {path: self.texts[path] for path in paths}

    async def propose(self, branch: str, base: Base, files: Any, title: str, body: str) -> Pull:
        self.heads += 1
        self.oracle.pushed = False
        return await self.pull(1)

    async def pull(self, number: int) -> Pull:
        base = "release-1" if self.oracle.retargeted else "main"
        return Pull(number=number, url="https://forge/1", state=self.state, head=self.head, base=base)

    async def merge(self, number: int, head: str) -> Pull:
        if not self.oracle.may_merge() or head != self.head:
            self.wrong.append(f"merged {head} while {self.oracle}")
        if self.refuses:
            raise Temporary(told("Base branch was modified"))
        self.state = PullState.MERGED
        self._answer()
        return await self.pull(number)

    def _answer(self) -> None:
        if self.silent:
            self.silent = False
            raise Temporary(told("GitHub does not answer"))

    async def close_pull(self, number: int, comment: str) -> None:
        self.state = PullState.CLOSED

    async def delete_branch(self, branch: str) -> None: ...

    async def report_approval(self, head: str, state: str, description: str, *, force: bool = False) -> None:
        if state == "success" and (not self.oracle.may_merge() or head != self.head):
            self.wrong.append(f"said that {head} is approved while {self.oracle}")
        (self.approved.add if state == "success" else self.approved.discard)(head)
        self._answer()

    def loose(self) -> set[str]:
        """Return the commits that anybody may merge although nobody approves them, or not any more."""
        if self.state is PullState.CLOSED or (self.state is PullState.MERGED and self.oracle.retargeted):
            return self.approved
        return self.approved - {self.head}


class Registry:
    """MLflow: every version exists."""

    async def version_details(self, what: ModelVersion) -> VersionDetails:
        return VersionDetails(what=what, metrics={"accuracy": 0.9})


class Cluster:
    """The only cluster, and a watch that sees no workload."""

    kubernetes = pods = None

    @property
    def watch(self) -> "Cluster":
        return self

    def of(self, _name: str | None) -> "Cluster":
        return self

    async def unusable(self, _name: str | None) -> None: ...

    async def ensure(self, *about: Any, configmaps: bool) -> None: ...

    def trouble(self, *about: Any) -> None: ...

    def fresh(self, *about: Any) -> bool:
        return True

    def snapshot(self, *about: Any, configmaps: bool = False) -> None: ...


class ApprovalsWorld:
    """The promotion, its people, and a clock that only moves when told."""

    def __init__(self, folder: Path, template: Path, *, by_hand: bool = False) -> None:
        self._folder, self._template, self._by_hand = folder, template, by_hand
        self.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
        self.oracle = Oracle()
        self.sdk, self.forge = Sdk(self.oracle), Forge(self.oracle)
        if by_hand:
            self.forge.texts[PATH] = MANIFEST.replace('"1"', '"2"')
        self.events: list[dict[str, Any]] = []
        """What Slack has yet to deliver."""
        self.told = 0

    async def open(self) -> None:
        """Ask for the promotion, and let its message be posted."""
        self._clock = clock.now
        clock.now = lambda: self.now
        path = self._folder / "callboard.db"
        shutil.copy(self._template, path)
        self.store = await Store.open(f"sqlite:///{path}")
        await self.store.baseline(TARGET, 1, now=self.now)
        slack = Slack(cast("Any", self.sdk), clock=self._seconds, sleep=self._sleep)
        self.clients = Clients(
            slack=slack, github=cast("GitHub", self.forge), mlflow=cast("MLflow", Registry()),
            clusters=cast("Clusters", Cluster()),
        )  # fmt: skip
        self.reactions = ReactionSync(self.store, slack)
        asked = Request(target=TARGET, kind=Kind.PROMOTE, version=2, by=REQUESTER, at=self.now)
        assert await self.store.ask(asked, key="command") == 1
        await self._warm()
        await self.look()

    async def _warm(self) -> None:
        """Let the bot know everybody, as other promotions make it: what is remembered may be wrong a moment later."""
        if self.oracle.answers:
            await self.clients.slack.members("@captains")
            for user in CAPTAINS:
                await self.clients.slack.person(user)

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def close(self) -> None:
        """Let go of the store and the clock."""
        clock.now = self._clock
        await self.store.close()

    @property
    def over(self) -> bool:
        """Say whether the pull request is merged or closed, or what became of the pin without one."""
        return self.forge.state is not PullState.OPEN

    # ── what people do ──

    async def react(self, user: str, word: str, *, remove: bool = False, message: int | None = None) -> bool:
        """React to a message (the newest), or take it back; Slack will tell.  False: nothing changed."""
        self.now += timedelta(seconds=1)
        number = len(self.sdk.messages) if message is None else message
        shown, entry = self.sdk.messages[number - 1], (user, WORDS[word])
        if (entry in shown) is not remove:
            return False
        (shown.discard if remove else shown.add)(entry)
        if number == len(self.sdk.messages):
            (self.oracle.says.discard if remove else self.oracle.says.add)((user, word))
        self.told += 1
        event = {
            "type": "reaction_removed" if remove else "reaction_added", "user": user, "reaction": WORDS[word],
            "item": {"type": "message", "channel": CHANNEL, "ts": f"{number}.0"},
            "event_ts": f"{self.now.timestamp():.6f}",
        }  # fmt: skip
        self.events.append({"event_id": f"E{self.told}", "team_id": "T1", "event": event})
        return True

    async def click(self, user: str, word: str) -> None:
        """Use a button of the newest message."""
        self.now += timedelta(seconds=1)
        self.oracle.says.add((user, word))
        self.told += 1
        body = {
            "container": {"channel_id": CHANNEL, "message_ts": self.sdk.newest},
            "actions": [{"action_ts": f"{self.told}.0"}], "user": {"id": user},
        }  # fmt: skip
        await BUTTONS[{"yes": "approve", "no": "veto"}[word]](body, APP, self.store, self.now)

    # ── what the bot hears and does ──

    async def deliver(self, which: int, *, again: bool = False) -> None:
        """Deliver one of the events that wait."""
        event = self.events[which] if again else self.events.pop(which)
        added = event["event"]["type"] == "reaction_added"
        await (reactions.added if added else reactions.removed)(event, APP, self.store, self.now)

    async def look(self) -> None:
        """Let the bot take passes until nothing is left to do at this moment."""
        for _ in range(30):
            self.now += timedelta(milliseconds=10)
            if TARGET not in await self.store.due(self.now):
                return
            await reconcile.run(TARGET, config=APP, store=self.store, clients=self.clients)
            if self._by_hand and not self.over:
                await self._see_the_end()
        raise AssertionError("the bot does not come to rest")

    async def _see_the_end(self) -> None:
        """Take a pin that counts from now on for a merge, and one that never will for a closed pull request."""
        match await self.state():
            case State.CHECKING | State.PROPOSED:
                return
            case State.REJECTED:
                self.forge.state = PullState.CLOSED
            case state:
                self.forge.state = PullState.MERGED
                if not self.oracle.may_merge():
                    self.forge.wrong.append(f"{state} while {self.oracle}")

    async def wake(self) -> None:
        """Ring for the target, as GitHub's webhook does."""
        self.now += timedelta(seconds=1)
        await self.store.wake(TARGET, self.now)

    async def wait(self) -> None:
        """Let more time go by than anything is remembered."""
        self.now += timedelta(seconds=70)
        await self._warm()

    async def listen(self) -> None:
        """Let the bot compare what the message shows with what it was told, if Slack says it."""
        with suppress(Temporary):
            await self.reactions.sync()

    async def settle(self) -> None:
        """Let everything arrive at last: events, what was lost, and what was remembered too long."""
        while self.events:
            await self.deliver(0)
        self.oracle.answers, self.forge.refuses = True, False
        for _ in range(3):
            self.now += timedelta(seconds=70)
            await self.listen()
            await self.look()

    async def state(self) -> State:
        """Return where the promotion stands."""
        promotion = await self.store.promotion(1)
        assert promotion is not None
        return promotion.state

    async def approvers(self) -> set[str]:
        """Return whom the promotion's message names as those who approve."""
        promotion = await self.store.promotion(1)
        assert promotion is not None
        return set(promotion.status.consent.approved_by)


def template(folder: Path) -> Path:
    """Return an empty database with all tables, to be copied."""
    path = folder / "template.db"

    async def make() -> None:
        await (await Store.open(f"sqlite:///{path}")).close()

    asyncio.run(make())
    return path
