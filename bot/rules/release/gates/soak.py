"""The same version has proved itself one stage earlier."""

from datetime import datetime
from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.approval import MustStayHealthy, NoStageBefore, NotReleasedBefore, VerifiedBefore
from bot.rules.release.decision import Review
from bot.rules.release.gates.gate import Gate


def judge(review: Review) -> Ruling:
    """The version is the release of the stage that `after` names, and has been for `healthy_for`."""
    if review.policy.after is None:
        return Ruling(verdict=Verdict.PASS, reason=NoStageBefore())
    stage, upstream, version = Name(review.policy.after), review.upstream, review.promotion.version
    if upstream is None or upstream.version != version:
        runs = upstream.version if upstream else None
        return Ruling(verdict=Verdict.WAIT, reason=NotReleasedBefore(stage=stage, version=version, runs=runs))
    until = upstream.since + review.policy.healthy_for
    if review.now < until:
        return Ruling(verdict=Verdict.WAIT, reason=MustStayHealthy(stage=stage, until=until))
    return Ruling(verdict=Verdict.PASS, reason=VerifiedBefore(stage=stage))


def ends(review: Review) -> datetime | None:
    """Return when the release of the stage before will have lasted for long enough."""
    return review.upstream.since + review.policy.healthy_for if review.upstream else None


GATE: Final = Gate(
    name="soak",
    judge=judge,
    holds_rollbacks=False,
    overridable=True,
    may_expire=True,
    ends=ends,
    ours=True,
)
