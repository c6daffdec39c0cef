"""The words of `bot.domain.reasons.configuration`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import configuration
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    configuration.ModelNotConfigured: "app.yaml has no model {model} (any more); add it under `models`",
    configuration.StageNotConfigured: "app.yaml has no stage {stage} for {model} (any more); it has {stages}",
    configuration.NotPartOfAPath: "the name {model} (on {stage}) cannot be part of a path",
    configuration.PathInvalid: "with the name {model}, {template} becomes {path}, which is not a valid path",
}
