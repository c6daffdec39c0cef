"""Why a command is not understood, and how it is used."""

from datetime import datetime

from bot.domain.reason import Command, Name, Reason, reason


@reason("usage")
class Usage(Reason):
    """How a command is used that needs no more explanation."""

    command: Command
    """With its arguments."""


@reason("usage_promote")
class PromoteUsage(Reason):
    """How `/promote` is used."""


@reason("usage_freeze")
class FreezeUsage(Reason):
    """How `/freeze` is used."""


@reason("usage_callboard")
class CallboardUsage(Reason):
    """How `/callboard` is used."""

    commands: tuple[Command, ...]


@reason("unknown_command")
class UnknownCommand(Reason):
    """A slash command that Callboard does not have."""

    commands: tuple[Command, ...]


@reason("command_too_long")
class CommandTooLong(Reason):
    """The text is longer than any command."""

    limit: int


@reason("command_not_understood")
class NotUnderstood(Reason):
    """Words that have no meaning in this command."""

    words: Name
    usage: Reason


@reason("command_has_spare_words")
class SpareWords(Reason):
    """More words than a command takes; perhaps a name with spaces."""

    words: Name
    usage: Reason


@reason("one_model_at_a_time")
class OneModelAtATime(Reason):
    """`/models` was given several words."""

    first: Command
    """With the first word alone."""
    whole: Command
    """With all words as one name."""


@reason("which_promotion")
class WhichPromotion(Reason):
    """`/promotions cancel` needs an id."""


@reason("which_model")
class WhichModel(Reason):
    """A command needs a model and a stage."""

    usage: Reason


@reason("which_stage")
class WhichStage(Reason):
    """A command needs a stage."""

    instead: Command


@reason("stage_comes_first")
class StageComesFirst(Reason):
    """The version was written before the stage."""

    instead: Command


@reason("not_a_version")
class NotAVersion(Reason):
    """A word is not the number of a version."""

    word: Name
    usage: Reason


@reason("not_a_promotion")
class NotAPromotion(Reason):
    """A word is not the number of a promotion."""

    word: Name
    usage: Reason


@reason("several_freeze_reasons")
class SeveralFreezeReasons(Reason):
    """`/freeze` takes one reason."""

    usage: Reason


@reason("override_needs_reason")
class OverrideNeedsReason(Reason):
    """`--override` was given without a reason."""


@reason("not_a_duration")
class NotADuration(Reason):
    """Words after `for` are not a duration."""

    text: Name


@reason("not_a_date")
class NotADate(Reason):
    """Words after `until` are not a date, or one that is in no calendar."""

    text: Name


@reason("date_passed")
class DatePassed(Reason):
    """A freeze would end before it begins."""

    text: Name
    moment: datetime
    now: datetime


@reason("more_than_a_year")
class MoreThanAYear(Reason):
    """A freeze would last too long."""

    text: Name


@reason("unknown_time_zone")
class UnknownTimeZone(Reason):
    """A time zone that is in no database."""

    zone: Name
