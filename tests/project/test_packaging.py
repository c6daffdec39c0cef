"""What `pip install` gives: built from a copy of the tree, installed into an empty environment, used in other folders.

Nothing is downloaded.  The environment of these tests lends its libraries to the empty one; that the wheel asks for
all of them is tested in test_requirements.py.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from stat import S_ISLNK
from typing import Final
from zipfile import ZipFile

import aiohttp
import psutil
import pytest
from packaging.metadata import Metadata
from packaging.version import Version

from bot import __version__
from callboard_demo.ports import NAMES
from tests.fixtures.demo_process import Demo, started, state
from tests.fixtures.waiting import until
from tests.paths import ROOT
from tests.ports import free_ports
from tests.skips import LINUX, needs

pytestmark = pytest.mark.slow

PACKAGES: Final = ("bot", "callboard_demo", "callboard_model_server", "handlers")
LICENCES: Final = {"LICENSE", "NOTICE"}
FOR_THE_CHECKOUT: Final = {"callboard_demo/README.md", "callboard_model_server/README.md"}
DECOYS: Final = ("botanic", "callboard_demo_old", "handlers2")
"""Packages whose names begin as ours do."""
LINKED: Final = "callboard_demo/gitops/repository/manifests/iris-classifier"
INFO: Final = f"callboard-{__version__}.dist-info"
MANIFEST: Final = ROOT / "manifests/iris-classifier/production/release.yaml"
BACKEND: Final = "import sys, setuptools.build_meta as b; {}(sys.argv[1])"


@dataclass(frozen=True, kw_only=True)
class Built:
    """A copy of the tree, and what was built from it."""

    source: Path
    wheel: Path
    sdist: Path

    def files(self) -> dict[str, bytes]:
        """Return what the wheel holds beside its own `.dist-info`."""
        return {path: content for path, content in unzipped(self.wheel).items() if not path.startswith(INFO)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build both from a copy in which packages that are not ours lie about."""
    assert Version(metadata.version("setuptools")).major >= 77, "requirements/dev.txt asks for a newer one: run `make`"
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, source, symlinks=True, ignore=unwanted)
    for name in DECOYS:
        (source / name).mkdir()
        (source / name / "__init__.py").touch()
    build("build_sdist", source, folder)
    build("build_wheel", source, folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(source=source, wheel=wheel, sdist=sdist)


def build(what: str, source: Path, into: Path) -> None:
    """Call a hook of the build backend (PEP 517) as pip does, in a process of its own."""
    call = [sys.executable, "-c", BACKEND.format(f"b.{what}"), str(into)]
    done = subprocess.run(call, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def unzipped(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {path: archive.read(path) for path in archive.namelist()}


def tree(root: Path, *folders: str) -> dict[str, bytes]:
    """Return all files of some folders, by their paths; what a link points at stands in its place."""
    found = dict[str, bytes]()
    for folder in folders:
        for at, _, names in os.walk(root / folder, followlinks=True):
            found |= {(Path(at) / name).relative_to(root).as_posix(): (Path(at) / name).read_bytes() for name in names}
    return found


# ── what is built ──


def test_the_wheel_holds_every_file_of_the_four_packages_and_nothing_else(built: Built) -> None:
    ours = {path: text for path, text in tree(built.source, *PACKAGES).items() if path not in FOR_THE_CHECKOUT}
    assert built.files() == ours
    assert {f"{package}/py.typed" for package in PACKAGES} <= ours.keys()
    assert {"callboard_demo/app.yaml", "callboard_demo/page/static/index.html", f"{LINKED}/base/service.yaml"} <= set(
        ours
    )


def test_both_hold_copies_of_the_manifests_that_are_a_link_in_the_checkout(built: Built) -> None:
    assert (built.source / LINKED).is_symlink()
    with ZipFile(built.wheel) as wheel, tarfile.open(built.sdist) as sdist:
        assert not [each.filename for each in wheel.infolist() if S_ISLNK(each.external_attr >> 16)]
        assert not [each.name for each in sdist if not each.isfile() and not each.isdir()]
        assert f"callboard-{__version__}/{LINKED}/base/service.yaml" in sdist.getnames()


def test_the_sdist_builds_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert {path.name for path in source.iterdir()} == {
        *(*PACKAGES, *LICENCES, "callboard.egg-info", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg")
    }
    build("build_wheel", source, tmp_path)
    assert unzipped(tmp_path / built.wheel.name) == unzipped(built.wheel)


def test_the_licences_are_in_the_wheel(built: Built) -> None:
    held = {path: text for path, text in unzipped(built.wheel).items() if path.startswith(f"{INFO}/licenses/")}
    assert held == {f"{INFO}/licenses/{name}": (ROOT / name).read_bytes() for name in LICENCES}


def test_the_metadata_is_valid_and_complete(built: Built) -> None:
    """As `twine check --strict` would have it: https://packaging.python.org/specifications/core-metadata/."""
    said = Metadata.from_email(unzipped(built.wheel)[f"{INFO}/METADATA"], validate=True)
    assert (said.name, str(said.version), str(said.requires_python)) == ("callboard", __version__, ">=3.11")
    assert (said.license_expression, set(said.license_files or ())) == ("Apache-2.0", LICENCES)
    assert (said.description_content_type, said.description) == ("text/markdown", (ROOT / "README.md").read_text())
    assert set(said.provides_extra or ()) == {"demo", "model-server"}
    assert said.keywords
    assert "Typing :: Typed" in (said.classifiers or ())
    assert all(url.startswith("https://") for url in (said.project_urls or {}).values())
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(said.project_urls or ())


# ── what is installed ──


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment that holds the wheel, and knows nothing of the checkout."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Return its site-packages."""
        return self.folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

    def environ(self, **more: str) -> dict[str, str]:
        """Return what a program of it is told."""
        kept = {name: text for name, text in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        return kept | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"} | more

    def run(self, *args: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a folder."""
        command = [str(self.folder / "bin" / args[0]), *map(str, args[1:])]
        return subprocess.run(command, cwd=cwd, env=self.environ(**more), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install the wheel into an environment of its own, which borrows the libraries of this one."""
    there = Installed(folder=tmp_path_factory.mktemp("installed"))
    venv.create(there.folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(there.folder / "bin/python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", built.wheel], check=True)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (there.packages / "borrowed.pth").write_text("\n".join(borrowed))
    (there.folder / "bin/kubectl").symlink_to(Path(sys.executable).with_name("kubectl"))
    yield there
    shutil.rmtree(there.folder)


def test_the_command_line_works_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    assert installed.run("callboard", "--version", cwd=tmp_path).stdout == f"callboard, version {__version__}\n"
    assert "callboard demo" in installed.run("callboard", "--help", cwd=tmp_path).stdout
    pinned = installed.run("callboard", "pin", MANIFEST, "--stage", "production", "--version", "7", cwd=tmp_path)
    assert '\n+          value: "7"\n' in pinned.stdout, pinned.stderr
    checked = installed.run("callboard", "check", "--config", ROOT / "app.yaml", "--root", ROOT, cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "2 model/stage pairs checked, no problems\n")
    for command in ("check", "run"):
        refused = installed.run("callboard", command, cwd=tmp_path)
        assert refused.returncode == 1
        assert "app.yaml: cannot be read" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_the_modules_are_those_that_were_installed(installed: Installed, tmp_path: Path) -> None:
    ask = f"import {', '.join(PACKAGES)}\nprint(*(each.__path__[0] for each in ({', '.join(PACKAGES)})), sep='\\n')"
    found = installed.run("python", "-c", ask, cwd=tmp_path).stdout.splitlines()
    assert found == [str(installed.packages / package) for package in PACKAGES]


def test_without_the_extra_the_demo_names_it(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "pygit2.py").write_text("raise ModuleNotFoundError('no pygit2', name='pygit2')\n")
    told = installed.run("callboard", "demo", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert told.returncode == 1
    assert told.stderr == (
        "callboard: the demo needs pygit2, which is not installed.  Install it with: pip install 'callboard[demo]'\n"
    )


def test_in_a_checkout_the_demo_names_make(tmp_path: Path) -> None:
    (tmp_path / "pygit2.py").write_text("raise ModuleNotFoundError('no pygit2', name='pygit2')\n")
    command = [sys.executable, "-m", "bot", "demo"]
    environ = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    told = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert told.stderr == "callboard: the demo needs pygit2, which is not installed.  Run `make demo`\n"


def demo(installed: Installed, folder: Path, port: int) -> AbstractAsyncContextManager[Demo]:
    """Start the installed demo."""
    command = (installed.folder / "bin/callboard",)
    return started(command, folder, port, installed.environ(PYTHONDONTWRITEBYTECODE="1"))


@needs(sys.platform == "linux", LINUX)  # elsewhere a process whose parent was killed lives on
@pytest.mark.timeout(600)  # a minute where nothing else runs; it starts MLflow twice, trains models and serves them
async def test_the_demo_runs_from_an_empty_folder_goes_on_where_it_was_and_leaves_nothing_elsewhere(
    installed: Installed, tmp_path: Path
) -> None:
    before = tree(installed.folder, ".")
    port = free_ports(len(NAMES))[0]
    async with demo(installed, tmp_path, port) as first:
        await first.says("Waiting for the model servers", within=300)
        await until(lambda: len(first.family()) >= 5, "the registry, the bot and some pods")
        assert await first.ended(signal.SIGKILL, first.family()) == -signal.SIGKILL

    keys = json.loads((tmp_path / ".callboard" / "keys.json").read_text())
    async with demo(installed, tmp_path, port) as second:
        await second.says("Press Ctrl-C to stop.", within=300)
        assert "Training" not in second.said
        assert json.loads((tmp_path / ".callboard" / "keys.json").read_text()) == keys
        await shows_a_page(port)
        shown = await state(port)
        assert shown["bot"]["ready"]
        served = sorted((pod["model"], pod["stage"], pod["serves"]) for pod in shown["pods"])
        production = ("iris-classifier", "production", 1)
        small = [("churn", "production", 1), ("demand", "production", 1), *[("fraud", "production", 1)] * 2]
        assert served == [*small, *[production] * 3, ("iris-classifier", "staging", 2)]
        family = second.family()
        programs = [line for line in map(command, family) if "-m" in line]
        assert {line[0] for line in programs} == {str(installed.folder / "bin/python")}
        assert {line[2] for line in programs} >= {
            "bot", "callboard_demo.training", "callboard_model_server", "callboard_demo.inference_server",
        }  # fmt: skip
        async with demo(installed, tmp_path, port) as third:
            await third.says(f"port {port} (the page) is taken", within=60)
            assert await third.process.wait() == 1
        assert await second.ended(signal.SIGINT, family) == 0
    assert {path.partition("/")[0] for path in tree(tmp_path, ".")} == {".callboard"}
    assert tree(installed.folder, ".") == before


async def shows_a_page(port: int) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as page:
        assert (page.status, page.content_type) == (200, "text/html")
        assert "Callboard" in await page.text()


def command(process: psutil.Process) -> list[str]:
    """Return how a process was started; nothing where it has ended by now."""
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []
