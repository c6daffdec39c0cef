"""The words of `bot.domain.reasons.commands`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import commands
from bot.rules.wording.words.template import Words

_ENDS: Final = "`until 2026-12-27`, `until 2026-12-27T18:00 Europe/Berlin` or `for 3d`"

WORDS: Final[Mapping[type[Reason], Words]] = {
    commands.Usage: "{command}",
    commands.PromoteUsage: (
        "`/promote MODEL STAGE`, optionally with a version (`3`, `v3`) or an alias (`@champion`), and with "
        '`--override "reason"`'
    ),
    commands.FreezeUsage: (
        "`/freeze STAGE`, optionally with `until 2026-12-27T18:00 Europe/Berlin` or `for 3d`, and with a reason in "
        "quotes; `/freeze STAGE off` lifts the freeze, `/freeze` lists what is frozen"
    ),
    commands.CallboardUsage: "usage: {commands}",
    commands.UnknownCommand: "Callboard has no such command. Its commands: {commands}",
    commands.CommandTooLong: "that is longer than {limit} characters, the limit for a command. Please shorten it",
    commands.NotUnderstood: "I don't understand {words}. Usage: {usage}",
    commands.SpareWords: "I don't understand {words}. Usage: {usage}. Put a name with spaces in quotes",
    commands.OneModelAtATime: (
        "`/models` shows one model at a time. Type {first}; if the name contains spaces, put it in quotes: {whole}"
    ),
    commands.WhichPromotion: "which promotion? Type `/promotions cancel ID`; `/promotions` lists the IDs",
    commands.WhichModel: "which model, and on which stage? Usage: {usage}",
    commands.WhichStage: "on which stage? Type {instead}, with the stage's name instead of STAGE",
    commands.StageComesFirst: "the stage comes before the version. Type {instead}",
    commands.NotAVersion: "{word} is not a version. Usage: {usage}",
    commands.NotAPromotion: "{word} is not the ID of a promotion. Usage: {usage}",
    commands.SeveralFreezeReasons: "a freeze has one reason, in quotes. Usage: {usage}",
    commands.OverrideNeedsReason: (
        'an override needs a reason, which is recorded and shown. Type `--override "reason"`'
    ),
    commands.NotADuration: f"{{text}} is not a duration. Type {_ENDS}",
    commands.NotADate: f"{{text}} is not a date. Type {_ENDS}",
    commands.DatePassed: (
        "{text} is in the past: it means {moment}, and now it is {now}. Type a later moment, with a time if needed: "
        "`until 2026-12-27T18:00`"
    ),
    commands.MoreThanAYear: (
        "{text} is more than a year. Leave it out, and the stage stays frozen until someone lifts the freeze"
    ),
    commands.UnknownTimeZone: "there is no time zone {zone}. Type its name, such as `Europe/Berlin`, or `UTC`",
}
