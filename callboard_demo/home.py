"""The folder in which the demo keeps its state: it is the demo's own, used by one demo at a time.

A marker says that the folder is ours: without it, nothing in it is touched, whatever is asked for.
"""

import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Final, Self, TextIO

from bot.domain.errors import Misunderstood, Permanent

MARKER: Final = "callboard-demo"
WORDS: Final = "This folder is the state of Callboard's demo.  It may be removed while no demo runs.\n"
KEYS: Final = (
    "slack_token",
    "slack_signing_secret",
    "github_token",
    "github_webhook_secret",
    "kubernetes_token",
    "mlflow_webhook_secret",
)


class Home:
    """The folder, held until it is closed; `keys` are the secrets of this world, made once."""

    def __init__(self, folder: Path, lock: TextIO) -> None:
        self.folder = folder
        self._lock = lock
        self.keys = self._keys()
        self.token = secrets.token_urlsafe(24)
        """What a script needs to drive the page; another at every start."""
        write_private(folder / "token", self.token + "\n")

    @classmethod
    def open(cls, folder: Path, *, fresh: bool = False) -> Self:
        """Take the folder, made if missing; `fresh` empties it first.

        Raises:
            Misunderstood: there is something in it that is not ours, or it cannot be written to.
            Permanent: another demo is using it.
        """
        folder = folder.absolute()
        try:
            lock = _marked(folder)
        except OSError as error:
            raise Misunderstood(f"{folder} cannot be written to ({error.strerror}): start elsewhere") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise Permanent(f"another demo is running in {folder}: stop it first, or start elsewhere") from error
        if fresh:
            _empty(folder)
        lock.truncate(0)
        lock.write(WORDS)
        lock.flush()
        return cls(folder, lock)

    def close(self) -> None:
        """Let another demo have it."""
        self._lock.close()

    def part(self, name: str) -> Path:
        """Return the folder of one part of the world, made if missing."""
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
    """Return the marker's file; it and the folder are made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    if not marker.exists() and any(folder.iterdir()):
        raise Misunderstood(f"{folder} holds files that are not the demo's: move it away, or start elsewhere")
    return marker.open("a+", encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
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
