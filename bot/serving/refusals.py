"""Why the server will not start: one line for a person, one exit code for a machine.

The codes are those of sysexits.h (https://man7.org/linux/man-pages/man3/sysexits.h.3head.html).
"""

from enum import IntEnum


class Exit(IntEnum):
    """How the process ends when it cannot serve."""

    USAGE = 64  # the environment is wrong: mend the manifest
    NO_INPUT = 66  # the registry has no such version
    UNAVAILABLE = 69  # the registry does not answer: trying again may help
    SOFTWARE = 70  # the model itself does not load, or cannot predict its own example
    NO_PERMISSION = 77  # the registry answers, and refuses these credentials


class Refusal(Exception):
    """The reason as one line, and the exit code that goes with it."""

    def __init__(self, code: Exit, because: str) -> None:
        super().__init__(" ".join(because.split()))
        self.code = code
