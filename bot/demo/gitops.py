"""What the demo's GitOps repository holds in its first commit.

iris-classifier stands there as in this project's own `manifests/`, but without its canary, and models may be code: the
demo's broken versions are Python that fails.  A second model, in the other layout, stands in `bot/demo/repository/`.
To add a model, put its manifests there.
"""

from pathlib import Path
from typing import Final

from bot.errors import Permanent

ROOT: Final = Path(__file__).parents[2]
OURS: Final = "manifests/iris-classifier"
REST: Final = Path(__file__).parent / "repository"
LEFT_OUT: Final = ("canary", "weights")
"""One more model server, and what needs a Gateway."""
DEPLOYMENT: Final = f"{OURS}/base/deployment.yaml"
ENV: Final = b"        env:\n"
CODE: Final = (
    b"        - {name: MODEL_FLAVORS, value: 'sklearn,python_function'}   # the demo's broken versions are code\n"
)


def files() -> dict[str, bytes]:
    """Return the files of the first commit by their path in the repository.

    Raises:
        Permanent: the project's own manifests are not beside the program (it runs from somewhere else than a checkout).
    """
    ours = (path for path in _below(ROOT / OURS) if path.parent.name not in LEFT_OUT)
    found = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in ours}
    if not found:
        raise Permanent(f"The demo needs a checkout of Callboard: there is no {OURS} in {ROOT}.")
    found[DEPLOYMENT] = found[DEPLOYMENT].replace(ENV, ENV + CODE)
    return found | {path.relative_to(REST).as_posix(): path.read_bytes() for path in _below(REST)}


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
