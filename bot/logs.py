"""What the bot says while it works: one JSON object a line, on stderr."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from typing_extensions import override


class _Line(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Send what is logged to stderr as JSON lines: our own from `level` on, of libraries only warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in ("bot", "handlers"):
        logging.getLogger(name).setLevel(level)
