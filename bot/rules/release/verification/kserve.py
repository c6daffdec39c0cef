"""KServe's `modelStatus`: the model that the InferenceService asks for is loaded.

It says "UpToDate" with both states "Loaded" once the new model serves.  A model that cannot be loaded makes the
workload degraded, so this only confirms.  https://github.com/kserve/kserve/blob/master/pkg/apis/serving/v1beta1/inference_service_status.go
"""

from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons.verification import ModelNotLoaded, NoModelStatus, VerifiedByKServe
from bot.domain.verification import Answer, Confirms, Method, Verify
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.release.verification.check import Check, Replies, Subject

LOADED: Final = {"Loaded", ""}
"""KServe leaves a state out while it is the other one's."""


def _read(subject: Subject, _replies: Replies) -> Answer:
    status = subject.model_status
    if status is None:
        return NoModelStatus()
    if status.transition == "UpToDate" and {status.active, status.target} <= LOADED and status.active + status.target:
        return Confirms()
    return ModelNotLoaded(transition=quote_name(status.transition), state=quote_name(status.target))


def _verified(_verify: Verify, _version: int) -> Reason:
    return VerifiedByKServe()


CHECK: Final = Check(method=Method.KSERVE, read=_read, verified=_verified, automatic=True)
