"""How a release is verified: which method fits the server, and what the answers of the pods mean.  Pure.

`auto` is Callboard's own `/model` if the pods answer it; else another method, if the pods that run before the merge
answer it with the version that is live; else the rollout alone.  The method is fixed for the promotion.  To add one,
write a file here that ends in its CHECK, and name it in CHECKS.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from bot.domain.cluster import PodSeen, Served
from bot.domain.promotion import Promotion
from bot.domain.reason import Name, Reason
from bot.domain.reasons.rollout import DifferentFiles, NoNewPod, NotAskedYet, PodSilent, ServesOther
from bot.domain.reasons.verification import AnswersOther, NamesOther
from bot.domain.verification import Answer, Confirms, Differs, Live, Method, Question, Verify
from bot.rules.release.templates import Unknown
from bot.rules.release.verification import callboard, field, image, kserve, open_inference, rollout
from bot.rules.release.verification.check import Check, Subject

CHECKS: Final[Mapping[Method, Check]] = {
    each.method: each
    for each in (
        callboard.CHECK,
        open_inference.CHECK,
        kserve.CHECK,
        field.CHECK,
        image.CHECK,
        rollout.CHECK,
    )
}
"""Every method but AUTO, the more specific first."""
AUTOMATIC: Final = tuple(method for method, check in CHECKS.items() if check.automatic)
"""What `auto` chooses from, besides Callboard's `/model` and the rollout."""
CONTRADICTIONS: Final = (AnswersOther, DifferentFiles, ServesOther)
"""The doubts that fail a release if they last; with any other, people are asked."""


# ── which method ──────────────────────────────────────────────────────────────────────────────────────


def before_merge(verify: Verify, live: Live | None, model: str) -> Verify | None:
    """Return the method that fits the pods running before the merge; None if only the new pods can tell."""
    if verify.method is not Method.AUTO:
        return verify
    if live is None:
        return None
    if any(_ours(answer, live, model) for answer in live.answers.get(Method.CALLBOARD, ())):
        return Verify(method=Method.CALLBOARD)
    fitting = (method for method in AUTOMATIC if _confirm(live.answers.get(method, ())))
    found = next(fitting, Method.ROLLOUT if live.reached else None)
    return Verify(method=found) if found is not None else None


def _ours(answer: Answer, live: Live, model: str) -> bool:
    """Say whether `/model` names what is live: another server's may have the same form, and versions of its own."""
    return isinstance(answer, Served) and answer.model == model and live.version in {None, answer.version}


def _confirm(answers: Sequence[Answer]) -> bool:
    """Say whether a pod confirms the version that is live, and none names another."""
    return any(isinstance(each, Confirms) for each in answers) and not any(
        isinstance(each, Differs) for each in answers
    )


def after_merge(verify: Verify, answers: Iterable[Answer], *, watched: bool) -> Verify | None:
    """Return the method for new pods that had none before them; None: they may still answer Callboard's `/model`."""
    if verify.method is not Method.AUTO:
        return verify
    if any(isinstance(answer, Served) for answer in answers):
        return Verify(method=Method.CALLBOARD)
    return Verify(method=Method.ROLLOUT) if watched else None


def method_of(promotion: Promotion, verify: Verify) -> Verify:
    """Return the method that new pods are asked by; Callboard's while none is fixed."""
    fixed = promotion.status.verified_by
    if fixed is not None:
        return fixed
    return verify if verify.method is not Method.AUTO else Verify(method=Method.CALLBOARD)


# ── what the answers mean ─────────────────────────────────────────────────────────────────────────────


def doubt(
    verify: Verify, promotion: Promotion, pods: Sequence[PodSeen], answers: Mapping[str, Answer]
) -> Reason | None:
    """Return what is missing until every new pod has confirmed the version; a contradiction comes before silence."""
    if verify.method is Method.ROLLOUT:
        return None
    if not pods:
        return NoNewPod()
    doubts = [_doubt(verify, promotion, pod.name, answers.get(pod.name, NotAskedYet())) for pod in pods]
    doubts.append(_different_files(promotion, answers))
    found = [each for each in doubts if each is not None]
    return min(found, key=lambda each: not isinstance(each, CONTRADICTIONS), default=None)


def _doubt(verify: Verify, promotion: Promotion, pod: str, answer: Answer) -> Reason | None:
    match answer:
        case Served(model=model, version=version):
            if (model, version) == (promotion.target.model, promotion.version):
                return None
            return ServesOther(pod=Name(pod), model=Name(model), version=version, wanted=promotion.version)
        case Confirms():
            return None
        case Differs(found=found) if verify.contradicts:
            return AnswersOther(pod=Name(pod), found=found, version=promotion.version)
        case Differs(found=found):
            return PodSilent(pod=Name(pod), cause=NamesOther(found=found))
        case _:
            return PodSilent(pod=Name(pod), cause=answer)


def _different_files(promotion: Promotion, answers: Mapping[str, Answer]) -> Reason | None:
    files: dict[str | None, str] = {}
    for pod, answer in answers.items():
        if isinstance(answer, Served):
            files.setdefault(answer.digest, pod)
    if len(files) < 2:  # noqa: PLR2004 - files differ from two on
        return None
    one, other = [*files.values()][:2]
    return DifferentFiles(one=Name(one), other=Name(other), version=promotion.version)


def questions(subject: Subject) -> tuple[Question, ...]:
    """Return what a pod is asked.

    Raises:
        Unknown: a placeholder has no value, or one that would lead out of the path.
    """
    asked = CHECKS[subject.verify.method].questions(subject)
    asked = tuple(replace(each, https=subject.verify.https) for each in asked)
    if any({".", ".."} & set(unquote(each.path).partition("?")[0].split("/")) for each in asked):
        raise Unknown(subject.verify.path or subject.verify.model)  # the API server's proxy would ask another object
    return asked


def verified(verify: Verify, version: int) -> Reason:
    """Return why a version counts as released."""
    return CHECKS[verify.method].verified(verify, version)
