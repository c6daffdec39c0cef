"""Webhooks come signed, in order and once, shaped as GitHub's."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.domain.json import Json
from tests.fixtures.forge_world import (
    AFTER,
    ALICE,
    APP,
    BRANCH,
    RELEASE,
    SECRET,
    Served,
    asking,
    listening,
    propose,
    raw,
)


@dataclass
class Receiver:
    """Takes deliveries, and refuses those whose signature is not right."""

    events: list[tuple[str, Json]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhooks/github", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signed, request.headers["X-Hub-Signature-256"]):
            return web.Response(status=401)
        uuid.UUID(request.headers["X-GitHub-Delivery"])
        self.events.append((request.headers["X-GitHub-Event"], json.loads(body)))
        self.came.set()
        return web.Response(status=self.status)

    async def next(self, event: str, action: str | None = None) -> Json:
        """Return the first such event, removing it and all before it; wait ten seconds for it at most."""
        async with asyncio.timeout(10):
            while True:
                for index, (name, body) in enumerate(self.events):
                    if (name, body.get("action")) == (event, action):
                        del self.events[: index + 1]
                        return body
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def hooked(served: Served) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with listening(receiver.app()) as url:
        served.forge.connect(f"{url}/webhooks/github")
        yield receiver


@pytest.fixture
async def served(served: Served) -> Served:
    await asking(served, lambda repo: repo.name)  # which tells the forge where it is reached
    return served


async def test_the_first_delivery_is_a_ping(served: Served) -> None:
    async with hooked(served) as receiver:
        assert (await receiver.next("ping"))["repository"]["full_name"] == "acme/models-gitops"


async def test_a_pull_request_is_told_from_opening_to_merging(served: Served) -> None:
    async with hooked(served) as receiver:
        number = await asking(served, propose)
        created = await receiver.next("push")
        assert (created["ref"], created["created"], created["before"]) == (f"refs/heads/{BRANCH}", True, "0" * 40)
        assert [(c["message"], c["modified"]) for c in created["commits"]] == [("Release 2", [RELEASE])]
        opened = await receiver.next("pull_request", "opened")
        assert (opened["number"], opened["pull_request"]["head"]["ref"]) == (number, BRANCH)
        assert opened["sender"] == opened["pull_request"]["user"]

        await asking(served, lambda repo: repo.get_pull(number).edit(title="Another"))
        edited = await receiver.next("pull_request", "edited")
        assert edited["changes"] == {"title": {"from": "Release iris-classifier 2 to production"}}

        before = served.forge.head(BRANCH)
        after = served.forge.commit({RELEASE: AFTER + "#\n"}, "More", branch=BRANCH, author="alice")
        moved = await receiver.next("pull_request", "synchronize")
        assert (moved["before"], moved["after"], moved["sender"]["login"]) == (before, after, "alice")

        await asking(served, lambda repo: repo.get_pull(number).merge())
        assert (await receiver.next("push"))["after"] == served.forge.head()
        closed = await receiver.next("pull_request", "closed")
        assert (closed["pull_request"]["merged"], closed["pull_request"]["merge_commit_sha"]) == (
            True,
            served.forge.head(),
        )


async def test_another_base_branch_is_told_with_the_one_before(served: Served) -> None:
    number, main = await asking(served, propose), served.forge.head()
    served.forge.hub.move("refs/heads/release-1", main, by="alice")
    async with hooked(served) as receiver:
        await asking(served, lambda repo: repo.get_pull(number).edit(base="release-1"))
        edited = await receiver.next("pull_request", "edited")
        assert edited["changes"] == {"base": {"ref": {"from": "main"}, "sha": {"from": main}}}
        assert edited["pull_request"]["base"]["ref"] == "release-1"


async def test_a_deleted_branch_is_told_as_a_push_and_a_closed_pull_request(served: Served) -> None:
    await asking(served, propose)
    async with hooked(served) as receiver:
        await raw(served, "DELETE", f"/git/refs/heads/{BRANCH}")
        gone = await receiver.next("push")
        assert (gone["deleted"], gone["after"], gone["head_commit"]) == (True, "0" * 40, None)
        assert not (await receiver.next("pull_request", "closed"))["pull_request"]["merged"]


async def test_a_forced_push_says_so(served: Served) -> None:
    await asking(served, propose)
    async with hooked(served) as receiver:
        main = await raw(served, "GET", "/commits/main")
        body = {"message": "Anew", "tree": main["commit"]["tree"]["sha"], "parents": [main["sha"]]}
        commit = await raw(served, "POST", "/git/commits", body)
        await raw(served, "PATCH", f"/git/refs/heads/{BRANCH}", {"sha": commit["sha"], "force": True})
        assert (await receiver.next("push"))["forced"] is True


async def test_statuses_checks_and_reviews_are_told(served: Served) -> None:
    await asking(served, propose)
    sha = served.forge.head(BRANCH) or ""
    async with hooked(served) as receiver:
        await asking(served, lambda repo: repo.get_commit(sha).create_status("success", context="ci"))
        status = await receiver.next("status")
        assert (status["sha"], status["context"], status["state"]) == (sha, "ci", "success")
        assert [branch["name"] for branch in status["branches"]] == [BRANCH]
        await asking(served, lambda repo: repo.create_check_run("test", sha, status="queued"), token=APP)
        assert (await receiver.next("check_run", "created"))["check_run"]["name"] == "test"
        await asking(served, lambda repo: repo.get_pull(1).create_review(event="APPROVE", body="."), token=ALICE)
        review = await receiver.next("pull_request_review", "submitted")
        assert (review["review"]["state"], review["review"]["user"]["login"]) == ("approved", "alice")


async def test_a_delivery_that_fails_is_not_tried_again(served: Served) -> None:
    async with hooked(served) as receiver:
        await receiver.next("ping")
        receiver.status = 500
        served.forge.commit({"README.md": "# 2\n"}, "Docs")
        await receiver.next("push")
        receiver.status = 200
        served.forge.commit({"README.md": "# 3\n"}, "More docs")
        assert (await receiver.next("push"))["head_commit"]["message"] == "More docs"
    assert [(d.event, d.status) for d in served.forge.deliveries][:2] == [("ping", 200), ("push", 500)]


async def test_a_receiver_that_is_away_misses_it(served: Served) -> None:
    served.forge.connect("http://127.0.0.1:9/nobody")
    async with hooked(served) as receiver:
        assert await receiver.next("ping")
    assert served.forge.deliveries[0].status is None
