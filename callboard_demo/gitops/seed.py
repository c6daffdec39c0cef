"""What the demo's GitOps repository holds in its first commit.

iris-classifier stands there as in this project's own `manifests/`, but without its canary, and models may be code: the
demo's broken versions are Python that fails.  A second model, in the other layout, stands in `repository/` beside
this module.  To add a model, put its manifests there.
"""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parent / "repository"
OURS: Final = REPOSITORY / "manifests/iris-classifier"
"""A link to this project's own manifests; a built wheel holds a copy."""
LEFT_OUT: Final = ("canary", "weights")
"""One more model server, and what needs a Gateway."""
DEPLOYMENT: Final = "manifests/iris-classifier/base/deployment.yaml"
ENV: Final = b"        env:\n"
CODE: Final = (
    b"        - {name: MODEL_FLAVORS, value: 'sklearn,python_function'}   # the demo's broken versions are code\n"
)


def files() -> dict[str, bytes]:
    """Return the files of the first commit by their path in the repository."""
    paths = [path for path in (*_below(REPOSITORY), *_below(OURS)) if path.parent.name not in LEFT_OUT]
    found = {path.relative_to(REPOSITORY).as_posix(): path.read_bytes() for path in paths}
    found[DEPLOYMENT] = found[DEPLOYMENT].replace(ENV, ENV + CODE)
    return found


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
