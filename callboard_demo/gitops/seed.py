"""The contents of the first commit of the demo's GitOps repository.

iris-classifier is there as in this project's own `manifests/`, but without its canary, and models may contain code: the
demo's broken versions are Python that fails.  A second model, in the other layout, is in `repository/` beside this
module.  To add a model, put its manifests there.
"""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parent / "repository"
OURS: Final = REPOSITORY / "manifests/iris-classifier"
"""A link to this project's own manifests; a built wheel holds a copy."""
LEFT_OUT: Final = ("canary", "weights")
"""Folders to leave out: they need a Gateway, or are another model server."""
DEPLOYMENT: Final = "manifests/iris-classifier/base/deployment.yaml"
ENV: Final = b"        env:\n"
CODE: Final = (
    b"        - {name: MODEL_FLAVORS, value: 'sklearn,python_function'}   # the demo's broken versions are code\n"
)


def files() -> dict[str, bytes]:
    """Return the files of the first commit by path."""
    paths = [path for path in (*_below(REPOSITORY), *_below(OURS)) if path.parent.name not in LEFT_OUT]
    found = {path.relative_to(REPOSITORY).as_posix(): path.read_bytes() for path in paths}
    found[DEPLOYMENT] = found[DEPLOYMENT].replace(ENV, ENV + CODE)
    return found


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
