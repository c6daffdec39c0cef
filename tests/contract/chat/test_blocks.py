"""Blocks are taken up to Slack's published limits and refused one step beyond, in Slack's words."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ContextBlock,
    HeaderBlock,
    MarkdownBlock,
    MarkdownTextObject,
    SectionBlock,
    TableBlock,
)

from callboard_demo.chat import blocks as rules
from tests.fixtures.chat_world import CHANNEL, Served, served

Block = dict[str, Any]


def words(length: int, kind: str = "mrkdwn") -> Block:
    """Return a text object of so many characters."""
    return {"type": kind, "text": "x" * length}


def section(length: int) -> Block:
    return {"type": "section", "text": words(length)}


def button(**more: Any) -> Block:
    return {"type": "button", "text": words(5, "plain_text"), "action_id": "a"} | more


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def table(rows: int, columns: int) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


LIMITS = [
    pytest.param([section(1)] * 50, [section(1)] * 51, "no more than 50 items allowed", "", id="blocks"),
    pytest.param([section(3000)], [section(3001)], "must be less than 3001 characters", "/0/text/text", id="section"),
    pytest.param([section(1)], [section(0)], "must be more than 0 characters", "/0/text/text", id="empty-text"),
    pytest.param(
        [{"type": "section", "fields": [words(1)] * 10}],
        [{"type": "section", "fields": [words(1)] * 11}],
        "no more than 10 items allowed",
        "/0/fields",
        id="fields",
    ),
    pytest.param(
        [{"type": "section", "fields": [words(2000)]}],
        [{"type": "section", "fields": [words(2001)]}],
        "must be less than 2001 characters",
        "/0/fields/0/text",
        id="field",
    ),
    pytest.param(
        [{"type": "header", "text": words(150, "plain_text")}],
        [{"type": "header", "text": words(151, "plain_text")}],
        "must be less than 151 characters",
        "/0/text/text",
        id="header",
    ),
    pytest.param(
        [{"type": "header", "text": words(1, "plain_text")}],
        [{"type": "header", "text": words(1, "mrkdwn")}],
        "must be a valid enum value",
        "/0/text/type",
        id="header-is-plain",
    ),
    pytest.param(
        [actions(*[button(action_id=str(n)) for n in range(25)])],
        [actions(*[button(action_id=str(n)) for n in range(26)])],
        "no more than 25 items allowed",
        "/0/elements",
        id="actions",
    ),
    pytest.param(
        [actions(button(text=words(75, "plain_text")))],
        [actions(button(text=words(76, "plain_text")))],
        "must be less than 76 characters",
        "/0/elements/0/text/text",
        id="button-text",
    ),
    pytest.param(
        [actions(button(value="x" * 2000))],
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters",
        "/0/elements/0/value",
        id="button-value",
    ),
    pytest.param(
        [actions(button(action_id="x" * 255))],
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters",
        "/0/elements/0/action_id",
        id="action-id",
    ),
    pytest.param(
        [actions(button(url="https://x.y/" + "x" * 2988))],
        [actions(button(url="https://x.y/" + "x" * 2989))],
        "must be less than 3001 characters",
        "/0/elements/0/url",
        id="button-url",
    ),
    pytest.param(
        [actions(button(style="danger"))],
        [actions(button(style="default"))],
        "must be a valid enum value",
        "/0/elements/0/style",
        id="button-style",
    ),
    pytest.param(
        [section(1) | {"block_id": "x" * 255}],
        [section(1) | {"block_id": "x" * 256}],
        "must be less than 256 characters",
        "/0/block_id",
        id="block-id",
    ),
    pytest.param(
        [section(1) | {"block_id": "a"}, section(1) | {"block_id": "b"}],
        [section(1) | {"block_id": "a"}, section(1) | {"block_id": "a"}],
        "`block_id` already exists",
        "/1/block_id",
        id="block-id-twice",
    ),
    pytest.param(
        [{"type": "context", "elements": [words(1)] * 10}],
        [{"type": "context", "elements": [words(1)] * 11}],
        "no more than 10 items allowed",
        "/0/elements",
        id="context",
    ),
    pytest.param(
        [{"type": "context", "elements": [words(1)]}],
        [{"type": "context", "elements": [button()]}],
        "unsupported type: button",
        "/0/elements/0/type",
        id="context-holds-no-button",
    ),
    pytest.param(
        [{"type": "markdown", "text": "x" * 6000}] * 2,
        [{"type": "markdown", "text": "x" * 6000}, {"type": "markdown", "text": "x" * 6001}],
        "must be less than 12001 characters",
        "",
        id="markdown-in-total",
    ),
    pytest.param([table(100, 1)], [table(101, 1)], "no more than 100 items allowed", "/0/rows", id="rows"),
    pytest.param([table(1, 20)], [table(1, 21)], "no more than 20 items allowed", "/0/rows/0", id="columns"),
    pytest.param(
        [{"type": "image", "image_url": "https://x.y/z.png", "alt_text": "z"}],
        [{"type": "image", "image_url": "https://x.y/z.png"}],
        "missing required field: alt_text",
        "/0",
        id="image-without-words",
    ),
    pytest.param(
        [section(1)], [{"type": "section"}], "must define either `text` or `fields`", "/0", id="section-of-none"
    ),
    pytest.param([section(1)], [{"text": words(1)}], "missing required field: type", "/0", id="no-type"),
    pytest.param([{"type": "divider"}], [{"type": "sections"}], "unsupported type: sections", "/0/type", id="unknown"),
    pytest.param(
        [section(1)],
        [section(1) | {"texts": "x"}],
        "invalid additional property: texts",
        "/0",
        id="unknown-property",
    ),
]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as served_world:
        yield served_world


@pytest.mark.parametrize(("taken", "refused", "sentence", "pointer"), LIMITS)
def test_a_limit_is_kept_to_the_step(taken: list[Block], refused: list[Block], sentence: str, pointer: str) -> None:
    assert rules.faults(taken) == []
    assert f"{sentence} [json-pointer:/blocks{pointer}]" in rules.faults(refused)


async def test_slack_says_where_and_why(world: Served) -> None:
    with pytest.raises(SlackApiError) as caught:
        await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=[section(1), section(3001)])
    body = caught.value.response.data
    because = [
        "failed to match all allowed schemas [json-pointer:/blocks/1/text]",
        "must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert (body["error"], body["errors"]) == ("invalid_blocks", because)
    assert body["response_metadata"]["messages"] == [f"[ERROR] {sentence}" for sentence in because]


@pytest.mark.parametrize("method", ["chat.update", "chat.postEphemeral"])
async def test_every_way_to_say_something_is_checked(world: Served, method: str) -> None:
    ts = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x"))["ts"]
    args = {"channel": CHANNEL, "ts": ts, "user": "U0BOB", "text": "x", "blocks": [{"type": "nonsense"}]}
    with pytest.raises(SlackApiError) as caught:
        await world.sdk.api_call(method, json=args)
    assert caught.value.response["error"] == "invalid_blocks"


async def test_a_message_holds_one_table(world: Served) -> None:
    with pytest.raises(SlackApiError) as caught:
        await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=[table(1, 1), table(1, 1)])
    assert caught.value.response["error"] == "invalid_attachments"


async def test_blocks_may_be_too_long_together_though_none_is(world: Served) -> None:
    with pytest.raises(SlackApiError) as caught:
        await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=[section(2900)] * 5)
    assert caught.value.response["error"] == "msg_blocks_too_long"


async def test_what_the_sdks_own_classes_make_is_taken(world: Served) -> None:
    made = [
        HeaderBlock(text="Promotion"),
        SectionBlock(
            text="*iris*", fields=["a", "b"], accessory=ButtonElement(text="Open", url="https://x.y", action_id="o")
        ),
        ContextBlock(elements=[MarkdownTextObject(text="by <@U0ALICE>")]),
        ActionsBlock(elements=[ButtonElement(text="Approve", value="7", style="primary", action_id="approve")]),
        MarkdownBlock(text="```diff\n-3\n+4\n```"),
        TableBlock(rows=[[{"type": "raw_text", "text": "accuracy"}]]),
    ]
    posted = await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=made)
    assert " ".join(b["type"] for b in posted["message"]["blocks"]) == "header section context actions markdown table"


async def test_slack_names_what_the_program_did_not(world: Served) -> None:
    unnamed = [section(1), section(1), actions({"type": "button", "text": words(3, "plain_text")})]
    posted = (await world.sdk.chat_postMessage(channel=CHANNEL, text="x", blocks=unnamed))["message"]["blocks"]
    assert len({block["block_id"] for block in posted}) == 3
    assert posted[2]["elements"][0]["action_id"]
