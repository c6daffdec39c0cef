"""Is a stage frozen, and until when?  Pure: the time is an argument.

Of a window the last beginning counts, since the later of two ends holds.  A window ends where the clock on the wall
says so: from Friday 16:00 for 64h is until Monday 08:00, also when the clocks change in between.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from bot.domain.policy import WINDOW, Freeze, Policy, Window
from bot.domain.reason import Name, Said, User
from bot.domain.reasons.approval import Frozen


def in_force(ordered: Freeze | None, policy: Policy, stage: str, now: datetime) -> Freeze | None:
    """Return what freezes the stage at `now`: what somebody ordered, or a window of its policy; the later end wins."""
    windows = (_of_window(window, stage, now) for window in policy.freeze)
    those = [freeze for freeze in (ordered, *windows) if freeze is not None and not over(freeze, now)]
    return max(those, key=lambda freeze: freeze.until or datetime.max.replace(tzinfo=UTC), default=None)


def over(freeze: Freeze, now: datetime) -> bool:
    """Say whether a freeze has ended by itself."""
    return freeze.until is not None and freeze.until <= now


def frozen(freeze: Freeze) -> Frozen:
    """Return the reason why new releases of the stage wait."""
    return Frozen(
        stage=Name(freeze.stage),
        by=User(freeze.by) if freeze.by != WINDOW else None,
        until=freeze.until,
        note=Said(freeze.reason) if freeze.reason else None,
    )


def _of_window(window: Window, stage: str, now: datetime) -> Freeze | None:
    """Return the freeze that began last; it may be over."""
    here = now.astimezone(ZoneInfo(window.timezone))
    begun = next(CronSim(window.cron, here, reverse=True), None)
    if begun is None:
        return None
    for later in CronSim(window.cron, begun):  # looking back leaves out this very moment, and one of two equal hours
        if later.astimezone(UTC) > now:
            break
        begun = later
    end = (begun + window.length).replace(fold=begun.fold)  # the sum forgets in which of two equal hours it began
    return Freeze(stage=stage, until=end.astimezone(UTC))
