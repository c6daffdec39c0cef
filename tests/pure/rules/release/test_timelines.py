"""Each reported rollout goes through the whole decision loop, and ends as it should."""

from functools import cache

import pytest

from bot.domain.cluster import PodSeen, Served, Snapshot
from bot.domain.promotion import Kind, State
from bot.domain.reason import Reason
from bot.domain.reasons.rollout import ChangedByOthers
from bot.rules.wording.reasons import plain
from tests.fixtures.rollout_history import Ending, History, follow, pruned
from tests.pure.rules.release.scenes import BEHIND, DONE, MANUAL, configured, not_synced, restarting
from tests.pure.rules.release.timelines import FAILED, RELEASED, STALLED, Timeline

TIMELINES = {**RELEASED, **STALLED, **FAILED}


@cache
def ending(name: str) -> Ending:
    return ends(TIMELINES[name], TIMELINES[name].history)


def ends(timeline: Timeline, history: History) -> Ending:
    def served(_second: float, _pod: PodSeen) -> Served | Reason:
        return timeline.served

    return follow(
        history,
        state=timeline.start,
        until=timeline.until,
        served=served,
        agent=timeline.agent,
        verified_by=timeline.verified_by,
    )


@pytest.mark.parametrize("name", TIMELINES)
def test_a_timeline_ends_as_it_should(name: str) -> None:
    timeline, end = TIMELINES[name], ending(name)
    why = plain(end.promotion.reason) if end.promotion.reason is not None else ""
    assert (end.promotion.state, timeline.why in why) == (timeline.end, True), why
    assert timeline.through in {None, *(state for _, state in end.steps)}


@pytest.mark.parametrize("name", TIMELINES)
def test_only_a_failure_starts_a_rollback(name: str) -> None:
    back = ending(name).started
    assert (back is not None) is (TIMELINES[name].end is State.FAILED)
    assert back is None or (back.kind, back.version, back.automatic) == (Kind.ROLLBACK, 2, True)


@pytest.mark.parametrize("name", TIMELINES)
def test_a_timeline_of_kept_objects_ends_alike(name: str) -> None:
    timeline = TIMELINES[name]
    kept = [(second, pruned(seen) if isinstance(seen, Snapshot) else seen) for second, seen in timeline.history]
    assert ends(timeline, kept).steps == ending(name).steps


def test_what_the_agent_says_is_kept_as_long_as_it_says_it() -> None:
    said = ending("S23 a sync fails for an hour, and somebody mends it").said
    words = [(second, plain(reason) if reason is not None else "") for second, reason in said]
    manual = "Application argocd/iris is out of sync since 2026-05-04 12:00 UTC; it does not sync automatically, so"
    assert [(second, text.startswith(manual)) for second, text in words[:1]] == [(0, True)]
    assert words[1:] == [
        (60, "the sync of Application argocd/iris failed: Deployment is invalid"),
        (2990, "Application argocd/iris last applied revision 0000000"),
        (3000, ""),
    ]


def test_out_of_sync_counts_from_when_it_was_first_seen() -> None:
    said = follow([(0, not_synced())], state=State.SYNCING, agent=[(0, BEHIND), (60, MANUAL)], until=600).said
    assert [second for second, _ in said] == [0, 60]


def test_a_version_that_somebody_else_writes_into_the_configmap_ends_it_without_a_rollback() -> None:
    before, after = configured(3, changed=-600, created=-300), configured(9, changed=60, created=-300)
    end = follow([(0, before), (60, after)], state=State.SYNCING)
    assert (end.promotion.state, end.started) == (State.FAILED, None)
    assert isinstance(end.promotion.reason, ChangedByOthers)


def test_the_watch_starts_anew_after_a_failure_that_passed() -> None:
    assert follow([(0, DONE), (30, restarting()), (50, DONE)]).steps[-1] == (170, State.RELEASED)
