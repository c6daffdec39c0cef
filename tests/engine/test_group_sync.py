"""The mirror of user groups, by which handlers decide who may do what: as fresh as Slack's last answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import clock
from bot.clients.slack.client import Slack
from bot.config.app_yaml import parse
from bot.domain.errors import Temporary
from bot.engine import group_sync
from bot.rules.release.membership import STALE
from bot.store.store import Store
from callboard_demo.chat import Chat, ChatUser
from tests.fixtures.chat_world import PEOPLE, TOKEN, served

APP = parse(
    "repository: a/b\n"
    'stages: {p: {approvers: ["@captains"], requesters: ["@ants", "@science"], rollback: {requesters: "@captains"}}}\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The workspace and the database, and the only client that is used here."""

    chat: Chat
    store: Store
    slack: Slack

    async def look(self) -> None:
        clients: Any = self
        await group_sync.sync_groups(config=APP, store=self.store, clients=clients)

    async def known(self) -> dict[str, frozenset[str]]:
        return dict(await self.store.groups.members(clock.now()))


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[Sides]:
    store = await Store.open(f"sqlite:///{tmp_path}/callboard.db")
    asked: dict[str, Any] = {
        "groups": {"captains": ("bob", "carol"), "science": ("alice", "guest"), "others": ("mallory",)},
        "people": (*PEOPLE, ChatUser(name="guest", is_restricted=True)),
    }
    async with served(tmp_path / "chat", **asked) as world, Slack.connect(TOKEN, world.url) as slack:
        yield Sides(chat=world.chat, store=store, slack=slack)
    await store.close()


async def test_the_groups_that_app_yaml_names_are_mirrored_without_their_guests_whichever_of_them_is_missing(
    sides: Sides,
) -> None:
    await sides.look()
    assert await sides.known() == {"@captains": {"U0BOB", "U0CAROL"}, "@science": {"U0ALICE"}}


async def test_one_question_is_enough_for_all_groups_and_is_asked_each_time(sides: Sides) -> None:
    await sides.look()
    assert [call.method for call in sides.chat.log].count("usergroups.list") == 1
    assert [call.method for call in sides.chat.log].count("users.info") == 4
    sides.chat.set_group("science", ("alice", "mallory"))
    await sides.look()
    assert (await sides.known())["@science"] == {"U0ALICE", "U0MALLORY"}
    assert [call.method for call in sides.chat.log].count("usergroups.list") == 2
    assert [call.method for call in sides.chat.log].count("users.info") == 5, "who is new is looked up"


async def test_while_the_chat_does_not_answer_what_was_heard_last_is_kept(sides: Sides) -> None:
    await sides.look()
    before = await sides.known()
    deaf = Slack.connect(TOKEN, "http://127.0.0.1:9/")
    async with deaf:
        with pytest.raises(Temporary):
            await Sides(chat=sides.chat, store=sides.store, slack=deaf).look()
    assert await sides.known() == before


async def test_a_list_of_members_is_trusted_for_ten_minutes(sides: Sides) -> None:
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    await sides.store.groups.see("@captains", frozenset({"U0BOB"}), now=noon)
    assert await sides.store.groups.members(noon + STALE) == {"@captains": {"U0BOB"}}
    assert await sides.store.groups.members(noon + STALE + timedelta(microseconds=1)) == {}
