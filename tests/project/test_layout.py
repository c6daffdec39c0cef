"""The tree is laid out as docs/architecture.md says."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.paths import ROOT

TOP: Final = {
    # what it is and how to take part
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "NOTICE", "docs",
    # the code
    "bot", "handlers", "callboard_demo", "callboard_model_server", "tests",
    # how it is built, configured and deployed
    "pyproject.toml", "requirements", "Makefile", "Dockerfile", "app.yaml", "manifests",
    # what tools look for here
    ".ci", ".github", ".dockerignore", ".gitignore", ".hadolint.yaml", ".pre-commit-config.yaml",
}  # fmt: skip
PACKAGES: Final = ("bot", "handlers", "callboard_demo", "callboard_model_server")
LINES: Final = 400
NAMELESS: Final = {"base", "common", "helper", "helpers", "misc", "shared", "util", "utils"}
"""Names of modules that say nothing of what stands in them."""


def tracked() -> list[Path]:
    """Return the files of the repository, without what a build or an editor left beside them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


FILES: Final = tracked()
PYTHON: Final = [path for path in FILES if path.suffix == ".py"]


def names(folder: str) -> tuple[set[str], set[str]]:
    """Return the modules and the packages right below a folder."""
    below = [path.relative_to(folder) for path in PYTHON if path.is_relative_to(folder)]
    return {path.stem for path in below if len(path.parts) == 1}, {
        path.parts[0] for path in below if len(path.parts) > 1
    }


def test_the_top_level_holds_nothing_else() -> None:
    assert {path.parts[0] for path in FILES} - TOP == set()


def test_the_product_is_made_of_these_parts() -> None:
    assert names("bot") == (
        {"__init__", "__main__", "app", "clock"},
        {"cli", "clients", "cluster", "config", "domain", "engine", "ingress", "rules", "store"},
    )


def test_the_rules_are_in_five_folders() -> None:
    assert names("bot/rules") == ({"__init__"}, {"kubernetes", "parsing", "pins", "release", "wording"})


def imports(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    tree = ast.parse((ROOT / path).read_text())
    return (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))


def test_the_product_itself_imports_nothing() -> None:
    """Whatever bot/__init__.py imports, every part of the product would, and no contract on layers would see it."""
    assert list(imports(Path("bot/__init__.py"))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_code_is_a_package(package: str) -> None:
    """A folder without __init__.py is left out of the wheel, and import-linter does not see it."""
    folders = {path.parent for path in PYTHON if path.is_relative_to(package)}
    assert {folder for folder in folders if folder / "__init__.py" not in PYTHON} == set()


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in PYTHON}
    assert {path: lines for path, lines in lengths.items() if lines > LINES} == {}


def test_every_module_is_named_after_its_content() -> None:
    assert [str(path) for path in PYTHON if NAMELESS & {path.stem, *path.parent.parts}] == []


def test_the_guide_to_the_tests_names_every_folder_of_them() -> None:
    folders = {path.parts[1] for path in PYTHON if path.is_relative_to("tests") and len(path.parts) > 2}
    guide = (ROOT / "tests" / "README.md").read_text()
    assert {folder for folder in folders if f"`{folder}/`" not in guide} == set()
