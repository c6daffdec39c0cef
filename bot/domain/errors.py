"""Errors, by who can do something about them.

No library's exception leaves a client: it is translated into one of these, chained with `from`.  Each carries its
reason as data; `bot.rules.wording.reasons` puts it into words where people read it.  Only `UserError`, which ends a
program, is written in words.
"""

from datetime import timedelta

from bot.domain.reason import Reason


class Explained(Exception):
    """The base class: an error with its reason."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


class Misunderstood(Explained):
    """What a person typed is not understood.  Reply with the reason; change nothing."""


class Temporary(Explained):
    """It may work later.  The pass waits and tries again.

    `after` is how long to wait, if the other system said so.
    """

    def __init__(self, reason: Reason, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Permanent(Explained):
    """Trying again soon does not help.  The message says what the operator must do."""


class Denied(Permanent):
    """The other system understood the request and refused it, so nothing has changed there."""


class UserError(Exception):
    """What the person at the terminal must correct first, in words: a setting, a file, a port.

    It is shown once and neither stored nor sent anywhere.
    """
