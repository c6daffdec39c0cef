"""What can go wrong, sorted by who can do something about it.

No library's exception leaves a client: it is translated into one of these, chained with `from`.
"""

from datetime import timedelta


class Misunderstood(Exception):
    """The person's words do not parse, or name what is not there.  Reply with the message; change nothing."""


class Temporary(Exception):
    """The world may be ready later.  The turn waits and tries again.

    `after` is how long to wait, where the other side has said so.
    """

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Permanent(Exception):
    """Trying again will not help.  The turn stops and tells the channel what the operator must do."""


class Denied(Permanent):
    """The other side understood and said no, so nothing has changed there."""
