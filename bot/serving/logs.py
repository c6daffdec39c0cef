"""What the server says while it starts and runs: one JSON object a line, on stderr.  Payloads are never logged."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from typing_extensions import override

_LOG = logging.getLogger("bot.serving")


class _Line(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "said": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


def configure() -> None:
    """Send everything that is logged, by libraries too, to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    _LOG.setLevel(logging.INFO)


def say(step: str, **facts: object) -> None:
    """Log one step of the way, with what is known about it."""
    _LOG.info(step, extra={"facts": facts})


def warn(trouble: str, **facts: object) -> None:
    """Log what went wrong and did not end the server."""
    _LOG.warning(trouble, extra={"facts": facts})
