"""What the server says while it starts and runs: one JSON object a line, on stderr.  Payloads are never logged.

Therefore, once it serves, nothing is repeated that a library has written: MLflow's warnings name what was sent, and the
message of an exception may quote it.  What stays is who said it and where, which is enough to find it.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import override

from callboard_model_server.causes import chain, places

_LOG = logging.getLogger("callboard_model_server")
HARMLESS: Final = frozenset({"callboard_model_server", "uvicorn.error"})
"""Whose sentences hold nothing of a request: uvicorn's are "Invalid HTTP request received." and the like."""


class Line(logging.Formatter):
    """One record as a line of JSON."""

    def __init__(self, *, discreet: bool) -> None:
        super().__init__()
        self._discreet = discreet

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **(_withheld(record) if self._discreet else _whole(record)),
            **getattr(record, "facts", {}),
        }
        return json.dumps(line, default=str)


def _whole(record: logging.LogRecord) -> dict[str, Any]:
    line = {"said": record.getMessage()}
    if record.exc_info:
        line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
    return line


def _withheld(record: logging.LogRecord) -> dict[str, Any]:
    if record.name in HARMLESS and not record.exc_info:
        return {"said": record.getMessage()}
    errors = chain(record.exc_info[1]) if record.exc_info and record.exc_info[1] else []
    ours = record.name in HARMLESS
    return {
        "said": record.getMessage().strip() if ours else "a library's message, which is not repeated",
        "from": record.name,
        "exceptions": [type(error).__name__ for error in errors],
        "where": [at for error in errors for at in places(error)] or [_place(record)],
    }


def _place(record: logging.LogRecord) -> str:
    """Return "file:line", of a warning also its category: captured ones are "file:line: category: message"."""
    if record.name == "py.warnings":
        return ": ".join(record.getMessage().split(": ")[:2])
    return f"{record.pathname}:{record.lineno}"


def configure(*, discreet: bool = False) -> None:
    """Send everything that is logged, by libraries too, to stderr as JSON lines.

    `discreet` is for as long as requests are answered: nothing of them is to be repeated.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(discreet=discreet))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    _LOG.setLevel(logging.INFO)


def say(step: str, **facts: object) -> None:
    """Log one step of the way, with what is known about it."""
    _LOG.info(step, extra={"facts": facts})


def warn(trouble: str, **facts: object) -> None:
    """Log what went wrong and did not end the server."""
    _LOG.warning(trouble, extra={"facts": facts})
