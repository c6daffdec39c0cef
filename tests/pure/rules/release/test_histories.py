"""Random histories of a rollout: none fails that should not, and none that must is missed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import example, given, settings

from bot.domain.promotion import State
from tests.chaos.extent import FULL
from tests.fixtures.cluster_controller import ticks
from tests.fixtures.cluster_model import FOREVER, HORIZON, Doing, Life, Plan, Span, Tick, Veil
from tests.fixtures.cluster_plans import FOR_EVER, WELL, crash_loop, plans
from tests.fixtures.cluster_view import view
from tests.fixtures.rollout_history import POLICY, Ending, follow
from tests.fixtures.rollout_oracle import OPEN, SLACK, right_ends

EXAMPLES: Final = 2000 if FULL else 20


RETRIED: Final[Life] = (*crash_loop(Doing.CRASHED, 2, 15), (Doing.LOADING, 20))
UNREADY_LONG: Final[Life] = ((Doing.READY, 60), (Doing.LOADING, 2000), (Doing.READY, FOREVER))
CRASHING: Final[Life] = (*crash_loop(Doing.CRASHED, FOR_EVER, 15), (Doing.READY, FOREVER))
FLAPS_AFTER_RESTARTS: Final = Plan(
    slots=(((*RETRIED, (Doing.READY, 120), (Doing.LOADING, 15), (Doing.READY, FOREVER)),),),
    veils=((Veil.PAUSED, Span(start=20, seconds=90)),),
)
"""Its restarts were over when somebody resumed the rollout, and it is not ready for a moment later."""
SCALED_WHILE_STALLED: Final = Plan(
    slots=((UNREADY_LONG,), (WELL,)), scaling=(Span(start=100, seconds=FOREVER), CRASHING)
)
"""A ready pod becomes unready for longer than the time-out; an autoscaler adds a pod that crashes."""
REPLACED_WHILE_STALLED: Final = Plan(
    slots=((((Doing.READY, 60), (Doing.LOADING, 1500), (Doing.EVICTED, FOREVER)), WELL),)
)
"""The only pod that was verified is replaced after a long time."""


def ending(plan: Plan, moments: Sequence[Tick]) -> Ending:
    not_synced = any(veil is Veil.NOT_SYNCED for veil, _ in plan.veils)
    start = State.SYNCING if not_synced else State.ROLLING_OUT
    return follow(view(plan, moments), state=start, until=HORIZON)


def last_progress(moments: Sequence[Tick], until: float) -> int:
    """Return when more pods of the rollout were seen ready than ever before."""
    most, since = 0, 0
    for moment in moments:
        ready = sum(pod.ready for pod in moment.alive if not pod.scaled)
        if ready > most and moment.second <= until and Veil.UNREACHABLE not in moment.veils:
            most, since = ready, moment.second
    return since


@pytest.mark.timeout(1800 if FULL else 180)
@settings(max_examples=EXAMPLES)
@given(plans())
@example(FLAPS_AFTER_RESTARTS)
@example(SCALED_WHILE_STALLED)
@example(REPLACED_WHILE_STALLED)
def test_a_rollout_ends_as_the_rules_say(plan: Plan) -> None:
    moments = ticks(plan)
    end, right = ending(plan, moments), right_ends(moments)
    state = end.promotion.state
    assert (OPEN if state.open else state) in right, (state, right)
    for second, entered in end.steps:
        waited = timedelta(seconds=second - last_progress(moments, second) + SLACK)
        assert entered is not State.STALLED or waited > POLICY.timeout
