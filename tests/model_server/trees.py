"""Models that somebody forged: an MLmodel, and a folder in which a canary stands wherever a file may stand.

Not itself a test.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from hypothesis import strategies as st

from tests.model_server import canaries
from tests.model_server.forged_documents import GOOD, NAMES, OUTSIDE
from tests.model_server.forged_skops import files as forged_skops

FOLDERS: Final = ("", "inner/", "inner/deeper/", "code/", "artifacts/", "model.skops.d/")
MODULES: Final = (f"{canaries.MODULE}.py", "sklearn.py", "lightgbm.py", "skops.py", "sitecustomize.py", "mlflow.py")
PLACES: Final = tuple(folder + name for folder in FOLDERS for name in NAMES)
CODE: Final = {folder + name: "module" for folder in FOLDERS for name in MODULES}
RARE: Final = ("requirements.txt", "python_env.yaml", "conda.yaml", "serving_input_example.json", "input_example.json")
"""Places where a canary would have the model refused before anything is loaded, or at its first prediction."""
SECOND: Final = ("inner/MLmodel", "inner/deeper/MLmodel", "mlmodel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged:
    """A model, and what stands beside it."""

    document: str
    files: Mapping[str, str]
    """What stands where no canary of that kind does: another kind of canary, or the name of a good file."""
    kind: str = "pickle 2"
    links: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def written(self, folder: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
        """Yield the folder of the model; the canaries stay there for the next model of their kind."""
        model, outside = folder / self.kind / "model", folder / self.kind / "outside"
        canaries_here = dict.fromkeys(PLACES, self.kind) | CODE
        if not model.exists():
            _write(model, {place: contents[kind] for place, kind in canaries_here.items()})
            _write(outside, {"model.pkl": contents[self.kind], f"{canaries.MODULE}.py": contents["module"]})
        said = self.document.replace(OUTSIDE, str(outside)).encode()
        _write(model, {"MLmodel": said} | {place: contents[kind] for place, kind in self.files.items()})
        for place, target in self.links.items():
            (model / place).unlink(missing_ok=True)
            (model / place).symlink_to(target.replace(OUTSIDE, str(outside)))
        yield model
        changed = {"MLmodel", *self.files, *self.links}
        for place in changed:
            (model / place).unlink()
        _write(model, {place: contents[canaries_here[place]] for place in changed & canaries_here.keys()})


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def models(document: Callable[[Random], str]) -> st.SearchStrategy[Forged]:
    """Return models with such a document.

    Drawn with one die of its own each: drawn in many small steps, two of three documents of Hypothesis' are the same.
    """
    return st.randoms(use_true_random=True).map(lambda dice: forge(document, dice))


def forge(document: Callable[[Random], str], dice: Random) -> Forged:
    """Return a model with such a document, and what stands in the place of some canaries."""
    files = {name: name for name in GOOD}
    if dice.randrange(4) == 0:
        files = dict.fromkeys(GOOD, dice.choice(sorted(forged_skops())))
    for places in (GOOD, RARE):
        if dice.randrange(6) == 0:
            files[dice.choice(places)] = dice.choice(canaries.KINDS)
    if dice.randrange(8) == 0:
        files[dice.choice(SECOND)] = "second"
    links = {dice.choice((*GOOD, "inner/link", "link")): f"{OUTSIDE}/model.pkl"} if dice.randrange(30) == 0 else {}
    return Forged(document=document(dice), kind=dice.choice(canaries.KINDS), files=files, links=links)
