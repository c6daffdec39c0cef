"""The Open Inference Protocol, version 2: MLServer, Triton, KServe's runtimes and others.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md, and for
`repository/index` (an extension)
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md

A server's versions are the registry's only if somebody has configured them so.  404 and 501 say nothing: KServe's SDK
answers 501 for every version, and MLServer without versions 404 for the right one.
"""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from bot.domain.reason import Reason
from bot.domain.reasons.verification import AlsoServes, AnswerWithoutVersion, VerifiedByOpenInference
from bot.domain.verification import Answer, Confirms, Differs, Method, Question, Reply, Verify
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.kubernetes.raw import whole
from bot.rules.release.templates import fill
from bot.rules.release.verification.check import OK, Check, Replies, Subject

INDEX: Final = "/v2/repository/index"


def _questions(subject: Subject) -> tuple[Question, ...]:
    path = f"/v2/models/{quote(_name(subject), safe='')}"
    return (
        Question(path=INDEX, post=True),
        Question(path=path),
        Question(path=f"{path}/versions/{subject.values.version}"),
    )


def _name(subject: Subject) -> str:
    return fill(subject.verify.model, subject.values)


def _read(subject: Subject, replies: Replies) -> Answer | None:
    """Return the first answer that tells something.  The index is first: it lists what is really loaded."""
    readers = (_indexed, _described, _one_version)
    answers = (read(subject, reply) for read, reply in zip(readers, replies, strict=False))
    return next((answer for answer in answers if answer is not None), None)


def _indexed(subject: Subject, reply: Reply) -> Answer | None:
    if reply.status != OK or not isinstance(reply.content, list):
        return None
    name = _name(subject)
    ready = [each for each in reply.content if _field(each, "name") == name and _field(each, "state") == "READY"]
    if ready and not any(_field(each, "version") for each in ready):  # MLServer would only echo its settings after this
        return AnswerWithoutVersion(path=quote_name(INDEX), status=reply.status)
    return _among(subject, (_field(each, "version") for each in ready))


def _described(subject: Subject, reply: Reply) -> Answer | None:
    versions = reply.content.get("versions") if isinstance(reply.content, dict) else None
    if reply.status != OK or not isinstance(versions, list):
        return None
    return _among(subject, (each for each in versions if isinstance(each, str)))


def _one_version(subject: Subject, reply: Reply) -> Answer | None:
    named = _field(reply.content, "name") == _name(subject)
    return Confirms() if reply.status == OK and named else None


def _among(subject: Subject, versions: Iterable[str]) -> Answer | None:
    """Judge the versions that are loaded; requests that name none get the highest."""
    loaded = sorted({each for each in versions if each}, key=lambda each: (_number(each), each))
    wanted = str(subject.values.version)
    if not loaded:
        return None
    if wanted not in loaded:
        return Differs(found=quote_name(", ".join(loaded[:5])))
    return Confirms() if loaded[-1] == wanted else AlsoServes(version=quote_name(loaded[-1]))


def _field(content: Any, name: str) -> str:
    value = content.get(name) if isinstance(content, dict) else None
    return value if isinstance(value, str) else ""


def _number(version: str) -> int:
    number = whole(version)
    return number if number is not None else -1


def _verified(_verify: Verify, version: int) -> Reason:
    return VerifiedByOpenInference(version=version)


CHECK: Final = Check(method=Method.OPEN_INFERENCE, questions=_questions, read=_read, verified=_verified, automatic=True)
