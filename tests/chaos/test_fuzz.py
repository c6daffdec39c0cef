"""Malformed requests, most of them correctly signed: no fault of ours, nothing of them kept, nothing valid missed.

Meanwhile others hold connections on which they never finish what they send.
"""

import asyncio
import gc
import logging
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil
import pytest
from typing_extensions import override

from tests.chaos.extent import FULL, SEED
from tests.chaos.malformed import Said, known, large, malformed, valid
from tests.fixtures.inbound_world import Listener
from tests.fixtures.slow_senders import slow_senders

REQUESTS: Final = 100_000 if FULL else 3_000
AT_ONCE: Final = 20
VALID: Final = 2
"""In each batch, beside the malformed ones."""
LARGE_EVERY: Final = 50
"""Batches."""
GROWTH: Final = 64 << 20
"""Bytes that the process may grow by after the first fifth: what slow senders hold comes and goes."""


@dataclass(slots=True)
class Run:
    """What was sent, and what came of it."""

    good: list[Said] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers that are none of those that a request may have."""
    tally: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)

    @override
    def __str__(self) -> str:
        grown = (self.memory[-1] - self.memory[0]) >> 10
        return f"seed {SEED}: {dict(sorted(self.tally.items()))}, {len(self.good)} valid, grown by {grown:,} KiB"


@pytest.mark.timeout(3600 if FULL else 180)
async def test_whatever_is_sent_no_fault_is_made_nothing_is_kept_and_nothing_valid_is_missed(
    listener: Listener,
) -> None:
    sys.stdout.write(f"seed {SEED}\n")
    for said in known():
        assert await _send(listener, said) in said.answers
    before, rows = _facts(listener), _rows(listener)
    port = int(listener.url.rpartition(":")[2])
    looks_signed = {"X_MLflow_Timestamp": "{now}", "X_MLflow_Signature": "v1,bm8="}
    with _complaints() as complaints, slow_senders(port, "/webhooks/mlflow", largest=1 << 20, **looks_signed):
        run = await _fuzz(listener)
    sys.stdout.write(f"{run}\n")
    assert run.wrong == [], str(run)
    assert complaints == [], str(run)
    assert run.tally["signed"] >= REQUESTS / 2, str(run)
    left = {said.key for said in run.good if said.key}
    assert _facts(listener) - before == left, str(run)
    versions = rows["versions"] + sum(key.startswith("mlflow:") for key in left)
    assert _rows(listener) == rows | {"facts": rows["facts"] + len(left), "versions": versions}, str(run)
    assert not FULL or run.memory[-1] - run.memory[0] < GROWTH, str(run)


async def _fuzz(listener: Listener) -> Run:
    """Send it all, batch by batch."""
    run, dice, made_of = Run(), random.Random(SEED), known()
    batches = REQUESTS // AT_ONCE
    for number in range(batches):
        bad = [malformed(dice, made_of) for _ in range(AT_ONCE)]
        good = [valid(number * VALID + each) for each in range(VALID)]
        batch = bad + good + ([large(dice.choice(made_of))] if number % LARGE_EVERY == 0 else [])
        dice.shuffle(batch)
        answers = await asyncio.gather(*(_send(listener, said) for said in batch))
        run.wrong += [f"{a}: {said}"[:2000] for said, a in zip(batch, answers, strict=True) if a not in said.answers]
        run.tally.update([*("signed" if said.signed else "forged" for said in bad), *map(str, answers)])
        run.good += good
        listener.wake_ups.clear()
        if number in {batches // 5, batches - 1}:
            run.memory.append(_memory())
    return run


async def _send(listener: Listener, said: Said) -> int:
    return await listener.send(said.path, said.body, said.headers())


def _facts(listener: Listener) -> set[str]:
    with closing(sqlite3.connect(listener.database)) as database:
        return {key for (key,) in database.execute("SELECT key FROM facts")}


def _rows(listener: Listener) -> dict[str, int]:
    """Return how many rows every table has."""
    with closing(sqlite3.connect(listener.database)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def _memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Keep what is logged with a traceback, or that an operator would be woken for."""
    kept: list[str] = []

    class Keeper(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info or record.levelno >= logging.ERROR:
                kept.append(record.getMessage()[:2000])

    keeper = Keeper()
    logging.getLogger().addHandler(keeper)
    try:
        yield kept
    finally:
        logging.getLogger().removeHandler(keeper)
