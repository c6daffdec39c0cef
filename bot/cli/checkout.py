"""The command line's work on a checkout: read manifests, and edit a pin in place.

It reads and writes local files only.  `bot.rules.pins` finds and edits the pins.
"""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bot.domain.errors import UserError
from bot.domain.target import Change
from bot.rules import pins
from bot.rules.pins.roots import MARKS
from bot.rules.pins.tree import LARGEST


def texts(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests in a folder, without subfolders (or the one file at that path), by path below `root`.

    Raises:
        UserError: one cannot be read.
    """
    at = root / folder
    files = [at] if at.is_file() else sorted(at.glob("*"))
    return {str(file.relative_to(root)): text(file) for file in files if _manifest(file)}


def reachable(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests of a folder and of everything its kustomization includes from this checkout, by path.

    Raises:
        UserError: one cannot be read.
        Permanent: a kustomization is not YAML.
    """
    found, waiting = dict[str, str](), [folder]
    while waiting:
        new = {path: text for path, text in texts(root, waiting.pop()).items() if path not in found}
        found |= new
        for path, text in new.items():
            if path.endswith(pins.KUSTOMIZATIONS):
                beside = (os.path.normpath(PurePosixPath(path).parent / each) for each in pins.taken_in(text, path))
                waiting += [at for at in beside if not at.startswith(("..", "/")) and (root / at).exists()]
    return found


def roots(root: Path) -> dict[str, str]:
    """Return the kustomizations and the files with agents' objects of the whole checkout, by path; no hidden folders.

    A file that is not UTF-8 is read as far as it is.
    """
    found = {}
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        for file in (Path(folder, name) for name in names if name.endswith(pins.SUFFIXES)):
            if file.is_file() and file.stat().st_size <= LARGEST:
                content = file.read_text(encoding="utf-8", errors="replace")
                if file.name in pins.KUSTOMIZATIONS or any(mark in content for mark in MARKS):
                    found[file.relative_to(root).as_posix()] = content
    return found


def text(file: Path) -> str:
    """Return a file's text, with its line endings and byte order mark unchanged.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: is not UTF-8 text") from error


def diff(change: Change) -> Iterator[str]:
    """Yield the lines of a unified diff, without line endings; none if nothing changes."""
    for path, after in change.after.items():
        old, new = (whole.removesuffix("\n").split("\n") for whole in (change.before[path], after))
        name = path.lstrip("/")
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""):
            yield line.rstrip("\r")


def write(change: Change, root: Path = Path()) -> None:
    """Write the changed files byte for byte; their paths are below `root`.

    Raises:
        UserError: one cannot be written.
    """
    for path, after in change.after.items():
        if after != change.before[path]:
            try:
                (root / path).write_bytes(after.encode())
            except OSError as error:
                raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _manifest(file: Path) -> bool:
    return file.is_file() and file.name.endswith(pins.SUFFIXES)
