"""The digest of a model: one SHA-256 over all its files.

To reproduce it, run this in the folder of MLmodel:

find . -type f ! -path ./registered_model_meta -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -z | sha256sum
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from callboard_model_server.refusals import Exit, Refusal

NOT_THE_MODELS: Final = "registered_model_meta"
"""Written by MLflow's client beside its downloads; its content depends on the registered model's name."""

Sums = Mapping[str, str]
"""The SHA-256 of each file of a model, by name: "model.skops", "code/a.py"."""


def sums(folder: Path) -> Sums:
    """Return the SHA-256 of each file below the folder.

    Raises:
        Refusal: there is something that is neither a file nor a folder, whose content cannot be verified.
    """
    return {name: _sum(folder / name) for name in _names(folder)}


def digest(of: Sums) -> str:
    """Return "sha256:…" over names and contents of all files."""
    whole = hashlib.sha256()
    for name in sorted(of, key=os.fsencode):
        whole.update(of[name].encode() + b"  ./" + os.fsencode(name) + b"\0")
    return f"sha256:{whole.hexdigest()}"


@contextmanager
def same(path: Path, summed: str) -> Iterator[BinaryIO]:
    """Yield an open file that still has this SHA-256, so that the inspected content is read.

    Raises:
        Refusal: it has changed.
    """
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != summed:
            raise Refusal(Exit.OTHER_FILES, f"the model's {path.name!r} changed after it was inspected")
        file.seek(0)
        yield file


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Refusal(Exit.OTHER_FILES, f"the model contains {path.name!r}, which is neither a file nor a folder")
        if path.is_file() and path != folder / NOT_THE_MODELS:
            yield path.relative_to(folder).as_posix()
