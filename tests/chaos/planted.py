"""Secrets of no shape that anybody would know, one for each variable that holds one, and how they are looked for.

Not itself a test.  The search knows nothing of how the bot hides them: it takes encodings off what it is given.
"""

import base64
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from bot.config.environment import Environment
from tests.fixtures.github_app_keys import keys

PLANTED: Final = {
    "SLACK_BOT_TOKEN": "pl4nted/slack=bot+token?%~",
    "SLACK_APP_TOKEN": "pl4nted/slack=app+token?%~",
    "SLACK_SIGNING_SECRET": "pl4nted/slack=signing secret?%~",
    "GITHUB_TOKEN": "pl4nted/github=token+of?%~",
    "GITHUB_WEBHOOK_SECRET": "pl4nted/github=hook secret?%~",
    "GITHUB_APP_PRIVATE_KEY": keys()[0].strip(),
    "MLFLOW_TRACKING_PASSWORD": 'pl4nted/mlflow="password" ?%~',
    "MLFLOW_TRACKING_TOKEN": "pl4nted/mlflow=token+of?%~",
    "DATABASE_PASSWORD": 'pl4nted/database="password" ?%~',
    "MLFLOW_WEBHOOK_SECRET": "pl4nted/mlflow=hook secret?%~",
}
KUBERNETES: Final = "pl4nted-kubernetes.token_of-nobody"
"""Stands in the kubeconfig, so the bot does not know it by name."""
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{8,}")


def variables() -> set[str]:
    """Return every variable that holds a secret."""
    fields = Environment.__annotations__.items()
    return {name.upper() for name, kind in fields if "Secret" in str(kind)}


def hits(content: bytes | str) -> set[str]:
    """Return the variables whose secret shows in this content, plain or encoded in any of the usual ways."""
    content = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
    peeled = b"\n".join(_peeled(content))
    return {name for name, parts in _SOUGHT.items() if any(part in peeled for part in parts)}


def _peeled(content: bytes) -> Iterator[bytes]:
    """Yield the content itself, and what stands in it once percent signs, backslashes or base64 are undone."""
    escaped = re.sub(rb'\\(["\\/])', rb"\1", content)
    for text in (content, escaped):
        yield text
        yield unquote_to_bytes(text)
        yield unquote_to_bytes(text.replace(b"+", b" "))
    for run in _RUN.findall(content + b"\n" + unquote_to_bytes(content)):
        for start in range(4):
            part = run[start:].translate(bytes.maketrans(b"-_", b"+/"))
            yield base64.b64decode(part + b"A" * (-len(part) % 4))


def _lines(secret: str) -> list[bytes]:
    """Return what must not be seen: the secret, or any line of a key (its first and last lines are no secret)."""
    lines = secret.splitlines()
    return [line.encode() for line in (lines[1:-1] if len(lines) > 1 else lines)]


_SOUGHT: Final = {name: _lines(secret) for name, secret in (PLANTED | {"KUBECONFIG": KUBERNETES}).items()}
