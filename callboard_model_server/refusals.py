"""Why the server does not start: one line for people, and an exit code for programs.

Codes up to 78 are those of sysexits.h (https://man7.org/linux/man-pages/man3/sysexits.h.3head.html), the rest are ours.
docs/serving.md lists them all with their remedies.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit code if the server cannot serve."""

    USAGE = 64  # the environment is wrong: fix the manifest
    OTHER_FILES = 65  # the model's files are not those of MODEL_DIGEST
    NO_INPUT = 66  # the registry has no such version
    UNAVAILABLE = 69  # the registry is not responding: a retry may help
    SOFTWARE = 70  # the model does not load
    PORT_TAKEN = 71  # another process listens there
    NO_ROOM = 73  # the model cannot be written to the temporary folder
    NO_PERMISSION = 77  # the registry refuses these credentials
    OTHER_IMAGE = 78  # Python or the libraries differ from those that the model was made with
    NOT_ALLOWED = 79  # a flavor or a type that MODEL_FLAVORS and MODEL_TRUSTED_TYPES do not name
    NO_PREDICTION = 80  # the model cannot predict its own input example


MAX_LINE = 1500
"""The most characters of a reason, which may quote the model: Kubernetes keeps 2,048 bytes of a termination message."""


class Refusal(Exception):
    """The reason in one line, with its exit code."""

    def __init__(self, code: Exit, because: str) -> None:
        line = " ".join("".join(each if each.isprintable() else " " for each in because).split())
        super().__init__(line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} …")
        self.code = code
