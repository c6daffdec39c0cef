"""Check whether this image fits the model: compare what it was made with and what is installed.  Pure.

If Python or a library differ, MLflow only warns, and predicts anyway.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from callboard_model_server.mlmodel import Flavors

PROJECTS: Final = {"sklearn": "scikit-learn"}
"""Names of libraries that differ from their flavors'."""

INCOMPARABLE: Final = (ValueError, RecursionError)
"""What packaging raises: its own errors, Python's for 5,000 digits, and RecursionError for a thousand brackets."""

Installed = Callable[[str], str | None]
"""Maps a project's name to its installed version, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the model was made with; None or empty if it is not recorded."""

    python: str | None
    project: str | None
    """The library of its flavor, by its name on PyPI."""
    version: str | None
    """The library's version."""
    requirements: tuple[str, ...]
    """The lines of its requirements.txt."""


def made(name: str, flavors: Flavors, python: object, requirements: Iterable[str]) -> Made:
    """Return what a model of that flavor was made with; `python` is from python_env.yaml."""
    lines = tuple(line for line in (_bare(each) for each in requirements) if line)
    project = None if name == "python_function" else PROJECTS.get(name, name)
    logged = next((str(said) for key, said in flavors.get(name, {}).items() if key.endswith("_version")), None)
    said = flavors["python_function"].get("python_version") or python
    return Made(
        python=str(said) if said else None,  # an unquoted version may be a number
        project=project,
        version=_pinned(project, lines) or logged,
        requirements=lines,
    )


def unmet(was: Made, *, python: str, installed: Installed, strict: bool) -> list[str]:
    """Return a sentence for each difference: in minor versions or, if `strict`, in any requirement."""
    found = []
    if was.python and _minor(was.python) != _minor(python):
        found.append(f"the model was made with Python {was.python}, but this is {python}")
    if was.project and was.version:
        here = installed(was.project)
        if here is None or _minor(was.version) != _minor(here):
            found.append(f"it was made with {was.project} {was.version}, but here it is {here or 'not installed'}")
    return [*found, *_unmet(was.requirements, installed)] if strict else found


def unsaid(was: Made) -> list[str]:
    """Return what the model does not record, so that it cannot be compared."""
    said = {"Python": was.python, **({was.project: was.version} if was.project else {})}
    return [what for what, version in said.items() if not version]


def _unmet(lines: Iterable[str], installed: Installed) -> Iterator[str]:
    for line in lines:
        try:
            differs = _differs(line, installed)
        except INCOMPARABLE:
            differs = f"{line!r} in its requirements.txt cannot be compared with the installed packages"
        if differs is not None:
            yield differs


def _differs(line: str, installed: Installed) -> str | None:
    wanted = Requirement(line)
    if wanted.marker is not None and not wanted.marker.evaluate():
        return None
    here = installed(wanted.name) or (installed("mlflow-skinny") if wanted.name == "mlflow" else None)
    if here is not None and wanted.specifier.contains(here, prereleases=True):
        return None
    return f"it requires {wanted.name}{wanted.specifier}, but here it is {here or 'not installed'}"


def _pinned(project: str | None, lines: Iterable[str]) -> str | None:
    """Return the pinned version of a project."""
    wanted = [found for line in lines if (found := _requirement(line)) and canonicalize_name(found.name) == project]
    return next((each.version for one in wanted for each in one.specifier if each.operator in {"==", "==="}), None)


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except INCOMPARABLE:
        return None


def _bare(line: str) -> str:
    return re.sub(r"(^|\s)#.*", "", line).strip()


def _minor(version: str) -> tuple[int, ...] | str:
    try:
        return Version(version).release[:2]
    except ValueError:
        return version
