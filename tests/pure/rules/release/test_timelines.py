"""Each reported rollout goes through the whole decision loop, and ends as it should."""

import pytest

from bot.domain.cluster import PodSeen, Served, Snapshot
from bot.domain.promotion import Kind, State
from bot.domain.reason import Reason
from bot.rules.wording.reasons import plain
from tests.fixtures.rollout_history import Ending, History, follow, pruned
from tests.pure.rules.release.timelines import DONE, FAILED, RELEASED, STALLED, Timeline, restarting

TIMELINES = [
    pytest.param(timeline, id=name) for timelines in (RELEASED, STALLED, FAILED) for name, timeline in timelines.items()
]


def ends(timeline: Timeline, history: History) -> Ending:
    def served(_second: float, _pod: PodSeen) -> Served | Reason:
        return timeline.served

    return follow(history, state=timeline.start, until=timeline.until, served=served)


@pytest.mark.parametrize("timeline", TIMELINES)
def test_a_timeline_ends_as_it_should(timeline: Timeline) -> None:
    ending = ends(timeline, timeline.history)
    why = plain(ending.promotion.reason) if ending.promotion.reason is not None else ""
    assert (ending.promotion.state, timeline.why in why) == (timeline.end, True), why
    assert timeline.through in {None, *(state for _, state in ending.steps)}


@pytest.mark.parametrize("timeline", TIMELINES)
def test_only_a_failure_starts_a_rollback(timeline: Timeline) -> None:
    back = ends(timeline, timeline.history).started
    assert (back is not None) is (timeline.end is State.FAILED)
    assert back is None or (back.kind, back.version, back.automatic) == (Kind.ROLLBACK, 2, True)


@pytest.mark.parametrize("timeline", TIMELINES)
def test_a_timeline_of_kept_objects_ends_alike(timeline: Timeline) -> None:
    kept = [(second, pruned(seen) if isinstance(seen, Snapshot) else seen) for second, seen in timeline.history]
    assert ends(timeline, kept).steps == ends(timeline, timeline.history).steps


def test_the_watch_starts_anew_after_a_failure_that_passed() -> None:
    assert follow([(0, DONE), (30, restarting()), (50, DONE)]).steps[-1] == (170, State.RELEASED)
