"""The tables of commands, events and buttons are complete, and everything that depends on them reads them."""

import pkgutil
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

import handlers
from bot.cli.slack_app import manifest
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, State
from bot.rules.wording.promotion_message import message
from handlers import BUTTONS, COMMANDS, EVENTS
from handlers.command import Command
from handlers.event import Event
from tests.fixtures.promotions import NOON, READY
from tests.paths import ROOT

BAR = r"\|"
"""A bar inside a cell of a Markdown table."""
MODULES = [import_module(f"handlers.{found.name}") for found in pkgutil.iter_modules(handlers.__path__)]


def defined(kind: type) -> list[Any]:
    """Return what the files of `handlers` define of a kind."""
    found = (value for module in MODULES for value in vars(module).values() if isinstance(value, kind))
    return list({id(value): value for value in found}.values())


def test_every_command_that_a_file_defines_is_listed() -> None:
    names = sorted(command.name for command in defined(Command))
    assert names == sorted(set(COMMANDS) - {"/callboard"}), "name each once in _COMMANDS of handlers/__init__.py"
    assert all(name.startswith("/") for name in names)


def test_every_event_that_a_file_defines_is_listed() -> None:
    types = sorted(event.type for event in defined(Event))
    assert types == sorted(EVENTS), "name each once in EVENTS of handlers/__init__.py"


def test_callboard_passes_on_to_every_command() -> None:
    assert (
        COMMANDS["/callboard"].syntax.arguments
        == f"{'|'.join(name[1:] for name in COMMANDS if name != '/callboard')} …"
    )


def test_the_manual_has_a_row_for_every_command() -> None:
    manual = (ROOT / "docs/configuration.md").read_text()
    rows = [
        f"| `{name} {each.syntax.arguments.replace('|', BAR)}` | {each.description}" for name, each in COMMANDS.items()
    ]
    missing = [f"{row} | WHO MAY | WHO SEES THE ANSWER |" for row in rows if f"\n{row}" not in manual]
    assert not missing, "add to the slash commands of docs/configuration.md:\n" + "\n".join(missing)


def test_the_app_may_do_what_its_events_need() -> None:
    made = manifest("https://callboard.example.com")
    assert made["settings"]["event_subscriptions"]["bot_events"] == sorted(EVENTS)
    assert {event.scope for event in EVENTS.values()} <= set(made["oauth_config"]["scopes"]["bot"])


def shown(state: State, kind: Kind) -> set[str]:
    """Return the action ids of the buttons on a promotion's message."""
    promotion = replace(READY, kind=kind, state=state)
    said = message(
        promotion,
        health=None,
        policy=Policy(),
        now=NOON + timedelta(hours=1),
    )
    elements = [element for block in said.blocks for element in block.get("elements", [])]
    return {element["action_id"] for element in elements if element["type"] == "button"}


@pytest.mark.parametrize("state", State)
def test_every_button_that_a_message_shows_does_something(state: State) -> None:
    assert {action for kind in Kind for action in shown(state, kind)} <= set(BUTTONS)


def test_every_button_that_does_something_is_shown() -> None:
    assert {action for state in State for kind in Kind for action in shown(state, kind)} == set(BUTTONS)
    """Show each in a message of `bot/rules/wording`, and name each in BUTTONS of handlers/__init__.py."""
