"""What people approve, whether a promotion is open, and what distinguishes one rendering from another."""

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from bot.domain.chat import Message
from bot.domain.promotion import State, Status, StatusChange
from bot.domain.target import Change
from bot.rules.release.decision import Action, Intent

CHANGE = Change(
    before={"a.yaml": "version: 1\n", "b.yaml": "same\n"},
    after={"a.yaml": "version: 3\n", "b.yaml": "same\n"},
)


def test_the_same_change_has_the_same_digest_in_whatever_order_its_files_came() -> None:
    turned = Change(
        before={p: CHANGE.before[p] for p in sorted(CHANGE.before, reverse=True)},
        after={p: CHANGE.after[p] for p in sorted(CHANGE.after, reverse=True)},
    )
    assert turned.digest == CHANGE.digest


def test_a_file_that_does_not_differ_is_no_part_of_what_people_approve() -> None:
    alone = Change(before={"a.yaml": "version: 1\n"}, after={"a.yaml": "version: 3\n"})
    assert alone.digest == CHANGE.digest


def test_what_git_holds_already_is_approved_as_the_text_that_it_is() -> None:
    held = Change(before={"a.yaml": "version: 3\n"}, after={"a.yaml": "version: 3\n"})
    assert (held.empty, CHANGE.empty) == (True, False)
    texts = ("version: 4\n", "version: 3 # more\n")
    others = [Change(before={"a.yaml": text}, after={"a.yaml": text}) for text in texts]
    elsewhere = Change(before={"b.yaml": "version: 3\n"}, after={"b.yaml": "version: 3\n"})
    assert len({change.digest for change in (held, CHANGE, elsewhere, *others)}) == 5


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(CHANGE, after={**CHANGE.after, "a.yaml": "version: 4\n"}), id="another text after"),
        pytest.param(replace(CHANGE, before={**CHANGE.before, "a.yaml": "version: 2\n"}), id="another text before"),
        pytest.param(replace(CHANGE, after={**CHANGE.after, "b.yaml": "changed\n"}), id="another file too"),
        pytest.param(Change(before={"c.yaml": "version: 1\n"}, after={"c.yaml": "version: 3\n"}), id="another path"),
    ],
)
def test_another_change_has_another_digest(other: Change) -> None:
    assert other.digest != CHANGE.digest


def test_words_that_move_from_one_file_to_the_next_make_another_change() -> None:
    one = Change(before={"a": "", "b": ""}, after={"a": "xy", "b": "z"})
    other = Change(before={"a": "", "b": ""}, after={"a": "x", "b": "yz"})
    assert one.digest != other.digest


def test_a_promotion_is_open_until_it_is_released_or_over() -> None:
    going_on = {state for state in State if state.open}
    assert going_on == {
        State.CHECKING,
        State.PROPOSED,
        State.MERGING,
        State.SYNCING,
        State.ROLLING_OUT,
        State.VERIFYING,
        State.STALLED,
    }


def test_a_message_is_known_by_all_that_it_shows_and_by_nothing_else() -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "a"}}
    turned = {"text": {"text": "a", "type": "mrkdwn"}, "type": "section"}
    message = Message(text="a", blocks=(block,))
    assert message.hash == Message(text="a", blocks=(turned,)).hash
    assert len({message.hash, Message(text="b", blocks=(block,)).hash, Message(text="a").hash}) == 3


def test_a_change_of_a_status_has_the_fields_of_a_status() -> None:
    assert get_type_hints(StatusChange) == get_type_hints(Status)


def test_what_an_older_release_was_about_to_do_is_known_by_the_name_that_it_wrote_down() -> None:
    assert {action.intent for action in get_args(Action)} == set(Intent)
    stored = {"Propose", "Post", "Whisper", "Say", "Revoke", "Merge", "ClosePull", "MoveAlias", "Tag"}
    assert {intent.value for intent in Intent} == stored
