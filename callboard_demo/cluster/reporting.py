"""Core/v1 events: one for each (object, reason, message), with a count of repetitions.

Not here: storing them; a controller does so directly, the kubelet over HTTP.
Source: https://github.com/kubernetes/client-go/blob/v0.20.2/tools/record/events_cache.go
"""

import secrets
from datetime import datetime
from typing import Final

from bot.domain.json import Json
from callboard_demo.cluster.objects import stamp

_MOST: Final = 4096


class Reporter:
    """The events that one component has reported."""

    def __init__(self, component: str, host: str = "") -> None:
        self._source = {"component": component, **({"host": host} if host else {})}
        self._component = component
        self._said: dict[tuple[str, ...], Json] = {}

    def event(
        self, about: Json, reason: str, message: str, now: datetime, *, warning: bool = False, field: str = ""
    ) -> Json:
        """Return the event to store: a new one (count 1), or an earlier one with its count raised."""
        at, meta = stamp(now), about["metadata"]
        key = (meta["uid"], reason, message, field)
        before = self._said.pop(key, None)
        value = before or {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{secrets.token_hex(8)}",
                "namespace": meta.get("namespace", "default"),
            },
            "involvedObject": _reference(about, field),
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": at,
            "count": 0,
            "type": "Warning" if warning else "Normal",
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._source.get("host", ""),
        }
        value = {**value, "count": value["count"] + 1, "lastTimestamp": at}
        self._said[key] = value
        if len(self._said) > _MOST:
            self._said.pop(next(iter(self._said)))
        return value


def _reference(about: Json, field: str) -> Json:
    meta = about["metadata"]
    names = {k: meta[k] for k in ("namespace", "name", "uid", "resourceVersion") if k in meta}
    return {
        "kind": about["kind"],
        "apiVersion": about["apiVersion"],
        **names,
        **({"fieldPath": field} if field else {}),
    }
