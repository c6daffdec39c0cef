"""Reasons that belong to no subject."""

from bot.domain.reason import Reason, Said, reason


@reason("told")
class Told(Reason):
    """The words of another system, or of an older release of Callboard, which kept sentences."""

    text: Said
