"""What the bot says while it works: one JSON object a line, on stderr.

No secret of the environment is in it, in whatever spelling a library quotes it: that is the last line of defence, and
the first is not to put it into a sentence.
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
"""What JSON leaves as it is, and a terminal or a reader of lines obeys: controls, turns of direction, line ends."""


class Line(logging.Formatter):
    """One record as a line of JSON, without these secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets: re.Pattern[str] = known(secrets)

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
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
    """Send what is logged to stderr as JSON lines: our own from `level` on, of libraries only warnings.

    What ends the program is such a line, too.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in ("bot", "handlers"):
        logging.getLogger(name).setLevel(level)
    sys.excepthook = _ended


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the program ends: %s", kind.__name__, exc_info=(kind, error, trace))
