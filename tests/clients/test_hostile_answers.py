"""No answer of an outside system ends, blocks or fills the bot: every verb of every client, and every attack.

The limits are the real ones, but for those on time: what nothing else would end has to end soon.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import AsyncExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from bot.clients.pacing import MAX_WAIT
from bot.domain.errors import Permanent, Temporary
from bot.rules.wording.reasons import plain
from tests.chaos.extent import FULL
from tests.fixtures.hostile_answers import CUT, ENDLESS, FRAMES, HEAVY, PLAIN, SLOW, SLOW_FRAMES
from tests.fixtures.hostile_clients import SOON, SUBJECTS
from tests.fixtures.hostile_server import hostile_server
from tests.fixtures.liveness import BLOCKED, alive

QUICK: Final = (*PLAIN, *ENDLESS, *CUT)
SHARE: Final = 3
"""Of so many verbs of a client, one meets an attack, and the next one another.

Also, each client meets every other attack only.  In `make chaos`, each meets each.
"""
WITHIN: Final = 60.0
"""Seconds in which a call ends, also on a machine that has much else to do."""
FLOODED: Final = 5.0
"""BLOCKED where aiohttp reads one `100 Continue` after another: 1.6 were seen on a slow machine."""
SENTENCE: Final = 3000
"""Characters of an error, which goes into a message and a log."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with hostile_server() as port:
        yield port


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a pause, or not at all."""
    monkeypatch.setattr("bot.clients.github.requester.sleep", lambda _: None)
    monkeypatch.setattr("bot.clients.github.connection.PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr("github.Consts.PROCESSING_202_WAIT_TIME", 0)


async def error_of(call: Awaitable[object]) -> Temporary | Permanent | None:
    """Return what a call raises that a client may raise, in time; anything else fails the test."""
    try:
        async with asyncio.timeout(WITHIN):
            await call
    except (Temporary, Permanent) as error:
        return error
    return None


def check(error: Temporary | Permanent | None, what: str) -> None:
    if error is None:
        return
    for text in (plain(error.reason), plain(error.reason), str(error)):
        assert 0 < len(text) <= SENTENCE, f"{what}: a sentence of {len(text)} characters"
        text.encode()
    if isinstance(error, Temporary) and error.after is not None:
        assert timedelta(0) <= error.after <= MAX_WAIT, f"{what}: waits {error.after}"


async def attacked(client: str, base: str, folder: Path, *, verbs: Iterable[str] = (), times: int = 1) -> None:
    """Ask everything of a client (or these verbs), one after the other."""
    subject = SUBJECTS[client]
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(subject.opened(base, folder)) if subject.forgetful else None
        for name in verbs or subject.verbs:
            fresh = nullcontext(shared) if subject.forgetful else subject.opened(base, folder)
            async with alive(f"{client} {name}"), fresh as opened:
                for _ in range(times):
                    check(await error_of(subject.verbs[name](opened)), f"{client} {name}")


async def attacked_at_once(client: str, base: str, folder: Path, *, most: int, blocked: float) -> None:
    """Ask everything of a client, `most` at a time: each call has to wait for its limit on time."""
    subject, some = SUBJECTS[client], asyncio.Semaphore(most)
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(subject.opened(base, folder)) if subject.forgetful else None

        async def one(name: str) -> None:
            async with some, nullcontext(shared) if subject.forgetful else subject.opened(base, folder) as opened:
                check(await error_of(subject.verbs[name](opened)), f"{client} {name}")

        async with alive(client, blocked=blocked), asyncio.TaskGroup() as group:
            for name in subject.verbs:
                group.create_task(one(name))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let limits on time be short."""
    seconds = SOON.total_seconds()
    short = aiohttp.ClientTimeout(total=seconds)
    for name in ("mlflow.rest", "slack.client", "oci.client"):
        monkeypatch.setattr(f"bot.clients.{name}.TIMEOUT", short)
    monkeypatch.setattr("bot.clients.pods.TIMEOUT", SOON)
    monkeypatch.setattr("bot.clients.slack.client.HELLO", seconds)
    monkeypatch.setattr("bot.clients.github.connection.WHOLE", seconds)
    for name in ("ANSWER", "WHOLE", "GRACE"):
        monkeypatch.setattr(f"bot.clients.kubernetes.client.{name}", SOON)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let limits on size be small: most verbs of a client share them, and one of each meets the real ones."""
    for name in (
        "limits.MOST", "mlflow.rest.LARGEST", "github.connection.LARGEST", "kubernetes.client.PAGE_BYTES",
        "kubernetes.client.LINE_BYTES", "oci.login.LARGEST", "pods.BODY",
    ):  # fmt: skip
        monkeypatch.setattr(f"bot.clients.{name}", 1 << 18)
    monkeypatch.setattr("bot.clients.limits.PAGES", 10)


TARGETS: Final = [
    (client, attack)
    for at, client in enumerate(SUBJECTS)
    for number, attack in enumerate(QUICK)
    if FULL or (at + number) % 2 == 0
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("client", "attack"), TARGETS)
async def test_every_call_ends_with_an_answer_or_one_of_our_two_errors(
    port: int, tmp_path: Path, client: str, attack: str
) -> None:
    times = 2 if attack.startswith("wait-") else 1
    verbs = tuple(SUBJECTS[client].verbs)
    some = verbs if FULL or len(verbs) < SHARE else verbs[QUICK.index(attack) // 2 % SHARE :: SHARE]
    await attacked(client, f"http://127.0.0.1:{port}/x-{attack}", tmp_path, verbs=some, times=times)


@pytest.mark.parametrize("attack", [name for name in QUICK if name.startswith((*HEAVY, "json-endless-pages"))])
@pytest.mark.parametrize("client", SUBJECTS)
async def test_the_real_limits_keep_the_bot_small_and_awake(
    port: int, tmp_path: Path, client: str, attack: str
) -> None:
    verbs = {"kubernetes": ("list", "watch", "log"), "slack": ("post-again",)}
    only = verbs.get(client, tuple(SUBJECTS[client].verbs)[:1])
    await attacked(client, f"http://127.0.0.1:{port}/x-{attack}", tmp_path, verbs=only)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("attack", SLOW)
@pytest.mark.parametrize("client", SUBJECTS)
async def test_an_endless_answer_is_ended(port: int, tmp_path: Path, client: str, attack: str) -> None:
    most = 2 if attack.startswith("flood-") else 20
    blocked = FLOODED if attack == "flood-of-continue" else BLOCKED
    await attacked_at_once(client, f"http://127.0.0.1:{port}/x-{attack}", tmp_path, most=most, blocked=blocked)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "attack", [*FRAMES, *SLOW_FRAMES, "wait-429-huge", "redirect-302", "bomb-gzip", "drip-headers"]
)
async def test_a_socket_that_does_not_greet_is_closed(port: int, tmp_path: Path, attack: str) -> None:
    base = f"http://127.0.0.1:{port}/open/x-{attack}"
    async with alive(attack), SUBJECTS["slack"].opened(base, tmp_path) as slack:
        check(await error_of(SUBJECTS["slack"].verbs["socket"](slack)), attack)


def test_every_verb_of_every_client_is_attacked() -> None:
    for subject in SUBJECTS.values():
        public = {name for name, of in vars(subject.of).items() if _is_verb(of) and not name.startswith("_")}
        if len(subject.verbs) > 1:
            assert public - {"close", "connect", "open"} <= set(subject.verbs)


def _is_verb(of: object) -> bool:
    return inspect.iscoroutinefunction(of) or inspect.isasyncgenfunction(of)
