"""A valid signature is not enough: a request of the wrong shape is refused with a sentence and leaves nothing."""

import json
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from bot.rules.parsing.slack_requests import FORM, JSON
from tests.fixtures.inbound_world import POSTED, Listener, about, form, press, reaction

pytestmark = pytest.mark.usefixtures("quiet")


def with_(body: dict[str, Any], where: str, what: Any) -> bytes:
    """Return a body with something else at a place such as `event.item.ts`; LACKING takes it away."""
    changed = deepcopy(body)
    *way, last = where.split(".")
    inner: Any = changed
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    if what is LACKING:
        del inner[last]
    else:
        inner[last] = what
    return json.dumps(changed).encode()


LACKING = object()
NONSENSE = [LACKING, None, 7, -1.5, True, [], {}, "", "x" * 65, "a b", "naïve", "a\0b", ["U0BOB"], {"id": "U0BOB"}]


async def test_votes_are_stored(listener: Listener) -> None:
    before = len(listener.recorded()["facts"])
    assert await listener.signed("/slack/events", json.dumps(reaction()).encode()) == 200
    assert await listener.signed("/slack/events", clicked(press("veto")), kind=FORM) == 200
    assert len(listener.recorded()["facts"]) == before + 2
    facts = (await listener.store.story(1))[1]
    approved, vetoed = (fact for fact in facts if fact.by == "U0BOB")
    assert (approved.kind, vetoed.kind) == ("approve", "veto")
    assert approved.at.timestamp() == float(reaction()["event"]["event_ts"]), "when it was said, not when it was heard"


def clicked(payload: Any) -> bytes:
    return urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()


async def test_what_is_said_twice_is_heard_once(listener: Listener) -> None:
    said = [(json.dumps(reaction()).encode(), JSON), (clicked(press("veto")), FORM)]
    for body, kind in said:
        assert await listener.signed("/slack/events", body, kind=kind) == 200
    once = listener.recorded()
    for body, kind in said:
        assert await listener.signed("/slack/events", body, kind=kind) == 200
    assert listener.recorded() == once


@pytest.mark.parametrize("where", ["event_id", "team_id", "event.user", "event.item.ts", "event.item.channel"])
async def test_a_reaction_that_lacks_something_is_not_recorded(listener: Listener, where: str) -> None:
    before = listener.recorded()
    for nonsense in NONSENSE:
        assert await listener.signed("/slack/events", with_(reaction(), where, nonsense)) == 400
    assert listener.recorded() == before


@pytest.mark.parametrize("where", ["event.event_ts", "event.item.ts"])
async def test_a_time_that_is_none_is_not_recorded(listener: Listener, where: str) -> None:
    before = listener.recorded()
    for nonsense in [*NONSENSE, "soon", "1e9", "nan", "inf", "-1.5", "1.5e300", "9" * 30 + ".0", "١.١", "1.5\n", 1.5]:
        assert await listener.signed("/slack/events", with_(reaction(), where, nonsense)) == 400
    assert listener.recorded() == before


@pytest.mark.parametrize("where", ["user.id", "container.message_ts", "container.channel_id", "actions.0.action_ts"])
async def test_a_click_that_lacks_something_is_not_recorded(listener: Listener, where: str) -> None:
    before = listener.recorded()
    for nonsense in NONSENSE:
        body = clicked(with_(press(), where, nonsense).decode())
        assert await listener.signed("/slack/events", body, kind=FORM) == 400
    assert listener.recorded() == before


@pytest.mark.parametrize("where", ["trigger_id", "user_id", "channel_id"])
async def test_a_command_that_lacks_something_is_not_recorded(listener: Listener, where: str) -> None:
    before = listener.recorded()
    told = dict(parse_qsl(form().decode()))
    for nonsense in (None, "", "x" * 65, "a\0b", "a b", "naïve"):
        fields = told | {where: nonsense}
        body = urlencode({name: value for name, value in fields.items() if value is not None}).encode()
        assert await listener.signed("/slack/events", body, kind=FORM) == 400
    assert listener.recorded() == before


NOT_OURS = {
    "a file": with_(reaction(), "event.item", {"type": "file", "file": "F1"}),
    "another emoji": json.dumps(reaction(emoji="eyes")).encode(),
    "another message": with_(reaction(), "event.item.ts", "1764064800.000199"),
    "another event": with_(reaction(), "event.type", "message"),
    "too many events": b'{"type": "app_rate_limited", "team_id": "T0ACME", "minute_rate_limited": 1518467820}',
    "an event without an event": b'{"type": "event_callback"}',
}


async def test_an_irrelevant_event_is_acknowledged_and_ignored(listener: Listener) -> None:
    before = listener.recorded()
    for name, body in NOT_OURS.items():
        assert await listener.signed("/slack/events", body) == 200, name
    assert listener.recorded() == before


async def test_an_interaction_that_is_not_ours_is_taken_and_forgotten(listener: Listener) -> None:
    before = listener.recorded()
    for payload in (press("a-link"), press() | {"type": "view_submission"}, {"type": "shortcut", "callback_id": "x"}):
        assert await listener.signed("/slack/events", clicked(payload), kind=FORM) == 200
    assert listener.recorded() == before


async def test_a_command_that_is_not_ours_is_told_so(listener: Listener) -> None:
    told = await listener.chat.send(user="alice", channel="#ml-releases", text="/promot iris-classifier staging")
    assert told["status"] == 200
    assert "Callboard has no such command. Its commands: `/promote`" in listener.chat.state()["private"][-1]["text"]


UNREADABLE = {
    "nothing": (b"", JSON),
    "cut": (json.dumps(reaction()).encode()[:-9], JSON),
    "a list": (b"[1]", JSON),
    "deep": (b'{"event": ' + b"[" * 100_000, JSON),
    "a number that is none": (b'{"type": NaN}', JSON),
    "not UTF-8": (b'{"type": "\xff"}', JSON),
    "half an emoji": (b'{"type": "\\ud83d"}', JSON),
    "a type of another type": (b'{"type": ["event_callback"]}', JSON),
    "a form that says it is JSON": (form(), JSON),
    "JSON that says it is a form": (json.dumps(reaction()).encode(), FORM),
    "an empty form": (b"", FORM),
    "half a character": (b"command=%2Fpromote&text=%ed%a0%bd", FORM),
    "no command": (b"text=iris-classifier&user_id=U0ALICE&channel_id=C1&trigger_id=t-2", FORM),
    "many fields": (b"&".join(b"%d=1" % number for number in range(100)), FORM),
    "no payload": (clicked("notjson"), FORM),
    "a payload that is a list": (clicked([press()]), FORM),
    "a deep payload": (b"payload=" + quote("[" * 50_000).encode(), FORM),
    "no actions": (clicked(press() | {"actions": "approve"}), FORM),
}


async def test_what_cannot_be_read_is_answered_with_a_sentence(listener: Listener) -> None:
    before = listener.recorded()
    for name, (body, kind) in UNREADABLE.items():
        status, said = await listener.answered("/slack/events", body, kind=kind)
        assert status == 400, name
        assert json.loads(said)["error"].startswith("the body is n")
    assert listener.recorded() == before


@pytest.mark.parametrize("path", ["/slack/events", "/webhooks/mlflow", "/webhooks/github"])
async def test_what_the_sender_never_sends_is_refused_with_what_it_does(listener: Listener, path: str) -> None:
    before = listener.recorded()
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "nonsense", ""):
        status, said = await listener.answered(path, json.dumps(reaction()).encode(), kind=kind)
        assert status == 415
        assert JSON in said
    assert listener.recorded() == before


async def test_an_mlflow_delivery_without_an_id_is_taken_and_forgotten(listener: Listener) -> None:
    before = listener.recorded()
    for delivery in (None, "", "x" * 65, "a b"):
        assert await listener.signed("/webhooks/mlflow", about(version="2"), delivery=delivery) == 200
    assert listener.recorded() == before


async def test_a_button_of_a_message_that_is_not_ours_is_forgotten(listener: Listener) -> None:
    before = listener.recorded()
    elsewhere = press(container={"message_ts": POSTED.ts, "channel_id": "C0ELSEWHERE"})
    assert await listener.signed("/slack/events", clicked(elsewhere), kind=FORM) == 200
    assert listener.recorded() == before
