"""The words of `bot.domain.reasons.systems`."""

from collections.abc import Mapping
from typing import Any, Final

from bot.domain.reason import Reason
from bot.domain.reasons import systems
from bot.domain.reasons.systems import (
    AnswerTooLarge,
    ConnectionClosed,
    ConnectionFailed,
    Failing,
    HostUnknown,
    ListAt,
    ListTooLong,
    ListTooSlow,
    Malformed,
    NoAnswer,
    NotHTTP,
    RateLimited,
    Redirect,
    Request,
    Status,
    TimedOut,
    TLSFailed,
    TooLarge,
    UnexpectedForm,
    Unreachable,
    Unreadable,
    WaitIgnored,
    WaitShortened,
)
from bot.rules.wording.words.template import Words

SYSTEMS: Final[Mapping[str, str]] = {
    systems.GITHUB: "GitHub",
    systems.SLACK: "Slack",
    systems.MLFLOW: "MLflow",
    systems.CLUSTER: "the cluster",
    systems.IMAGES: "the image registry",
    systems.SERVER: "the model server",
}
IF_IT_LASTS: Final[Mapping[str, str]] = {
    systems.GITHUB: "the network and GitHub's status page",
    systems.SLACK: "the network and Slack's status page",
    systems.MLFLOW: "that the MLflow server is running, and MLFLOW_TRACKING_URI",
    systems.CLUSTER: "the API server, and the network to it",
    systems.IMAGES: "the registry's address and the network",
    systems.SERVER: "that the pod is running",
}
"""What to check where time alone does not help."""
ADDRESSES: Final[Mapping[str, str]] = {
    systems.GITHUB: "GITHUB_API_URL",
    systems.SLACK: "SLACK_API_URL",
    systems.MLFLOW: "MLFLOW_TRACKING_URI",
    systems.CLUSTER: "KUBECONFIG",
    systems.IMAGES: "the image's name",
    systems.SERVER: "that the pod runs Callboard's model server",
}
"""What names the system's address."""


def _name(why: Any) -> str:
    return SYSTEMS.get(why.system, "{system}")


def _with_address(why: Any) -> str:
    return _name(why) + (" at {at}" if why.at is not None else "")


def _during(why: Any) -> str:
    return " ({during})" if why.during is not None else ""


def _if_it_lasts(why: Any) -> str:
    return f"; if this lasts, check {IF_IT_LASTS[why.system]}" if why.system in IF_IT_LASTS else ""


def _unreachable(why: Unreachable) -> str:
    purpose = " for {during}" if why.during is not None else ""
    return f"{_with_address(why)} cannot be reached{purpose}: {{cause}}{_if_it_lasts(why)}"


def _timed_out(why: TimedOut) -> str:
    limit = "within {within}" if why.within is not None else "in time"
    return f"{_with_address(why)} did not answer {limit}{_during(why)}{_if_it_lasts(why)}"


def _failing(why: Failing) -> str:
    status = "{status}" if why.status is not None else ""
    answer = ": ".join(part for part in (status, "{said}" if why.said else "") if part) or "an error"
    failed = f"could not complete {{during}} ({answer})" if why.during is not None else f"answered {answer}"
    return f"{_with_address(why)} {failed}: it is overloaded or unhealthy{_wait(why)}{_if_it_lasts(why)}"


def _rate_limited(why: RateLimited) -> str:
    said = ": {said}" if why.said else ""
    return f"{_name(why)} asks Callboard to send fewer requests{_during(why)}{said}{_wait(why)}"


def _wait(why: Any) -> str:
    return "; {wait}" if why.wait is not None else ""


def _malformed(why: Malformed) -> str:
    address = ADDRESSES.get(why.system)
    check = f"; check {address}" if address else ""
    return f"what answered{' at {at}' * (why.at is not None)} is not {_name(why)}{_during(why)}: {{cause}}{check}"


def _answer_too_large(why: AnswerTooLarge) -> str:
    return (
        f"{_with_address(why)} sent more than Callboard reads{_during(why)}: {{cause}}; find out what makes it so large"
    )


def _too_large(why: TooLarge) -> str:
    what = "a line of the answer" if why.line else "the answer"
    return (
        f"{what} is larger than {why.bytes >> 20} MiB"
        if why.bytes >= 1 << 20
        else f"{what} is larger than {{bytes}} bytes"
    )


def _connection_failed(why: ConnectionFailed) -> str:
    return "the connection failed" + (" ({said})" if why.said else "")


def _tls_failed(why: TLSFailed) -> str:
    return "the TLS connection failed" + (" ({said})" if why.said else "")


WORDS: Final[Mapping[type[Reason], Words]] = {
    Unreachable: _unreachable,
    TimedOut: _timed_out,
    Failing: _failing,
    RateLimited: _rate_limited,
    Malformed: _malformed,
    AnswerTooLarge: _answer_too_large,
    ListTooLong: "{what}: the list is longer than Callboard reads ({pages} pages, or {mebibytes} MiB in total)"
    "; delete what is no longer needed",
    ListTooSlow: "{what}: the list was still incomplete after {within}; Callboard starts again",
    Request: "{name}",
    ListAt: "{name}",
    NoAnswer: "no answer in time",
    HostUnknown: "the name of the host cannot be resolved",
    ConnectionFailed: _connection_failed,
    ConnectionClosed: "the connection was closed before the answer was complete",
    TLSFailed: _tls_failed,
    TooLarge: _too_large,
    Redirect: "it redirects elsewhere ({status}), which Callboard does not follow",
    NotHTTP: "the answer is not valid HTTP",
    Status: "it answered {status}",
    Unreadable: "its answer cannot be read ({said})",
    UnexpectedForm: "its answer does not have the documented form",
    WaitShortened: "it asked for a longer wait; Callboard waits {limit}",
    WaitIgnored: "the waiting time that it asked for is not a valid time and was ignored",
}
