"""People in a storm: they type again what was not answered, look at the channel, and react.  And pods, fated to die."""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from typing_extensions import override

from callboard_demo.cluster.runtime import Order
from callboard_demo.cluster.scripted import GOOD, Behaviour, ScriptedRunning, ScriptedRuntime
from tests.chaos.oracle import End, Fate
from tests.fixtures.story_world import ON_ITS_WAY, StoryWorld, everything, has

T = TypeVar("T")

PATIENCE: Final = 240
"""Seconds without any change in the channels until somebody complains: each life of the bot gets as far on a slow
machine, and takes longer."""
BREATH: Final = 0.3
"""Seconds before somebody types again."""
DIES: Final = Behaviour(
    output="RuntimeError: weights are corrupt", ready_after=None, crash_after=timedelta(seconds=0.3)
)


class Pods(ScriptedRuntime):
    """Pods that die where they are fated to: (model, stage, version)."""

    def __init__(self, fated: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        self._fated = frozenset(fated)

    @override
    async def start(self, order: Order) -> ScriptedRunning:
        what = tuple(order.env.get(f"MODEL_{part}", "") for part in ("NAME", "STAGE", "VERSION"))
        self.default = DIES if what in self._fated else GOOD
        return await super().start(order)


def lines(world: StoryWorld) -> dict[str, str]:
    """Return what the messages of all channels say in one line, by ts."""
    return {ts: said.text for place in world.chat.world.channels.values() for ts, said in place.messages.items()}


def told(world: StoryWorld) -> list[str]:
    """Return what the messages say in one line each; one that speaks of many versions has a line for each of them."""
    messages = [said for place in world.chat.world.channels.values() for said in place.messages.values()]
    return [each for said in messages for each in _of_many(everything({"blocks": said.blocks})) or [said.text]]


def _of_many(text: str) -> list[str]:
    return [
        f"New version: {model} v{version}. One of many."
        for model, numbers in re.findall(r"^• `(\S+)` (v\d.*)$", text, re.MULTILINE)
        for first, last in re.findall(r"v(\d+)(?:–v(\d+))?", numbers)
        for version in range(int(first), int(last or first) + 1)
    ]


def line(model: str, end: End) -> str:
    """Return how the message of a promotion begins that has come to this end."""
    word = "Waiting" if end.word == "waits" else end.word
    return f"{model} v{end.version} → {end.stage}{' (rollback)' if end.back else ''}: {word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do with one new version."""

    world: StoryWorld
    version: int
    fate: Fate
    ends: tuple[End, ...]
    """What is to become of it, in this order."""

    async def live(self) -> None:
        """Live it to its end."""
        before = [self._count(end) for end in self.ends]
        await self._new_version()
        if self.fate is not Fate.BREAKS_ON_STAGING:
            await self._sees(self.ends[0], before[0])
            await self._decide(await self._ask())
        for end, seen in zip(self.ends, before, strict=True):
            if end.back and self.fate is Fate.TAKEN_BACK:
                await self._insist("bob", f"/rollback {self.world.model} production", self.world.model, ON_ITS_WAY)
            await self._sees(end, seen)

    async def _new_version(self) -> None:
        await self.world.hint(self.version)

    async def _ask(self) -> str:
        """Ask for production, and return where the message stands that waits for an answer."""
        start = f"{self.world.model} v{self.version} → production: "
        await self._insist("alice", f"/promote {self.world.model} production", self.world.model, ON_ITS_WAY)
        return await self._until(
            lambda: [ts for ts, text in lines(self.world).items() if text.startswith(start)], start
        )

    async def _decide(self, card: str) -> None:
        match self.fate:
            case Fate.FORGOTTEN:
                return
            case Fate.CANCELLED:
                number = self._number(card)
                await self._insist("alice", f"/promotions cancel {number}", f"romotion {number} ", "ancel")
            case _:
                await self.world.react("bob", {"ts": card})
                await self.world.react("carol", {"ts": card}, "x" if self.fate is Fate.VETOED else "white_check_mark")

    def _number(self, card: str) -> str:
        message = self.world.chat.world.find(card)
        assert message is not None
        found = re.search(r"promotion (\d+)", everything({"blocks": message.blocks}))
        assert found is not None
        return found[1]

    async def _insist(self, who: str, text: str, *words: str | tuple[str, ...]) -> None:
        """Type a command until an answer has all these words (of a tuple, any); others get answers at the same time."""
        async with asyncio.timeout(PATIENCE):
            while True:
                said = (await self.world.type(who, text)).splitlines()
                if any(all(has(each, word) for word in words) for each in said):
                    return
                await asyncio.sleep(BREATH)

    async def _sees(self, end: End, before: int) -> None:
        await self._until(lambda: [end] if self._count(end) > before else [], line(self.world.model, end))

    async def _until(self, look: Callable[[], list[T]], what: str) -> T:
        """Wait until there is something to see, as long as anything changes."""
        while True:
            before = lines(self.world)
            try:
                return await self.world.until(look, what, PATIENCE)
            except AssertionError:
                if lines(self.world) == before:
                    raise

    def _count(self, end: End) -> int:
        start = line(self.world.model, end)
        return sum(text.startswith(start) for text in lines(self.world).values())
