"""The words of `bot.domain.reasons.database`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import database
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    database.Unreachable: "the database cannot be reached: {said}",
    database.SessionLost: "the session with PostgreSQL is lost, and with it the right to work; Callboard starts again",
}
