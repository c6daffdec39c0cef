"""The digest of a model: one SHA-256 over all its files.  Anybody can repeat it in the folder that holds MLmodel.

find . -type f ! -path ./registered_model_meta -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -z | sha256sum
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from callboard_model_server.refusals import Exit, Refusal

NOT_THE_MODELS: Final = "registered_model_meta"
"""Written by MLflow's client beside what it downloads; it differs with the name that the files are registered under."""


def digest(folder: Path) -> str:
    """Return "sha256:…" over names and contents of all files below the folder.

    Raises:
        Refusal: there is something that is neither a file nor a folder, whose content nobody could vouch for.
    """
    whole = hashlib.sha256()
    for name in sorted(_names(folder)):
        with (folder / os.fsdecode(name)).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").hexdigest().encode() + b"  ./" + name + b"\0")
    return f"sha256:{whole.hexdigest()}"


def _names(folder: Path) -> list[bytes]:
    names = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Refusal(Exit.OTHER_FILES, f"the model holds {path.name!r}, which is neither a file nor a folder")
        if path.is_file() and path != folder / NOT_THE_MODELS:
            names.append(os.fsencode(path.relative_to(folder)))
    return names
