"""Ask the pods of a workload which version they serve, by the method that fits them.

What is asked, and what the answers mean, is decided in `bot.rules.release.verification`.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from bot.clients.mlflow.client import MLflow
from bot.clients.pods import PodName, Pods
from bot.domain.cluster import Health, PodSeen, Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.promotion import Promotion
from bot.domain.reason import Name, Reason
from bot.domain.reasons import systems
from bot.domain.reasons.rollout import NoAddress
from bot.domain.reasons.verification import AnswerWithoutVersion, ValueUnknown
from bot.domain.verification import Answer, Live, Method, Question, Reply, Verify
from bot.rules.release.decision import Evidence
from bot.rules.release.rollout import pin
from bot.rules.release.templates import Unknown, Values, from_registry
from bot.rules.release.verification import AUTOMATIC, CHECKS, questions
from bot.rules.release.verification.check import Subject
from bot.rules.release.verification.endpoint import endpoint

SAMPLE: Final = 3
"""Pods that are asked before a merge: which server they run is the same for all."""
ANSWERED: Final = (systems.Malformed, systems.AnswerTooLarge)
"""What is wrong with an answer that did come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Whose pods are asked."""

    namespace: str
    name: str
    health: Health

    @property
    def ready(self) -> list[PodSeen]:
        """Return the pods that can answer."""
        return [pod for pod in self.health.pods if pod.ready]

    def pod(self, pod: PodSeen) -> PodName:
        """Return a pod's name for the API server."""
        return PodName(namespace=self.namespace, workload=self.name, name=pod.name)


def workload(promotion: Promotion, health: Health | None, namespace: str) -> Workload | None:
    """Return the workload of a promotion; None if it was not found."""
    if health is None:
        return None
    place = promotion.status.place
    name = (place.workload if place is not None else None) or str(promotion.target)
    return Workload(namespace=namespace, name=name, health=health)


async def ask(verify: Verify, workload: Workload, values: Values, pods: Pods) -> dict[str, Answer]:
    """Return what each ready pod answers about a version, by its name."""
    ready = workload.ready if verify.method is not Method.ROLLOUT else []
    found = await asyncio.gather(*(_answer(verify, workload, pod, values, pods) for pod in ready))
    return dict(zip((pod.name for pod in ready), found, strict=True))


async def live(evidence: Evidence, workload: Workload | None, pods: Pods) -> Live | None:
    """Return what the pods answer about the version that they run, if `auto` has to choose a method by it.

    None: the method is named, or there are no old pods that are ready.
    """
    promotion = evidence.promotion
    if promotion is None or workload is None or evidence.policy.verify.method is not Method.AUTO:
        return None
    pinned = workload.health.pin if workload.health.pending is None else None  # the pods may have an older one
    ready = workload.ready[:SAMPLE] if pinned != pin(promotion) else []
    if not ready:
        return None
    released = evidence.release.version if evidence.release is not None else None
    version = pinned.version if pinned is not None else released
    answers = {Method.CALLBOARD: await asyncio.gather(*(_served(workload, pod, pods) for pod in ready))}
    reached = all(isinstance(answer, (Served, *ANSWERED)) for answer in answers[Method.CALLBOARD])
    if version is not None and not any(isinstance(answer, Served) for answer in answers[Method.CALLBOARD]):
        values = Values(target=promotion.target, version=version)
        for method in AUTOMATIC:
            asked = (_answer(Verify(method=method), workload, pod, values, pods) for pod in ready)
            answers[method] = await asyncio.gather(*asked)
    return Live(version=version, answers=answers, reached=reached)


async def values_of(promotion: Promotion, verify: Verify, digest: str | None, mlflow: MLflow) -> Values:
    """Return what the placeholders stand for; the registry is asked only where they need it.

    Raises:
        Temporary: the registry does not answer.
    """
    details = None
    if from_registry(verify.path, verify.equals, verify.model):
        details = await mlflow.version_details(promotion.what)
    return Values(
        target=promotion.target,
        version=promotion.version,
        run=details.run if details is not None else None,
        tags=details.tags if details is not None else {},
        digest=digest,
    )


async def _answer(verify: Verify, workload: Workload, pod: PodSeen, values: Values, pods: Pods) -> Answer:
    if verify.method is Method.CALLBOARD:
        return await _served(workload, pod, pods)
    subject = Subject(verify=verify, values=values, pod=pod, model_status=workload.health.model_status)
    try:
        return await _read(subject, workload, pods)
    except Unknown as error:
        return ValueUnknown(placeholder=Name(error.placeholder))
    except (Temporary, Permanent) as error:
        return error.reason


async def _read(subject: Subject, workload: Workload, pods: Pods) -> Answer:
    """Ask one question after the other, until one has an answer.

    Raises:
        Temporary: the pod does not answer.
        Unknown: a placeholder has no value.
    """
    check = CHECKS[subject.verify.method]
    answer = check.read(subject, ())
    replies: list[Reply] = []
    asked = () if answer is not None else questions(subject)
    for question in asked:
        replies.append(await _reply(question, workload, subject, pods))
        answer = check.read(subject, tuple(replies))
        if answer is not None:
            break
    if answer is not None:
        return answer
    return AnswerWithoutVersion(path=Name(asked[-1].path), status=replies[-1].status)


async def _reply(question: Question, workload: Workload, subject: Subject, pods: Pods) -> Reply:
    address = endpoint(subject.verify, subject.pod)
    if isinstance(address, Reason):
        raise Temporary(address)
    try:
        return await pods.ask(address, question, workload.pod(subject.pod))
    except Temporary:
        if question.post:  # through the API server, it needs a right of its own, which the other questions do not
            return Reply(status=0)
        raise


async def _served(workload: Workload, pod: PodSeen, pods: Pods) -> Answer:
    if pod.address is None:
        return NoAddress()
    try:
        return await pods.served(pod.address, workload.pod(pod))
    except (Temporary, Permanent) as error:
        return error.reason
