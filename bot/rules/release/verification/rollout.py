"""The rollout alone: every new pod is ready, and stays so while it is watched."""

from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons.verification import RolloutIsEnough, VerifiedByRollout
from bot.domain.verification import Answer, Confirms, Method, Verify
from bot.rules.release.verification.check import Check, Replies, Subject


def _read(_subject: Subject, _replies: Replies) -> Answer:
    return Confirms()


def _verified(verify: Verify, _version: int) -> Reason:
    return RolloutIsEnough() if verify.named else VerifiedByRollout()


CHECK: Final = Check(method=Method.ROLLOUT, read=_read, verified=_verified)
