"""Text from the cluster, made fit for a reason: one short line without secrets.

Anyone may have written it: the kubelet, an image registry, an admission webhook, the model itself.
"""

from typing import Final

from bot.domain.reason import Name, Said
from bot.rules.wording.redaction import redact

LIMIT: Final = 300
"""Characters that are kept of a message."""


def quote(message: str, limit: int = LIMIT) -> Said:
    """Return a message as one line of at most `limit` characters, secrets redacted."""
    return Said(_clip(message, limit))


def quote_name(name: str) -> Name:
    """Return a name that anyone may have chosen (an image, an event's reason), treated as a message is."""
    return Name(_clip(name, LIMIT))


def _clip(text: str, limit: int) -> str:
    encodable = text[: 10 * limit].encode("utf-8", "replace").decode()  # JSON may hold half of a surrogate pair
    line = " ".join(redact(encodable).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
