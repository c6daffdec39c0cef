"""The words of `bot.domain.reasons.told`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons.told import Told
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    Told: "{text}",
}
