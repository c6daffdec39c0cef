"""What the command line does without any outside system: check app.yaml's manifests, and edit a pin in place.

It reads and writes files of this machine.  `bot.rules.pins` says what a manifest holds and how it
is edited.
"""

import difflib
import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.config.app_yaml import App
from bot.domain.errors import Misunderstood, Permanent
from bot.domain.target import Change, Pair
from bot.rules import pins

WILD = set("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What `check` says of one pair."""

    pair: Pair
    says: str
    wrong: bool = False


def check(app: App, root: Path) -> list[Finding]:
    """Return for every pair where its pin stands below `root` and what it says, or the mistake.

    The models are those that app.yaml names, and those that its patterns match among the folders below `root`.
    """
    named = {rules.pattern for rules in app.rules if not WILD & set(rules.pattern)}
    models = sorted(named | {model for model in _seen(app, root) if app.has(model)})
    return [_look(app, root, Pair(model=model, stage=stage)) for model in models for stage in app.stages_of(model)]


def sought(app: App) -> str:
    """Return where app.yaml says that manifests are."""
    return " and ".join(dict.fromkeys(rules.manifests or app.manifests for rules in app.rules))


def texts(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests directly in a folder (or the one file of that path), by their paths below `root`.

    Raises:
        Permanent: one cannot be read.
    """
    at = root / folder
    files = [at] if at.is_file() else sorted(at.glob("*"))
    return {str(file.relative_to(root)): text(file) for file in files if _manifest(file)}


def reachable(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests of a folder and of all that its kustomization takes in from this checkout, by their paths.

    Raises:
        Permanent: one cannot be read, or a kustomization is not YAML.
    """
    found, waiting = dict[str, str](), [folder]
    while waiting:
        new = {path: text for path, text in texts(root, waiting.pop()).items() if path not in found}
        found |= new
        for path, text in new.items():
            if path.endswith(pins.KUSTOMIZATIONS):
                beside = (os.path.normpath(PurePosixPath(path).parent / each) for each in pins.taken_in(text, path))
                waiting += [at for at in beside if not at.startswith(("..", "/")) and (root / at).exists()]
    return found


def text(file: Path) -> str:
    """Return a file's text with its line ends and byte order mark as they are.

    Raises:
        Permanent: it cannot be read, or is no UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise Permanent(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Permanent(f"{file}: is not UTF-8 text") from error


def diff(change: Change) -> Iterator[str]:
    """Yield the lines of a unified diff, without line ends; none where nothing changes."""
    for path, after in change.after.items():
        old, new = (whole.removesuffix("\n").split("\n") for whole in (change.before[path], after))
        name = path.lstrip("/")
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""):
            yield line.rstrip("\r")


def write(change: Change, root: Path = Path()) -> None:
    """Write the files that differ, to the byte; their paths are below `root`.

    Raises:
        Misunderstood: one cannot be written.
    """
    for path, after in change.after.items():
        if after != change.before[path]:
            try:
                (root / path).write_bytes(after.encode())
            except OSError as error:
                raise Misunderstood(f"{path}: cannot be written: {error.strerror}") from error


def _manifest(file: Path) -> bool:
    return file.is_file() and file.name.endswith(pins.SUFFIXES)


def _seen(app: App, root: Path) -> Iterator[str]:
    """Yield the models that have a place below `root`, by the templates of app.yaml."""
    for template in {rules.manifests or app.manifests for rules in app.rules}:
        if "{model}" in template:
            for stage in app.stages:
                yield from _filled(root, template.replace("{stage}", stage))


def _filled(root: Path, template: str) -> Iterable[str]:
    form = re.compile(
        "([^/]+)".join(re.escape(part) for part in template.split("{model}", 1)).replace(r"\{model\}", r"\1")
    )
    for place in root.glob(template.replace("{model}", "*")):
        if found := form.fullmatch(place.relative_to(root).as_posix()):
            yield found[1]


def _look(app: App, root: Path, pair: Pair) -> Finding:
    try:
        folder = app.folder(pair)
        files = texts(root, folder)
        if not files:
            return Finding(pair=pair, says=f"{folder}: no manifest there", wrong=True)
        return _judge(pins.find(files, pair.model), pair, alone=folder not in _others(app, pair))
    except Permanent as error:
        return Finding(pair=pair, says=str(error), wrong=True)


def _others(app: App, pair: Pair) -> set[str]:
    stages = (stage for stage in app.stages_of(pair.model) if stage != pair.stage)
    return {app.folder(Pair(model=pair.model, stage=stage)) for stage in stages}


def _judge(found: pins.Found, pair: Pair, *, alone: bool) -> Finding:
    """Say what a manifest pins; in a folder of its own it must pin the stage of that folder."""
    place, pin = f"{found.path}:{found.line}", found.pin
    if alone and pin.stage != pair.stage:
        return Finding(pair=pair, says=f"{place}: pins the stage {pin.stage}, expected {pair.stage}", wrong=True)
    version = f"v{pin.version}" if pin.version is not None else "no version yet; the first promotion adds it"
    return Finding(pair=pair, says=f"{place}: {pin.stage}, {version}")
