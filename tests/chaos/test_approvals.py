"""Approvals in every order that people and networks come up with: never a false one, never a missed one.

Each sequence is a promotion that waits for two approvals.  People react, change their minds, click, join and leave the
group; events come late, twice, in any order, or never; the change is made again.  A merge is held against the oracle at
its very moment; at the end everything has arrived, and what may be merged must be.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from bot.domain.promotion import State
from bot.domain.repository import PullState
from tests.chaos import approvals_mutants as mutants
from tests.chaos.approvals_oracle import NO_FULL_MEMBERS, REQUESTER
from tests.chaos.approvals_world import PATH, ApprovalsWorld, template
from tests.paths import ROOT

FULL = os.environ.get("CHAOS") == "full"
SEQUENCES = int(os.environ.get("CHAOS_SEQUENCES", "1000" if FULL else "40"))
SEEN: Counter[str] = Counter()
"""How often each rule was exercised."""

REACTING = st.sampled_from(["UBOB", "UCAROL", "UERIN", "UGUS", "UTIM", "UROBOT", "UMALLORY", REQUESTER])
VOTER = st.one_of(st.sampled_from(["UBOB", "UCAROL"]), REACTING)
WORD = st.sampled_from(["yes"] * 14 + ["no"])
MEANWHILE = [
    *(
        "group UBOB",
        "group UCAROL",
        "group UALICE",
        "group UMALLORY",
        "person UBOB",
        "person UERIN",
        "Slack cannot say",
    ),
    *(
        "another change",
        "same change",
        "listened again",
        "time goes by",
        "time goes by",
        "unheard veto",
        "requester's veto",
    ),
]
ON_GITHUB = ["pushed on top", "retargeted", "merges are refused", "an answer is lost"]
BY_HAND = ["closed by hand", "merged elsewhere"]
CHATTY = 8
"""Private answers after which nobody objects any more."""
NUMBER = st.integers(min_value=0, max_value=20)


class Approvals(RuleBasedStateMachine):
    """One promotion, and all that can happen to it while it waits."""

    folder: Path
    template: Path
    by_hand = False
    """Git pins the version already, so there is no pull request."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.home = tempfile.TemporaryDirectory(dir=self.folder)
        self.world = ApprovalsWorld(Path(self.home.name), self.template, by_hand=self.by_hand)
        self.vetoed = self.ended = False
        self.run(self.world.open())

    def run(self, doing: Any) -> Any:
        """Do it, and let the bot look at what came of it."""
        result = self.runner.run(doing)
        self.vetoed = self.vetoed or self.world.oracle.vetoed()
        self.runner.run(self.world.look())
        assert self.world.forge.wrong == []
        assert self.world.forge.loose() == set(), "anybody may merge it"
        if self.world.forge.state is PullState.CLOSED:
            assert self.vetoed or self.ended, "nobody who may had stopped it"
        return result

    waits = precondition(lambda self: not self.world.over)
    tells = precondition(lambda self: not self.world.over and self.world.events)

    @initialize(how=st.sampled_from(["", "", "merges are refused", "approved, and the merge refused"]))
    def begin(self, how: str) -> None:
        """Let what is approved stay open for a while, in half of the sequences."""
        self.world.forge.refuses = bool(how)
        if how.startswith("approved") and not self.by_hand:  # nothing holds an approved pin up
            for user in ("UBOB", "UCAROL"):
                self.run(self.world.react(user, "yes"))
                self.run(self.world.deliver(0))

    @waits
    @rule(user=VOTER, word=WORD)
    def react(self, user: str, word: str) -> None:
        oracle = self.world.oracle
        if not self.run(self.world.react(user, word)):
            return
        SEEN[word] += 1
        SEEN["the requester's own"] += user == REQUESTER
        SEEN["no full member"] += user in NO_FULL_MEMBERS
        SEEN["deactivated"] += user in oracle.deactivated
        SEEN["not in the group"] += user not in oracle.group

    @waits
    @rule(user=VOTER, word=WORD)
    def take_back(self, user: str, word: str) -> None:
        SEEN["taken back"] += bool(self.run(self.world.react(user, word, remove=True)))

    @waits
    @rule(word=WORD, really=st.sampled_from([True, False, False]))
    def click(self, word: str, really: bool) -> None:  # noqa: FBT001  (drawn)
        if really:
            self.run(self.world.click("UDAVE", word))
            SEEN["button"] += 1

    @precondition(lambda self: not self.world.over and len(self.world.sdk.messages) > 1)
    @rule(user=VOTER, word=WORD, which=NUMBER)
    def react_to_an_older_message(self, user: str, word: str, which: int) -> None:
        older = 1 + which % (len(self.world.sdk.messages) - 1)
        SEEN["older message"] += bool(self.run(self.world.react(user, word, message=older)))

    @tells
    @rule(which=NUMBER)
    def deliver(self, which: int) -> None:
        place = which % len(self.world.events)
        SEEN["out of order"] += place > 0
        self.run(self.world.deliver(place))

    @tells
    @rule(which=NUMBER)
    def deliver_twice(self, which: int) -> None:
        self.run(self.world.deliver(which % len(self.world.events), again=True))
        SEEN["twice"] += 1

    @tells
    @rule(which=NUMBER)
    def lose(self, which: int) -> None:
        self.world.events.pop(which % len(self.world.events))
        SEEN["lost"] += 1

    @tells
    @rule()
    def deliver_all(self) -> None:
        while self.world.events and not self.world.over:
            self.run(self.world.deliver(0))

    @waits
    @rule(what=st.sampled_from(MEANWHILE))
    def meanwhile(self, what: str) -> None:
        oracle, world = self.world.oracle, self.world
        match what.split():
            case ["group", user]:
                oracle.group ^= {user}
            case ["person", user]:
                oracle.deactivated ^= {user}
            case ["Slack", *_]:
                oracle.answers = False
            case ["another", _]:
                before, waits = len(world.sdk.messages), oracle.retargeted or world.forge.silent
                world.forge.texts[PATH] += "# edited\n"
                world.forge.commit += 1
                self.run(world.wake())
                assert waits or len(world.sdk.messages) == before + 1, "another change, another message"
            case ["same", _]:
                world.forge.commit += 1
                self.run(world.wake())
            case ["unheard", _]:
                if self.run(world.react("UCAROL", "no")):
                    world.events.pop()
            case ["requester's", _]:
                self.run(world.react(REQUESTER, "no"))
            case ["listened", _]:
                self.run(world.listen())
            case _:
                oracle.answers = True
                self.run(world.wait())
        SEEN[what] += 1

    @precondition(lambda self: not self.world.over and not self.by_hand)
    @rule(what=st.sampled_from([*ON_GITHUB * 5, *BY_HAND]), really=st.sampled_from([True, False, False]))
    def on_github(self, what: str, really: bool) -> None:  # noqa: FBT001  (drawn)
        if not really:
            return
        forge, oracle = self.world.forge, self.world.oracle
        oracle.pushed = oracle.pushed or what == "pushed on top"
        oracle.retargeted ^= what == "retargeted"
        forge.refuses ^= what == "merges are refused"
        forge.silent = forge.silent or what == "an answer is lost"
        if what in BY_HAND:
            self.ended, oracle.retargeted = True, oracle.retargeted or what == "merged elsewhere"
            forge.state = PullState.CLOSED if what == "closed by hand" else PullState.MERGED
        self.run(self.world.wake())
        assert not self.ended or self.runner.run(self.world.state()) is State.REJECTED
        SEEN[what] += 1

    @precondition(lambda self: self.world.over and len(self.world.sdk.private) < CHATTY)
    @rule(user=VOTER)
    def stop_it_too_late(self, user: str) -> None:
        before = len(self.world.sdk.private)
        if self.run(self.world.react(user, "no")):
            self.run(self.world.deliver(len(self.world.events) - 1))
            told = self.world.sdk.private[before:]
            assert [f"{user}: Your ❌ came too late" in each for each in told] == [True]
            SEEN["too late"] += 1

    @precondition(lambda self: self.world.over)
    @rule()
    def nothing_more(self) -> None:
        """Say nothing."""

    @override
    def teardown(self) -> None:
        """Everything has arrived: what may be merged is, and what was stopped is closed."""
        try:
            if not self.world.over:
                self.run(self.world.settle())
                oracle, state = self.world.oracle, self.world.forge.state
                assert (state is PullState.MERGED) == oracle.may_merge(), f"missed: {oracle}"
                assert not oracle.vetoed() or state is PullState.CLOSED, f"a veto was missed: {oracle}"
                shown = self.runner.run(self.world.approvers())
                assert state is not PullState.OPEN or shown == oracle.approving(), f"shown: {shown}, true: {oracle}"
            SEEN[self.world.forge.state.value] += 1
        finally:
            self.runner.run(self.world.close())
            self.runner.close()
            self.home.cleanup()


class ApprovalsOfAPin(Approvals):
    """The same of a pin that somebody set by hand."""

    by_hand = True


@pytest.mark.timeout(3600 if FULL else 180)
@pytest.mark.parametrize("machine", [Approvals, ApprovalsOfAPin])
def test_no_approval_is_false_and_none_is_missed(tmp_path: Path, machine: type[Approvals]) -> None:
    machine.folder, machine.template = tmp_path, template(tmp_path)
    SEEN.clear()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SEQUENCES, stateful_step_count=30, deadline=None, database=None,
            derandomize="CHAOS_SEED" not in os.environ, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    print(f"\n{SEQUENCES} sequences: {dict(SEEN.most_common())}")  # noqa: T201  (figures, shown with -s)
    exercised = EXERCISED - {*ON_GITHUB, *BY_HAND} if machine.by_hand else EXERCISED
    rare = {name: SEEN[name] for name in exercised if SEEN[name] < (20 if SEQUENCES >= 1000 else 0)}
    assert rare == {}, "what was hardly exercised proves nothing"
    assert SEEN["merged"]
    assert SEEN["closed"]


EXERCISED = frozenset(
    [
        *("yes", "no", "the requester's own", "no full member", "deactivated", "not in the group", "taken back"),
        *("button", "older message", "out of order", "twice", "lost", *MEANWHILE, *ON_GITHUB, *BY_HAND),
        *("too late", "merged", "closed", "open"),
    ]
)


@pytest.mark.timeout(900 if FULL else 180)
@pytest.mark.parametrize("mutant", sorted(mutants.MUTANTS))
def test_a_rule_is_found_where_it_is_to_be_taken_out(mutant: str) -> None:
    assert mutants.places(mutant, ROOT) == 1


@pytest.mark.parametrize("mutant", sorted(mutants.MUTANTS) if FULL else ["quorum"])
def test_a_rule_that_is_missing_is_noticed(mutant: str, tmp_path: Path) -> None:
    folder = mutants.without(mutant, ROOT, tmp_path)
    test = f"tests/chaos/{Path(__file__).name}::{test_no_approval_is_false_and_none_is_missed.__name__}"
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test], cwd=folder,
        env=os.environ | {"CHAOS_SEQUENCES": "1000"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert told.returncode == 1, f"the rule was taken out and nothing failed: {told.stdout[-2000:]}"
    assert "AssertionError" in told.stdout
