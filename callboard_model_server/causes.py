"""The causes of a failure: the exceptions behind an exception, and where they were raised."""

import traceback

FRAMES = 5
"""How many of the innermost places are reported."""


def chain(error: BaseException) -> list[BaseException]:
    """Return the exception and its causes, the original one first; a cycle is followed once."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and all(following is not one for one in found):
        found.insert(0, following)
        following = following.__cause__ or following.__context__
    return found


def places(error: BaseException) -> list[str]:
    """Return "file:line function", the innermost last, without the message, which may quote the request."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]]
