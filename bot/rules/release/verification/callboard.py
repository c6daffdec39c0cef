"""`/model` of Callboard's own model server, which names model, version and digest (`docs/serving.md`).

The pod client reads it; here is only what follows.
"""

from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons.rollout import EveryPodServes
from bot.domain.verification import Method, Verify
from bot.rules.release.verification.check import Check, Replies, Subject


def _read(_subject: Subject, _replies: Replies) -> None:
    return None


def _verified(_verify: Verify, version: int) -> Reason:
    return EveryPodServes(version=version)


CHECK: Final = Check(method=Method.CALLBOARD, read=_read, verified=_verified)
