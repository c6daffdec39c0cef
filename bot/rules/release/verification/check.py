"""What a method of verification is: what it asks a pod, and what it makes of the answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.domain.cluster import ModelStatus, PodSeen
from bot.domain.reason import Reason
from bot.domain.verification import Answer, Method, Question, Reply, Verify
from bot.rules.release.templates import Values

OK: Final = 200
"""The only HTTP status whose answer is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One pod, and the version that it is asked about."""

    verify: Verify
    values: Values
    pod: PodSeen
    model_status: ModelStatus | None = None
    """Of the pod's workload."""


Replies: TypeAlias = tuple[Reply, ...]
"""One for each question that was asked so far, in their order."""


def no_questions(_subject: Subject) -> tuple[Question, ...]:
    """Return nothing: the answer is in the cluster's objects."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A method of verification."""

    method: Method
    verified: Callable[[Verify, int], Reason]
    """Why a version counts as released by this method."""
    read: Callable[[Subject, Replies], Answer | None]
    """What the pod answers; None: the next question may tell.

    Raises `Unknown` where a placeholder has no value.
    """
    questions: Callable[[Subject], tuple[Question, ...]] = no_questions
    """Asked one after the other, until one has an answer."""
    automatic: bool = False
    """Whether `auto` may choose it, for a server that is not Callboard's."""
