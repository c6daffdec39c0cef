"""A world for the page: a real chat, and canned pictures of the forge, the cluster, the registry and the bot.

Not itself a test.  It holds one promotion in each of its stages, so that every part of the page has something to show;
what is done through the page is written down in `done`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.demo.chat import Chat
from bot.demo.faults import Faults
from bot.domain import Json
from tests.chat_world import workspace

PATH = "manifests/iris-classifier/production/release.yaml"
DIFF = f"""diff --git a/{PATH} b/{PATH}
index 3f1c2aa..9d0b7c1 100644
--- a/{PATH}
+++ b/{PATH}
@@ -12,7 +12,7 @@ spec:
             - name: MODEL_STAGE
               value: production
             - name: MODEL_VERSION
-              value: "1"
+              value: "3"
           resources:
             requests:
               cpu: 100m
"""
BODY = """Releases **iris-classifier v3** to **production** (v1 → v3).

| metric | live v1 | candidate v3 | change |
|---|---:|---:|---:|
| accuracy | 0.933 | 0.967 | +0.034 |
| log_loss | 0.214 | 0.121 | −0.093 |

Signature: compatible. Asked for by `alice`.

- approved with ✅ in Slack; do not merge by hand
- `Callboard-Promotion: 12`
"""


@dataclass(kw_only=True)
class Still:
    """Something that is only looked at: its picture is what a test puts there."""

    picture: Json
    on_change: list[Callable[[], None]] = field(default_factory=list)

    def state(self) -> Json:
        """Return the picture."""
        return self.picture

    def change(self, **parts: Any) -> None:
        """Put other parts into the picture and tell whoever watches."""
        self.picture = self.picture | parts
        for changed in self.on_change:
            changed()


@dataclass(kw_only=True)
class StillRegistry:
    """A registry that trains at once, or when it is let."""

    models: list[Json]
    on_change: list[Callable[[], None]] = field(default_factory=list)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)
    trained: list[tuple[str, str]] = field(default_factory=list)

    async def state(self) -> Json:
        """Return the models."""
        return {"models": self.models}

    async def train(self, model: str, quality: str, say: Callable[[str], None]) -> int:
        """Note what is asked for, and finish when the test lets it."""
        self.trained.append((model, quality))
        say("fitting")
        await self.may_finish.wait()
        return 4


@dataclass(kw_only=True)
class StillBot:
    """A bot that is alive until it is killed."""

    told: list[Json]
    alive: bool = True
    on_change: list[Callable[[], None]] = field(default_factory=list)

    def kill(self) -> None:
        """End."""
        self._become(alive=False)

    async def start(self) -> None:
        """Begin again."""
        self._become(alive=True)

    def state(self) -> Json:
        """Return what the page shows of it."""
        return {"alive": self.alive, "ready": self.alive, "pid": 4711, "exit": None, "last_words": None}

    async def promotions(self) -> list[Json]:
        """Return the promotions, none when it is down."""
        return self.told if self.alive else []

    def _become(self, *, alive: bool) -> None:
        self.alive = alive
        for changed in self.on_change:
            changed()


@dataclass(kw_only=True)
class CannedWorld:
    """All that the page needs to be seen."""

    chat: Chat
    forge: Still
    cluster: Still
    registry: StillRegistry
    bot: StillBot
    faults: Faults = field(default_factory=Faults)


def canned(folder: Path) -> CannedWorld:
    """Return the world in the middle of a rollout; `empty` it for a first visit."""
    return CannedWorld(
        chat=workspace(folder),
        forge=Still(picture={"repository": "acme/models-gitops", "head": "9d0b7c1", "pulls": _pulls()}),
        cluster=Still(picture={"pods": _pods(), "deployments": _deployments(), "services": []}),
        registry=StillRegistry(models=_models()),
        bot=StillBot(told=_promotions()),
    )


def _pulls() -> list[Json]:
    def pull(number: int, title: str, state: str, **more: Any) -> Json:
        url = f"http://127.0.0.1:8402/acme/models-gitops/pull/{number}"
        plain = {
            "number": number,
            "title": title,
            "state": state,
            "url": url,
            "diff": DIFF,
            "body": BODY,
            "base": "main",
        }
        plain |= {"head": "callboard/iris-classifier/production", "head_sha": "9d0b7c1", "author": "callboard[bot]"}
        plain |= {
            "created_at": "2026-05-04T10:02:00Z",
            "merged_at": None,
            "checks": [],
            "comments": [],
            "mergeable": True,
        }
        return plain | more

    checks = [
        {"name": "validate", "state": "success", "description": "manifests render"},
        {"name": "callboard/approval", "state": "pending", "description": "1 of 2 approvals"},
    ]
    comment = {"user": "somebody", "body": "Looks *good* to me. `<b>not bold</b>`"}
    return [
        pull(12, "Release iris-classifier v3 to production", "open", checks=checks, comments=[comment]),
        pull(11, "Release iris-classifier v3 to staging", "merged", merged_at="2026-05-04T09:58:00Z"),
        pull(10, "Release iris-classifier v2 to production", "closed"),
    ]


def _pod(name: str, stage: str, version: str, **more: Any) -> Json:
    known: Json = {
        "name": name,
        "namespace": "models",
        "model": "iris-classifier",
        "stage": stage,
        "pin_version": version,
    }
    known |= {"phase": "Running", "ready": True, "restarts": 0, "status": "Running", "ip": "127.77.0.4", "port": 8080}
    return known | {"age_s": 40, "serves": int(version), "terminating": False} | more


def _pods() -> list[Json]:
    return [
        _pod("iris-classifier-production-6f9c4d7b8-x2x4z", "production", "3"),
        _pod("iris-classifier-production-6f9c4d7b8-k8q2m", "production", "3", ready=False, serves=None),
        _pod("iris-classifier-production-5d8b9f6c7-p4t9w", "production", "1"),
        _pod("iris-classifier-production-5d8b9f6c7-zz7rn", "production", "1", terminating=True),
        _pod("iris-classifier-staging-7c5d8f9b6-m3n8d", "staging", "3"),
        _pod("churn-54f6d8c9b-q9w3e", "production", "1", model="churn", ready=False, serves=None, restarts=3,
             status="CrashLoopBackOff"),
    ]  # fmt: skip


def _deployments() -> list[Json]:
    def one(name: str, replicas: int, revision: int, condition: str) -> Json:
        counts = {"replicas": replicas, "updated": 2, "available": replicas, "revision": str(revision)}
        return {"name": name, "namespace": "models", "condition": condition} | counts

    return [
        one("iris-classifier-production", 3, 4, "ReplicaSetUpdated"),
        one("iris-classifier-staging", 1, 3, "NewReplicaSetAvailable"),
        one("churn", 1, 2, "ProgressDeadlineExceeded"),
    ]


def _models() -> list[Json]:
    def version(number: int, accuracy: float | None, aliases: list[str]) -> Json:
        metrics = {} if accuracy is None else {"accuracy": accuracy, "log_loss": 0.12}
        made = {"created_at": "2026-05-04T09:50:00Z", "run_id": "r", "tags": {"trained_by": "alice"}}
        return {"version": number, "metrics": metrics, "aliases": aliases} | made

    return [
        {
            "name": "iris-classifier",
            "aliases": {"production": 1, "staging": 3},
            "versions": [version(1, 0.933, ["production"]), version(2, 0.9, []), version(3, 0.967, ["staging"])],
        },
        {"name": "churn", "aliases": {"production": 1}, "versions": [version(1, 0.81, ["production"])]},
    ]


def _promotions() -> list[Json]:
    def one(number: int, state: str, **more: Any) -> Json:
        plain = {"id": number, "model": "iris-classifier", "stage": "production", "kind": "promote", "version": 3}
        plain |= {
            "previous": 1,
            "state": state,
            "requested_by": "U0ALICE",
            "because": "",
            "message": None,
            "pull": None,
        }
        plain |= {
            "requested_at": "2026-05-04T10:00:00+00:00",
            "entered_at": "2026-05-04T10:00:41+00:00",
            "trouble": None,
        }
        return plain | more

    pull = {"number": 12, "url": "http://127.0.0.1:8402/acme/models-gitops/pull/12"}
    return [
        one(3, "rolling out", because="2 of 3 pods on v3", pull=pull),
        one(2, "released", stage="staging"),
        one(1, "rejected", version=2, because="Vetoed by <@U0BOB>"),
    ]
