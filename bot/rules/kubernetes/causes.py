"""The problems of several pods, told once each: pods that share a cause are counted, and two causes are told as two."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from bot.domain.cluster import PodSeen
from bot.domain.reason import Name, Reason
from bot.domain.reasons.health import PodFailing, SeveralCauses
from bot.domain.reasons.pods import CrashLoop, Restarted, Terminated
from bot.rules.kubernetes.troubles import Trouble

MOST: Final = 10
"""Causes that are kept."""
_VARYING: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\d{4}-\d\d-\d\d[T ][\d:.]+|[0-9a-f]{8}[0-9a-f-]*")
"""What differs between the same messages about two pods: addresses, times, ids."""


def causes(troubles: Sequence[tuple[PodSeen, Trouble]]) -> tuple[Reason, ...]:
    """Return the causes in the order of their first pods, each with how many more pods share it."""
    shared: dict[Any, list[PodSeen]] = {}
    first: dict[Any, Trouble] = {}
    for pod, trouble in troubles:
        key = _alike(trouble.reason, pod.name)
        first.setdefault(key, trouble)
        if pod not in shared.setdefault(key, []):
            shared[key].append(pod)
    return tuple(
        PodFailing(pod=Name(pods[0].name), trouble=first[key].reason, more=len(pods) - 1)
        for key, pods in list(shared.items())[:MOST]
    )


def together(found: Sequence[Reason]) -> Reason | None:
    """Return causes as one reason; None where there is none."""
    if len(found) > 1:
        return SeveralCauses(causes=tuple(found))
    return found[0] if found else None


def _alike(reason: Reason, pod: str) -> Any:
    """Return what is equal for two pods with the same cause: without counts of restarts, and without what varies."""
    match reason:
        case CrashLoop() | Restarted() | Terminated():
            return _alike(reason.exit, pod)
        case _:
            return type(reason), tuple(_plain(getattr(reason, f.name), pod) for f in fields(reason))  # type: ignore[arg-type]  # every reason is a dataclass


def _plain(value: Any, pod: str) -> Any:
    match value:
        case Reason():
            return _alike(value, pod)
        case str():
            return _VARYING.sub("#", value.replace(pod, "#"))
        case _:
            return value
