"""Every contract of import-linter breaks when somebody writes the import that it forbids.

A contract that names a module wrongly, or forgets one, is kept for ever and protects nothing. Each line of the table
below is an import that must break a contract, or several in a row. All of them are checked against the configuration in
pyproject.toml and the import graph of the tree, with these imports added. The first line of each contract is also
written into a copy of the tree, where the command-line program has to find it.
"""

import copy
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from grimp import ImportGraph
from importlinter import configuration
from importlinter.application.app_config import settings
from importlinter.application.ports.building import GraphBuilder
from importlinter.application.use_cases import lint_imports
from typing_extensions import override

from tests.paths import ROOT

PYPROJECT: Final = ROOT / "pyproject.toml"
CONFIG: Final[Mapping[str, Any]] = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]
CONTRACTS: Final[Mapping[str, Mapping[str, Any]]] = {one["id"]: one for one in CONFIG["contracts"]}

NOT_FOR_DECISIONS: Final = (
    "aiohttp", "aiosqlite", "alembic", "asyncio", "bot.clock", "click", "concurrent", "ctypes", "fcntl", "github",
    "http", "importlib", "kubernetes", "logging", "mlflow", "multiprocessing", "os", "psycopg", "random",
    "requests", "secrets", "shutil", "signal", "slack_bolt", "slack_sdk", "socket", "sqlalchemy", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib3", "uuid",
)  # fmt: skip
"""What reads or changes the world, or differs from one run to the next."""

BREAKS: Final[Mapping[str, tuple[str, ...]]] = {
    "layers": (
        "bot.domain -> bot.rules",
        "bot.clock -> bot.rules",
        "bot.domain -> bot.clock",
        "bot.clock -> bot.domain",
        "bot.rules.release.lifecycle -> bot.config",
        "bot.config -> bot.store",
        "bot.config -> bot.clients.slack",
        "bot.store -> bot.clients",
        "bot.clients.github -> bot.store",
        "bot.store.store -> bot.cluster",
        "bot.clients.kubernetes -> bot.cluster.watch",
        "bot.cluster -> handlers",
        "bot.cluster.watch -> bot.engine.evidence",
        "bot.engine -> handlers",
        "handlers -> bot.engine",
        "handlers.promote -> bot.ingress",
        "bot.engine.reconcile -> bot.ingress",
        "bot.ingress -> bot.app",
        "bot.app -> bot.cli.main",
        "bot.cli -> bot.__main__",
        "bot.domain.promotion -> bot.cli",
    ),
    "product": (
        "bot.cli.checkout -> callboard_demo",
        "bot.cli.demo -> callboard_demo.world",
        "bot.cli.main -> callboard_model_server.digest",
        "bot.store.store -> callboard_demo.world",
        "bot.domain -> callboard_model_server",
        "handlers.promote -> callboard_demo.chat",
        "handlers -> callboard_model_server",
    ),
    "demo": (
        *(
            f"callboard_demo.world -> bot.{room}"
            for room in (
                "app",
                "cli",
                "clients",
                "cluster",
                "config",
                "engine",
                "ingress",
                "rules",
                "store",
                "__main__",
            )
        ),
        "callboard_demo.chat -> bot.rules.wording",
        "callboard_demo.registry -> bot.clients.mlflow.mlmodel",
        "callboard_demo.tour -> handlers",
        "callboard_demo.training -> callboard_model_server.digest",
    ),
    "model-server": (
        "callboard_model_server -> bot",
        "callboard_model_server.digest -> bot.domain",
        "callboard_model_server.logs -> bot.config.logs",
        "callboard_model_server.resolve -> bot.clients.mlflow",
        "callboard_model_server.settings -> handlers",
        "callboard_model_server.__main__ -> callboard_demo.ports",
    ),
    "decisions": (
        *(f"bot.rules.release.lifecycle -> {name}" for name in NOT_FOR_DECISIONS),
        *(f"bot.domain -> {name}" for name in NOT_FOR_DECISIONS),
        *(f"bot.rules.{room} -> time" for room in ("kubernetes", "parsing", "pins", "release", "wording")),
    ),
    "clients": (
        "bot.clients.github -> bot.clients.kubernetes",
        "bot.clients.kubernetes -> bot.clients.mlflow",
        "bot.clients.mlflow -> bot.clients.oci",
        "bot.clients.oci -> bot.clients.pods",
        "bot.clients.pods -> bot.clients.slack",
        "bot.clients.slack -> bot.clients.github",
    ),
    "rooms": (
        "bot.rules.release -> bot.rules.wording -> bot.rules.release",
        "bot.rules.pins -> bot.rules.kubernetes -> bot.rules.parsing -> bot.rules.pins",
        "bot.engine.evidence -> bot.engine.reconcile -> bot.engine.evidence",
        "bot.domain.target -> bot.domain.promotion -> bot.domain.target",
        "callboard_demo.world -> callboard_demo.tour -> callboard_demo.world",
        "callboard_demo.children -> callboard_demo.registry -> callboard_demo.children",
        "callboard_model_server.refusals -> callboard_model_server.settings -> callboard_model_server.refusals",
        "handlers.promote -> handlers.rollback -> handlers.promote",
    ),
    "handlers": (
        "handlers -> bot.clients",
        "handlers.promote -> bot.clients.github.client",
        "handlers.callboard -> bot.cluster",
        "handlers -> aiohttp",
        "handlers -> github",
        "handlers -> kubernetes",
        "handlers -> mlflow",
        "handlers -> slack_bolt",
        "handlers.buttons -> slack_sdk",
    ),
    "only-github": (
        "bot.store.engine -> github",
        "bot.engine -> github",
        "bot.clients.mlflow -> github",
        "handlers -> github",
    ),
    "only-slack-sdk": (
        "bot.ingress.socket_mode -> slack_sdk",
        "bot.engine.message_sync -> slack_sdk",
        "callboard_demo.chat -> slack_sdk",
    ),
    "only-slack-bolt": ("bot.ingress.socket_mode -> slack_bolt", "bot.app -> slack_bolt", "handlers -> slack_bolt"),
    "only-kubernetes": (
        "bot.cluster.watch -> kubernetes",
        "bot.clients.pods -> kubernetes",
        "callboard_demo.cluster -> kubernetes",
    ),
    "only-mlflow": (
        "bot.clients.mlflow.client -> mlflow",
        "bot.cli.demo -> mlflow",
        "callboard_demo.registry -> mlflow",
    ),
    "only-sqlalchemy": (
        "bot.engine.leadership -> sqlalchemy",
        "handlers -> sqlalchemy",
        "callboard_demo.cluster -> sqlalchemy",
        "bot.app -> alembic",
    ),
    "only-psycopg": ("bot.store.engine -> psycopg", "bot.engine.scheduler -> psycopg", "bot.config -> psycopg"),
    "only-click": ("bot.app -> click", "bot.__main__ -> click", "callboard_demo.main -> click", "bot.config -> click"),
    "only-aiohttp": (
        "bot.engine -> aiohttp",
        "bot.store -> aiohttp",
        "callboard_model_server -> aiohttp",
        "bot.cli -> aiohttp",
    ),
}
LIBRARIES: Final = {
    "PyGithub": "github",
    "slack_sdk": "slack_sdk",
    "slack_bolt": "slack_bolt",
    "kubernetes": "kubernetes",
    "mlflow": "mlflow",
    "sqlalchemy": "sqlalchemy",
    "click": "click",
}
"""Each library that one place alone may import, and its top-level module."""


@dataclass(frozen=True, slots=True)
class Graph(GraphBuilder):
    """Give import-linter a graph that is built already, where it would read the files."""

    graph: ImportGraph

    @override
    def build(self, *_: object, **__: object) -> ImportGraph:
        return self.graph


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    """Return the import graph of the four packages, as import-linter itself builds it."""
    configuration.configure()
    builder: GraphBuilder = settings.GRAPH_BUILDER
    return builder.build(
        root_package_names=CONFIG["root_packages"],
        cache_dir=None,
        include_external_packages=CONFIG["include_external_packages"],
    )


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave import-linter as the next test expects it."""
    configuration.configure()
    yield
    configuration.configure()


def lint(graph: ImportGraph, contract: str) -> bool:
    """Return whether a contract of pyproject.toml is kept by a graph."""
    settings.configure(GRAPH_BUILDER=Graph(graph))
    return lint_imports(str(PYPROJECT), (contract,), cache_dir=None, is_debug_mode=True, no_logo=True)


def imports(forbidden: str) -> Iterator[tuple[str, str]]:
    """Return the imports of a line of the table, each as the importer and the imported module."""
    return pairwise(forbidden.split(" -> "))


def outcomes(printed: str) -> dict[str, str]:
    """Return how each contract did, by its name: KEPT or BROKEN."""
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", printed, re.MULTILINE))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_contract_is_kept_by_the_tree_as_it_is(graph: ImportGraph, contract: str) -> None:
    assert lint(graph, contract)


@pytest.mark.parametrize(
    ("contract", "forbidden"), [(contract, line) for contract, lines in BREAKS.items() for line in lines]
)
def test_a_contract_breaks_where_a_forbidden_import_is_written(
    graph: ImportGraph, capsys: pytest.CaptureFixture[str], contract: str, forbidden: str
) -> None:
    written = copy.deepcopy(graph)
    for importer, imported in imports(forbidden):
        assert importer in graph.modules
        assert imported in graph.modules or imported.partition(".")[0] not in CONFIG["root_packages"]
        written.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")
    assert not lint(written, contract)
    assert outcomes(capsys.readouterr().out) == {CONTRACTS[contract]["name"]: "BROKEN"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of all that import-linter reads."""
    for package in CONFIG["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PYPROJECT, tmp_path)
    return tmp_path


def run(tree: Path) -> tuple[int, dict[str, str]]:
    """Return the exit code of `lint-imports` in a tree, and how each contract did."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)
    return done.returncode, outcomes(done.stdout)


def write(tree: Path, forbidden: str) -> None:
    """Write an import into a file, inside a function: what is imported late counts as well."""
    for importer, imported in imports(forbidden):
        path = tree.joinpath(*importer.split("."))
        with (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).open("a") as file:
            file.write(f"\n\ndef _forbidden():\n    import {imported}\n")


def test_the_program_keeps_every_contract_of_an_untouched_copy(tree: Path) -> None:
    assert run(tree) == (0, {contract["name"]: "KEPT" for contract in CONTRACTS.values()})


def test_the_program_finds_what_is_written_into_the_files(tree: Path) -> None:
    for first, *_ in BREAKS.values():
        write(tree, first)
    assert run(tree) == (1, {contract["name"]: "BROKEN" for contract in CONTRACTS.values()})


# ── the table, and what the contracts name, is complete ─────────────────────────────────────────────────


def test_every_contract_has_an_id_and_a_forbidden_import() -> None:
    assert len(CONTRACTS) == len(CONFIG["contracts"])
    assert set(BREAKS) == set(CONTRACTS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_has_one_place_that_may_import_it(library: str) -> None:
    protected = [one for one in CONTRACTS.values() if LIBRARIES[library] in one.get("protected_modules", ())]
    assert len(protected) == 1
    assert protected[0]["allowed_importers"]


def layers() -> list[list[str]]:
    return [re.split(r"\s*\|\s*", layer) for layer in CONTRACTS["layers"]["layers"]]


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(lower, upper) for above, below in pairwise(layers()) for lower in below for upper in above],
)
def test_a_layer_is_shown_not_to_import_the_one_above_it(lower: str, upper: str) -> None:
    broken = chain.from_iterable(map(imports, BREAKS["layers"]))
    assert any(within(importer, lower) and within(imported, upper) for importer, imported in broken)


@pytest.mark.parametrize(
    ("one", "other"), [(one, other) for layer in layers() for one in layer for other in layer if one != other]
)
def test_parts_of_one_layer_that_import_each_other_break_the_contract(one: str, other: str) -> None:
    broken = chain.from_iterable(map(imports, BREAKS["layers"]))
    assert any(within(importer, one) and within(imported, other) for importer, imported in broken)


def test_every_part_of_the_product_is_in_a_layer(graph: ImportGraph) -> None:
    assert {part for layer in layers() for part in layer} == graph.find_children("bot") | {"handlers"}


def test_the_demo_may_import_the_vocabulary_and_the_clock_alone(graph: ImportGraph) -> None:
    forbidden = set(CONTRACTS["demo"]["forbidden_modules"])
    assert graph.find_children("bot") - forbidden == {"bot.domain", "bot.clock"}


def test_every_client_is_independent_of_the_others(graph: ImportGraph) -> None:
    shared = {"bot.clients.failures", "bot.clients.limits", "bot.clients.pacing", "bot.clients.redirects"}
    assert graph.find_children("bot.clients") - shared == set(CONTRACTS["clients"]["modules"])


def test_the_contract_against_cycles_covers_every_package() -> None:
    assert set(CONTRACTS["rooms"]["ancestors"]) == set(CONFIG["root_packages"])
