"""Where the data lie that tests hold Callboard against: see tests/data/README.md."""

import os
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
PUBLISHED: Final = "CALLBOARD_PUBLISHED_DATA"
"""Names a folder with `health` and `manifests` of other projects.  They are not in the repository."""


def folders(name: str) -> dict[str, Path]:
    """Return the folders of that name: "own", and "published" where the environment names some.

    Raises:
        FileNotFoundError: one of them is missing or empty, so that its tests would test nothing.
    """
    found = {"own": DATA / name}
    if (published := os.environ.get(PUBLISHED)) is not None:
        found["published"] = Path(published) / name
    for folder in found.values():
        if not any(folder.rglob("*.yaml")):
            raise FileNotFoundError(f"no YAML files in {folder}; {PUBLISHED} must name a folder that holds {name}/")
    return found
