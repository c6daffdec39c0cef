"""The same version has proved itself one stage earlier."""

from datetime import UTC, datetime
from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates.gate import Gate


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """The version is the release of the stage before, and has been for long enough."""
    if seen.policy.after is None:
        return Ruling(verdict=Verdict.PASS, because="nothing to prove on another stage first")
    if seen.upstream is None or seen.upstream.version != it.version:
        runs = f"v{seen.upstream.version}" if seen.upstream else "nothing that is proven"
        because = f"v{it.version} must be the release on {seen.policy.after} first; that stage runs {runs}"
        return Ruling(verdict=Verdict.WAIT, because=because)
    proven = seen.upstream.since + seen.policy.healthy_for
    if seen.now < proven:
        until = proven.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return Ruling(verdict=Verdict.WAIT, because=f"must stay healthy on {seen.policy.after} until {until}")
    return Ruling(verdict=Verdict.PASS, because=f"proven on {seen.policy.after}")


def ends(seen: Evidence, _it: Promotion) -> datetime | None:
    """Return when the release of the stage before will have lasted for long enough."""
    return seen.upstream.since + seen.policy.healthy_for if seen.upstream else None


GATE: Final = Gate(
    name="soak",
    demand="The version is the release of the stage that `after` names, and has been for `healthy_for`",
    judge=judge,
    holds_rollbacks=False,
    overridden="the stage before",
    may_expire=True,
    ends=ends,
    ours=True,
)
