"""The page as a person uses it: types, clicks, reads, as each of the people; against a real chat and canned systems."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from bot.domain.json import Json
from bot.domain.promotion import State
from callboard_demo.chat.world import BOT_USER, ChatMessage, Ephemeral
from tests.browser.conftest import PageFor
from tests.fixtures.canned_world import CannedWorld, canned

pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="document.title=1"> &lt;script&gt;document.title=2&lt;/script&gt;'
CARD: list[Json] = [
    {"type": "header", "text": {"type": "plain_text", "text": "iris-classifier v3 → production"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "v1 → *v3*, asked for by <@U0ALICE>"}},
    {
        "type": "actions",
        "block_id": "b",
        "elements": [
            {
                "type": "button",
                "action_id": "veto",
                "style": "danger",
                "text": {"type": "plain_text", "text": "Veto"},
                "value": "digest",
                "confirm": {
                    "title": {"type": "plain_text", "text": "Veto this promotion?"},
                    "text": {"type": "plain_text", "text": "Its pull request is closed."},
                    "confirm": {"type": "plain_text", "text": "Veto it"},
                    "deny": {"type": "plain_text", "text": "Back"},
                },
            }
        ],
    },
]


class Bot:
    """What stands where the bot would: answers each command in private, and remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.app = web.Application()
        self.app.router.add_post("/slack/events", self._hear)

    async def _hear(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.seen.append(form)
        if "command" not in form:
            return web.Response()
        text = f"There is no model `{form['text']}`. Did you mean `iris-classifier`?"
        return web.json_response({"response_type": "ephemeral", "text": text})


@pytest.fixture
async def bot() -> AsyncIterator[tuple[Bot, str]]:
    heard = Bot()
    async with TestServer(heard.app) as server:
        yield heard, str(server.make_url("/slack/events"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CannedWorld]:
    world = canned(tmp_path)
    yield world
    await world.chat.close()


def post(world: CannedWorld, text: str, blocks: list[Json] | None = None) -> ChatMessage:
    """Put a message of the bot into the channel."""
    chat = world.chat.world
    return chat.add(ChatMessage(channel="C0MLRELEASES", ts=chat.stamp(), user=BOT_USER, text=text, blocks=blocks or []))


async def act_as(page: Page, name: str) -> None:
    """Select the person to act as."""
    await page.click(f'[data-person="{name}"]')


async def test_a_command_is_typed_and_its_private_answer_is_shown(
    world: CannedWorld, page_for: PageFor, bot: tuple[Bot, str]
) -> None:
    heard, url = bot
    world.chat.connect(url)
    page = await page_for(world)
    await act_as(page, "carol")
    await page.fill("#line", "/models iris-clasifier")
    await page.press("#line", "Enter")
    reply = page.locator(".ephemeral")
    await expect(reply).to_contain_text("Only visible to carol")
    await expect(reply).to_contain_text("Did you mean iris-classifier?")
    await expect(page.locator(".typed")).to_contain_text("carol typed /models iris-clasifier")
    assert [(form["user_name"], form["command"]) for form in heard.seen] == [("carol", "/models")]


async def test_a_tick_is_put_on_and_taken_off_by_whoever_speaks(world: CannedWorld, page_for: PageFor) -> None:
    message = post(world, "card", CARD)
    page = await page_for(world)
    await act_as(page, "bob")
    await page.get_by_role("button", name="React with :white_check_mark:").click()
    mine = page.locator(".pill.mine")
    await expect(mine).to_contain_text("1")
    assert message.reactions == {"white_check_mark": ["U0BOB"]}
    await act_as(page, "carol")
    await expect(mine).to_have_count(0)
    await page.get_by_role("button", name="bob reacted with :white_check_mark:").click()
    await expect(mine).to_contain_text("2")
    await mine.click()
    await expect(mine).to_have_count(0)
    assert message.reactions == {"white_check_mark": ["U0BOB"]}


async def test_a_button_asks_before_it_is_pressed(world: CannedWorld, page_for: PageFor, bot: tuple[Bot, str]) -> None:
    heard, url = bot
    world.chat.connect(url)
    post(world, "card", CARD)
    page = await page_for(world)
    await page.get_by_role("button", name="Veto").click()
    await expect(page.locator("dialog")).to_contain_text("Its pull request is closed.")
    await page.get_by_role("button", name="Back", exact=True).click()
    await page.get_by_role("button", name="Veto").click()
    async with page.expect_response("**/api/click"):
        await page.get_by_role("button", name="Veto it").click()
    assert len(heard.seen) == 1
    assert '"action_id": "veto"' in heard.seen[0]["payload"]


async def test_what_people_write_stays_text(world: CannedWorld, page_for: PageFor) -> None:
    post(world, HOSTILE)
    post(world, "x", [{"type": "section", "text": {"type": "mrkdwn", "text": HOSTILE}}])
    world.chat.world.show_ephemeral(Ephemeral(ts="1.0", to="U0BOB", channel="C0MLRELEASES", text=HOSTILE))
    world.forge.picture["pulls"][0] |= {
        "title": HOSTILE,
        "body": HOSTILE + " [x](javascript:alert(1))",
        "diff": HOSTILE,
    }
    world.registry.models[0]["name"] = HOSTILE
    page = await page_for(world)
    await expect(page.locator("#pulls")).to_contain_text("<img src=x")
    await expect(page.locator("#registry")).to_contain_text("<img src=x")
    assert await page.title() == "Callboard"
    assert await page.locator("img:not([src='/static/icon.svg']), #messages script").count() == 0
    assert await page.locator("a[href^='javascript']").count() == 0


async def test_the_board_shows_what_each_pod_really_serves(world: CannedWorld, page_for: PageFor) -> None:
    page = await page_for(world)
    crashed = page.locator(".pod.bad")
    await expect(crashed).to_contain_text("3 restarts")
    assert await page.locator(".pod.good .serves").all_inner_texts() == ["v1", "v3", "v3"]
    pods = [pod | {"serves": 2} for pod in world.cluster.picture["pods"] if pod["stage"] == "staging"]
    world.cluster.change(pods=pods)
    await expect(page.locator(".pod .differs")).to_have_text("pinned v3")
    await expect(page.locator(".pod .serves")).to_have_text("v2")


async def test_the_board_shows_a_stateful_set_and_its_pods(world: CannedWorld, page_for: PageFor) -> None:
    pods = [pod | {"name": f"fraud-{n}", "model": "fraud"} for n, pod in enumerate(world.cluster.picture["pods"][:2])]
    sets = {"kind": "StatefulSet", "name": "fraud", "namespace": "models", "replicas": 2, "revision": None}
    world.cluster.change(pods=pods, workloads=[sets | {"updated": 1, "available": 1, "condition": None}])
    page = await page_for(world)
    shown = page.locator(".workload", has_text="fraud")
    await expect(shown.locator("header")).to_contain_text("StatefulSet")
    await expect(shown.locator("header")).to_contain_text("1 of 2 ready")
    assert await shown.locator(".pod .name").all_inner_texts() == ["fraud-0", "fraud-1"]


async def test_the_bot_is_killed_and_started_from_the_page(world: CannedWorld, page_for: PageFor) -> None:
    page = await page_for(world)
    await page.get_by_role("button", name="Kill").click()
    await expect(page.locator("#bot")).to_contain_text("The bot is down")
    assert not world.bot.alive
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#bot")).to_contain_text("The bot is running")


async def test_a_training_is_shown_while_it_lasts(world: CannedWorld, page_for: PageFor) -> None:
    page = await page_for(world)
    await page.locator(".model", has_text="churn").get_by_role("button", name="Broken").click()
    await expect(page.locator(".training")).to_contain_text("Training a broken version: fitting")
    assert world.registry.trained == [("churn", "broken")]
    world.registry.may_finish.set()
    await expect(page.locator(".training")).to_have_count(0)


async def test_a_fault_is_made_and_seen(world: CannedWorld, page_for: PageFor) -> None:
    page = await page_for(world)
    await page.click("#faultmenu summary")
    await page.get_by_title("GitHub drops every connection").click()
    await expect(page.locator("#faults")).to_contain_text("GitHub is down")
    assert world.faults.present("github") == "down"


async def test_a_first_visitor_is_told_what_to_type(world: CannedWorld, page_for: PageFor) -> None:
    world.bot.told = []
    page = await page_for(world)
    await page.get_by_role("button", name="Type it for me").click()
    await expect(page.locator("#line")).to_have_value("/promote iris-classifier production")


async def test_commands_models_and_stages_are_offered_as_one_types(world: CannedWorld, page_for: PageFor) -> None:
    page = await page_for(world)
    for typed, taken in (("/pr", "/promote "), ("iris", "iris-classifier "), ("prod", "production ")):
        await page.locator("#line").press_sequentially(typed)
        await page.press("#line", "Tab")
        await expect(page.locator("#line")).to_have_value(re.compile(f"{taken}$"))
    await expect(page.locator("#line")).to_have_value("/promote iris-classifier production ")


@pytest.mark.parametrize("width", [1440, 1100, 390])
async def test_nothing_makes_the_page_scroll_sideways(world: CannedWorld, page_for: PageFor, width: int) -> None:
    post(world, "word" * 100, CARD)
    post(world, "word" * 100)
    page = await page_for(world)
    await page.set_viewport_size({"width": width, "height": 844})
    for tab in ("chat", "release", "cluster", "registry"):
        await page.evaluate("name => { document.body.dataset.tab = name }", tab)
        for box in ("html", "#scroll", ".board"):
            wide, room = await page.eval_on_selector(box, "box => [box.scrollWidth, box.clientWidth]")
            assert wide <= room, f"{box} on {tab} at {width} px"


async def test_a_foreign_page_in_the_same_browser_can_neither_read_nor_drive(
    world: CannedWorld, page_for: PageFor
) -> None:
    page = await page_for(world)
    ours = page.url.rstrip("/")
    foreign = web.Application()
    foreign.router.add_get("/", _empty)
    async with TestServer(foreign) as elsewhere:
        await page.goto(str(elsewhere.make_url("/")))
        drive = """async (ours) => {
            const tried = [];
            const say = JSON.stringify({ as: "bob", channel: "#ml-releases", text: "driven" });
            for (const [type, mode] of [["text/plain", "no-cors"], ["application/json", "cors"]]) {
                await fetch(`${ours}/api/say`, { method: "POST", mode, headers: { "Content-Type": type }, body: say })
                    .then((answer) => tried.push(answer.type), () => tried.push("refused"));
            }
            await fetch(`${ours}/api/state`).then((answer) => tried.push(answer.type), () => tried.push("refused"));
            return tried;
        }"""
        assert await page.evaluate(drive, ours) == ["refused"] * 3
    assert world.chat.state()["messages"] == []


async def test_a_name_that_is_bound_to_this_machine_does_not_open_the_page(
    world: CannedWorld, page_for: PageFor
) -> None:
    port = (await page_for(world)).url.rstrip("/").rsplit(":", 1)[1]
    async with aiohttp.ClientSession() as http:
        rebound = {"Host": f"rebound.example:{port}"}
        async with http.get(f"http://127.0.0.1:{port}/", headers=rebound) as answer:
            assert answer.status == 403


async def _empty(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>elsewhere</title>", content_type="text/html")


async def test_the_newest_message_stays_in_sight_until_one_scrolls_away(world: CannedWorld, page_for: PageFor) -> None:
    for number in range(40):
        post(world, f"message {number}")
    page = await page_for(world)
    await expect(page.get_by_text("message 39")).to_be_in_viewport()
    post(world, "message 40")
    await expect(page.get_by_text("message 40")).to_be_in_viewport()
    await page.locator("#scroll").evaluate("box => { box.scrollTop = 0 }")
    await expect(page.get_by_text("message 0", exact=True)).to_be_in_viewport()
    post(world, "message 41")
    down = page.get_by_role("button", name="New messages")
    await expect(down).to_be_visible()
    await expect(page.get_by_text("message 0", exact=True)).to_be_in_viewport()
    await down.click()
    await expect(page.get_by_text("message 41")).to_be_in_viewport()


async def test_a_command_that_nobody_answers_is_said_not_to_be_answered(world: CannedWorld, page_for: PageFor) -> None:
    world.chat.connect("http://127.0.0.1:1/slack/events")
    page = await page_for(world)
    await page.fill("#line", "/models")
    await page.press("#line", "Enter")
    await expect(page.locator(".typed")).to_contain_text("no reply")
    await expect(page.locator(".ephemeral")).to_contain_text("dispatch_failed")


async def test_every_open_promotion_is_shown_as_in_progress(world: CannedWorld, page_for: PageFor) -> None:
    (pattern, *_) = world.bot.told
    going_on = [state for state in State if state.open]
    world.bot.told[:] = [pattern | {"id": number, "state": state.value} for number, state in enumerate(going_on, 1)]
    page = await page_for(world)
    await expect(page.locator("#n-promotions")).to_have_text(f"{len(going_on)} in progress")
    await expect(page.locator("#promotions .promotion.busy")).to_have_count(len(going_on))
