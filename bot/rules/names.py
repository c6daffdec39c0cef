"""Names that Callboard gives, made from names that others gave: encoded, so that none means more than itself."""

from urllib.parse import quote

from bot.domain import Pair


def branch(pair: Pair) -> str:
    """Return the branch of a pair: one, always the same, which is what makes a second pull request impossible.

    Git forbids ``..``, a leading dot and a trailing ``.lock`` in each part of a ref, so dots are encoded where
    they could matter.  https://git-scm.com/docs/git-check-ref-format
    """
    return f"callboard/{_part(pair.model)}/{_part(pair.stage)}"


def _part(name: str) -> str:
    encoded = quote(name, safe="")
    if encoded.startswith(".") or ".." in encoded or encoded.endswith((".", ".lock")):
        encoded = encoded.replace(".", "%2E")
    return encoded
