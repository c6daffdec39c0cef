"""The bot's log: one JSON object per line, on stderr.

Secrets from the environment are redacted, in any encoding that a library may quote.  This is the last line of defence;
the first is not to put them into a message.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType

from typing_extensions import override

from bot.rules.wording.redaction import known, without

log = logging.getLogger(__name__)

_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Control, bidirectional and line-separator characters, which JSON does not escape."""


class Line(logging.Formatter):
    """Formats a record as a line of JSON, without these secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets: re.Pattern[str] = known(secrets)

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": without(record.getMessage(), self._secrets),
        }
        if record.exc_info:
            line["traceback"] = without("".join(traceback.format_exception(*record.exc_info)), self._secrets)
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(line, ensure_ascii=False))


def configure(level: str, secrets: Iterable[str]) -> None:
    """Send logs to stderr as JSON lines: our own from `level` up, and warnings of libraries.

    An uncaught exception is logged in the same way.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in ("bot", "handlers"):
        logging.getLogger(name).setLevel(level)
    sys.excepthook = _ended


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("exiting because of an uncaught %s", kind.__name__, exc_info=(kind, error, trace))
