"""Whatever people type, and whatever the models are called, a command answers harmlessly."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config.app_yaml import parse
from bot.domain.registry import ModelVersion
from bot.domain.target import Target
from bot.rules.parsing.typed import typed
from bot.store.store import Store
from handlers import COMMANDS
from tests.chaos.extent import FULL
from tests.fixtures.desk import NOON, Desk
from tests.fixtures.hostile import FRAGMENTS, faults, texts

APP = parse("""\
repository: acme/models-gitops
stages: {staging: {approvals: 0}, production: {approvers: ["@captains", U0ALICE], may_freeze: anyone}}
""")
NAMES = (st.sampled_from(FRAGMENTS) | texts(most=8)).filter(
    lambda name: APP.has(name) and name.encode(errors="ignore").decode() == name
)
"""Names that Callboard serves, since any others are never shown; no decoder accepts half a surrogate pair."""
USUAL: list[tuple[str, bool, list[str]]] = [
    ("/models", False, []),
    ("/models", True, []),
    ("", True, ["production", "2"]),
]
WORDS = st.sampled_from(["production", "staging", "1", "9", "@old", "cancel", "off", "for 3d", "--override", '"why"'])


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=200 if FULL else 12, deadline=None)  # each opens a database
@given(
    model=NAMES,
    lines=st.lists(
        st.tuples(
            st.sampled_from([*COMMANDS, ""]), st.booleans(), st.lists(WORDS | texts(most=6, times=40), max_size=4)
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_command_answers_harmlessly(name: str, model: str, lines: list[tuple[str, bool, list[str]]]) -> None:
    asyncio.run(_typed(name, model, lines))


async def _typed(name: str, model: str, lines: list[tuple[str, bool, list[str]]]) -> None:
    with TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{Path(folder)}/callboard.db")
        try:
            await _known(store, model)
            desk = Desk(app=APP, store=store)
            for forwarded, known, words in (*USUAL, *lines):
                first = [forwarded.removeprefix("/")] if name == "/callboard" else []
                line = " ".join([name, *first, *([typed(model)] if known else []), *words])
                message = await desk.answer("U0ALICE", line)
                assert faults(message, people={"U0ALICE"}) == [], line
        finally:
            await store.close()


async def _known(store: Store, model: str) -> None:
    """Let the registry have the model, and production run its first version."""
    await store.mirror.see({model: {"old": 1, model: 2}})
    await store.mirror.meet([ModelVersion(model=model, version=n) for n in (1, 2)], baseline=True, now=NOON)
    await store.groups.see("@captains", frozenset({"U0BOB"}), now=NOON)
    await store.baseline(Target(model=model, stage="production"), 1, now=NOON)
