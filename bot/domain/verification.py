"""Verification: how a release is shown to be served, and what a pod answers when it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from bot.domain.cluster import Served
from bot.domain.reason import Name, Reason


class Method(StrEnum):
    """How a release is verified, as app.yaml and the database name it."""

    AUTO = "auto"  # whichever fits the server
    CALLBOARD = "callboard"  # `/model` of Callboard's model server
    OPEN_INFERENCE = "open-inference"  # https://github.com/open-inference/open-inference-protocol
    FIELD = "field"  # a field of a JSON answer that the team chose
    KSERVE = "kserve"  # `modelStatus` of an InferenceService
    IMAGE = "image"
    ROLLOUT = "rollout"  # a healthy rollout is enough


UNTELLING: Final = frozenset({Method.ROLLOUT, Method.KSERVE})
"""Methods that do not tell which version a pod serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """A method with its settings.  The texts may contain placeholders such as `{version}`."""

    method: Method = Method.AUTO
    named: bool = False
    """app.yaml names the method, so that an answer may also contradict, and fail the release."""
    path: str = ""
    """What FIELD requests."""
    field: str = ""
    """Where the answer to `path` has the value: a JSON pointer (RFC 6901)."""
    equals: str = "{version}"
    """What the field, or the tag or digest of the image, must be."""
    model: str = "{model}"
    """What the server calls the model, for OPEN_INFERENCE."""
    port: str = ""
    """The port that is asked, by FIELD and OPEN_INFERENCE: a number, or a name in the pod; empty: the usual one."""
    https: bool = False
    """Whether that port speaks TLS."""

    @property
    def contradicts(self) -> bool:
        """Return whether an answer that names another version fails the release."""
        return self.named or self.method is Method.CALLBOARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to a pod."""

    path: str
    """With everything quoted that has to be."""
    post: bool = False
    """With an empty JSON object as its body; otherwise a GET."""
    https: bool = False
    """Over TLS.  The certificate is not verified: it names a Service, while a pod is reached by its address.

    The kubelet's probes and the API server's proxy do the same.
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#http-probes
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a `Question`."""

    status: int
    content: Any = None
    """JSON of whatever form; None also for what is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirms:
    """An answer that only the version that was asked about gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """An answer that names something else than what was asked about."""

    found: Name


Answer: TypeAlias = Served | Confirms | Differs | Reason
"""What a pod answers: the version by name, yes, no, or nothing (with the reason)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the ready pods that run before a merge answer, for `auto`."""

    version: int | None
    """The version that they run; None: not known."""
    answers: Mapping[Method, Sequence[Answer]]
    """One for each pod, relative to that version."""
    reached: bool
    """Every pod answered something."""
