"""A database of release 0.1.0 opens: none of its promotions is lost, and work in progress is finished."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.chat import Posted
from bot.domain.promotion import ApprovalState, FactKind, Promotion, State, Verdict
from bot.domain.registry import Compatibility
from bot.domain.target import Target
from bot.rules.release.decision import Intent
from bot.rules.wording.reasons import plain
from bot.store.store import Store
from tests.paths import ROOT

DUMP = ROOT / "tests/data/database-0.1.0.sql"
HEAD = "c0ffee"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Open the database that release 0.1.0 left."""
    path = tmp_path / "callboard.db"
    with sqlite3.connect(path) as database:
        database.executescript(DUMP.read_text())
    store = await Store.open(f"sqlite:///{path}")
    yield store
    await store.close()


async def promotion(store: Store, model: str) -> Promotion:
    """Return the newest promotion of a model."""
    return next(p for p in await store.promotions(limit=100) if p.target.model == model)


async def test_a_release_keeps_what_was_verified_and_how_it_came_about(store: Store) -> None:
    released = await promotion(store, "released")
    assert (released.state, released.merge_commit) == (State.RELEASED, "3e46e")
    assert released.reason is not None
    assert plain(released.reason) == "every new pod serves it"
    assert released.status.verified_digest == "sha256:22"
    registry = released.status.registry
    assert (registry.alias_moved, registry.tagged, registry.previous_alias) == (True, True, 1)
    steps, facts = await store.story(released.id)
    assert [(state, plain(reason) if reason else "") for _, state, reason in steps][-2:] == [
        (State.SYNCING, "merged"),
        (State.RELEASED, "every new pod serves it"),
    ]
    assert [fact.kind for fact in facts] == [FactKind.PROMOTE, FactKind.APPROVE]
    release = await store.release(released.target)
    assert release is not None
    assert release.version == 2


async def test_a_promotion_that_waits_keeps_its_pull_request_message_consent_and_trouble(store: Store) -> None:
    status = (await promotion(store, "waiting")).status
    assert status.pull is not None
    assert (status.pull.number, status.pull.head, status.pull.base, status.pull.closed) == (7, HEAD, "ba5e", False)
    assert status.pull.approval is not None
    assert (status.pull.approval.head, status.pull.approval.state) == (HEAD, ApprovalState.SUCCESS)
    assert status.message is not None
    assert (status.message.posted, status.message.digest) == (Posted(channel="C1", ts="1.waiting"), status.pull.digest)
    assert status.consent.approved_by == ("U0BOB",)
    assert [ruling.verdict for ruling in status.consent.rulings] == [Verdict.PASS, Verdict.WAIT]
    assert status.comparison is not None
    assert status.comparison.signature is Compatibility.BREAKING
    assert [plain(change) for change in status.comparison.requirements] == ["numpy 1 → 2"]
    assert status.place is not None
    assert (status.place.namespace, status.place.workload) == ("models", "iris")
    assert status.verified_by is None, "how it is verified is decided at its merge"
    assert status.trouble is not None
    assert plain(status.trouble) == "GitHub does not answer"


async def test_what_was_failing_is_failing_since_then(store: Store) -> None:
    failing = (await promotion(store, "failing")).status.failing
    assert failing is not None
    assert (failing.since.hour, plain(failing.reason), failing.log) == (12, "pod p: CrashLoopBackOff", "KeyError")


async def test_a_failure_and_its_rollback_belong_together(store: Store) -> None:
    rollback = await promotion(store, "failed")
    failed = await store.promotion(rollback.id - 1)
    assert failed is not None
    assert (failed.state, failed.status.followup) == (State.FAILED, rollback.id)


@pytest.mark.parametrize(
    ("model", "intent"),
    [
        ("propose", Intent.PROPOSE),
        ("post", Intent.POST),
        ("whisper", Intent.REPLY),
        ("say", Intent.REPORT),
        ("revoke", Intent.REVOKE),
        ("merging", Intent.MERGE),
        ("close", Intent.CLOSE_PULL),
        ("alias", Intent.MOVE_ALIAS),
        ("tag", Intent.TAG),
    ],
)
async def test_what_the_old_release_was_about_to_do_is_known_and_due(store: Store, model: str, intent: Intent) -> None:
    target = Target(model=model, stage="production")
    loaded = await store.load(target)
    assert loaded.promotion is not None
    assert loaded.intent is intent
    assert loaded.intent_at is not None
    assert target in await store.due(loaded.intent_at)


async def test_the_approval_of_a_commit_that_is_not_merged_is_still_to_be_revoked_or_merged(store: Store) -> None:
    assert (await store.load(Target(model="merging", stage="production"))).approved_heads == (HEAD,)
    assert (await store.load(Target(model="failing", stage="production"))).approved_heads == ()
