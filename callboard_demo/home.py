"""The folder with the demo's state: it belongs to the demo, and only one demo uses it at a time.

A marker file shows that the folder is ours: without it, nothing in the folder is ever touched.
"""

import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Final, Self, TextIO

from bot.domain.errors import UserError

MARKER: Final = "callboard-demo"
WORDS: Final = "This folder holds the state of Callboard's demo.  You may delete it while no demo is running.\n"
KEYS: Final = (
    "slack_token",
    "slack_signing_secret",
    "github_token",
    "github_webhook_secret",
    "kubernetes_token",
    "mlflow_webhook_secret",
)


class Home:
    """The folder, locked until it is closed; `keys` are this demo's secrets, generated once."""

    def __init__(self, folder: Path, lock: TextIO) -> None:
        self.folder = folder
        self._lock = lock
        self.keys = self._keys()
        self.token = secrets.token_urlsafe(24)
        """The token for scripts; a new one at every start."""
        write_private(folder / "token", self.token + "\n")

    @classmethod
    def open(cls, folder: Path, *, fresh: bool = False) -> Self:
        """Open the folder, created if missing; `fresh` empties it first.

        Raises:
            UserError: it has files that are not ours, or it is not writable.
            UserError: another demo is using it.
        """
        folder = folder.absolute()
        try:
            lock = _marked(folder)
        except OSError as error:
            raise UserError(f"{folder} is not writable ({error.strerror}): start elsewhere") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise UserError(f"another demo is running in {folder}: stop it first, or start elsewhere") from error
        if fresh:
            _empty(folder)
        lock.truncate(0)
        lock.write(WORDS)
        lock.flush()
        return cls(folder, lock)

    def close(self) -> None:
        """Unlock the folder."""
        self._lock.close()

    def part(self, name: str) -> Path:
        """Return the folder of one part of the demo, created if missing."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _keys(self) -> dict[str, str]:
        path = self.folder / "keys.json"
        known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        keys = {name: known.get(name) or secrets.token_hex(20) for name in KEYS}
        if keys != known:
            write_private(path, json.dumps(keys, indent=2) + "\n")
        return keys


def _marked(folder: Path) -> TextIO:
    """Open the marker file; create it and the folder if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    if not marker.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} has files that are not the demo's: move it away, or start elsewhere")
    return marker.open("a+", encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable only by its owner."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
