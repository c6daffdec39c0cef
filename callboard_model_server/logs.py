"""The server's log: one JSON object per line, on stderr.  Payloads are never logged.

So while it serves, messages of libraries are withheld: MLflow's warnings and the messages of exceptions may quote the
request.  The logger, the exception types and the code location remain, which is enough to find the cause.
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
"""Loggers whose messages quote nothing of a request: uvicorn's are "Invalid HTTP request received." and the like."""


class Line(logging.Formatter):
    """Formats a record as a line of JSON."""

    def __init__(self, *, discreet: bool) -> None:
        super().__init__()
        self._discreet = discreet

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
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
        "said": record.getMessage().strip() if ours else "a library's message (withheld: it may quote the request)",
        "from": record.name,
        "exceptions": [type(error).__name__ for error in errors],
        "where": [at for error in errors for at in places(error)] or [_place(record)],
    }


def _place(record: logging.LogRecord) -> str:
    """Return "file:line", and for a warning its category: captured ones are "file:line: category: message"."""
    if record.name == "py.warnings":
        return ": ".join(record.getMessage().split(": ")[:2])
    return f"{record.pathname}:{record.lineno}"


def configure(*, discreet: bool = False) -> None:
    """Send all logs, including those of libraries, to stderr as JSON lines.

    `discreet` is set while requests are served: nothing of them may be logged.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(discreet=discreet))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    _LOG.setLevel(logging.INFO)


def say(step: str, **facts: object) -> None:
    """Log a step at INFO, with its details."""
    _LOG.info(step, extra={"facts": facts})


def warn(trouble: str, **facts: object) -> None:
    """Log a problem that did not stop the server."""
    _LOG.warning(trouble, extra={"facts": facts})
