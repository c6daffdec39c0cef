"""Names that Callboard gives, made from names that others gave: encoded, so that none means more than itself."""

import hashlib
from typing import Final
from urllib.parse import quote

from bot.domain.target import Target

MAX_PART: Final = 100
"""Characters of a part of a branch: names may be longer, and Git's refs are file names."""


def branch(target: Target) -> str:
    """Return the branch of a target: one, always the same, which is what makes a second pull request impossible.

    Git forbids ``~`` in a ref, and ``..``, a leading dot and a trailing ``.lock`` in each part of it, so dots are
    encoded where they could matter.  https://git-scm.com/docs/git-check-ref-format
    """
    return f"callboard/{_part(target.model)}/{_part(target.stage)}"


def _part(name: str) -> str:
    """Return a name so encoded that no other is: one that is too long keeps its beginning, and a sum of the whole.

    The plus between them is in no encoded name.
    """
    encoded = quote(name, safe="", errors="surrogatepass").replace("~", "%7E")
    if len(encoded) > MAX_PART:
        return f"{encoded[:30].replace('.', '%2E')}+{hashlib.sha256(encoded.encode()).hexdigest()}"
    if encoded.startswith(".") or ".." in encoded or encoded.endswith((".", ".lock")):
        encoded = encoded.replace(".", "%2E")
    return encoded
