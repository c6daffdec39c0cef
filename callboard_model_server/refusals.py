"""Why the server will not start: one line for a person, one exit code for a machine.

Codes up to 78 are those of sysexits.h (https://man7.org/linux/man-pages/man3/sysexits.h.3head.html), the rest are ours.
docs/serving.md lists them all, with what to do.
"""

from enum import IntEnum


class Exit(IntEnum):
    """How the process ends when it cannot serve."""

    USAGE = 64  # the environment is wrong: mend the manifest
    OTHER_FILES = 65  # the model's files are not those of MODEL_DIGEST
    NO_INPUT = 66  # the registry has no such version
    UNAVAILABLE = 69  # the registry does not answer: trying again may help
    SOFTWARE = 70  # the model itself does not load
    PORT_TAKEN = 71  # something else listens there
    NO_ROOM = 73  # the model cannot be written to the temporary folder
    NO_PERMISSION = 77  # the registry answers, and refuses these credentials
    OTHER_IMAGE = 78  # Python or the libraries are not those that the model was made with
    NOT_ALLOWED = 79  # a flavor or a type that MODEL_FLAVORS and MODEL_TRUSTED_TYPES do not name
    NO_PREDICTION = 80  # the model cannot predict its own input example


LONGEST = 1500
"""Characters of a reason, which may quote the model: of what a container wrote last, Kubernetes keeps 2,048 bytes."""


class Refusal(Exception):
    """The reason as one line, and the exit code that goes with it."""

    def __init__(self, code: Exit, because: str) -> None:
        line = " ".join("".join(each if each.isprintable() else " " for each in because).split())
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST]} …")
        self.code = code
