"""The command line's work on a checkout: check app.yaml's manifests, and edit a pin in place.

It reads and writes local files only.  `bot.rules.pins` finds and edits the pins.
"""

import difflib
import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.config.app_yaml import Config
from bot.domain.errors import Permanent, UserError
from bot.domain.target import Change, Target
from bot.rules import pins
from bot.rules.wording.reasons import plain

WILD = set("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of `check` for one target."""

    target: Target
    text: str
    wrong: bool = False


def check(config: Config, root: Path) -> list[Finding]:
    """Return for every target the place of its pin below `root` and the pinned version, or the mistake.

    The models are those in app.yaml, and those that match its patterns among the folders below `root`.
    """
    named = {rules.pattern for rules in config.rules if not WILD & set(rules.pattern)}
    models = sorted(named | {model for model in _seen(config, root) if config.has(model)})
    return [
        _check(config, root, Target(model=model, stage=stage)) for model in models for stage in config.stages_of(model)
    ]


def templates(config: Config) -> str:
    """Return the path templates of manifests in app.yaml."""
    return " and ".join(dict.fromkeys(rules.manifests or config.manifests for rules in config.rules))


def texts(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests in a folder, without subfolders (or the one file at that path), by path below `root`.

    Raises:
        UserError: one cannot be read.
    """
    at = root / folder
    files = [at] if at.is_file() else sorted(at.glob("*"))
    return {str(file.relative_to(root)): text(file) for file in files if _manifest(file)}


def reachable(root: Path, folder: str) -> dict[str, str]:
    """Return the manifests of a folder and of everything its kustomization includes from this checkout, by path.

    Raises:
        UserError: one cannot be read.
        Permanent: a kustomization is not YAML.
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
    """Return a file's text, with its line endings and byte order mark unchanged.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: is not UTF-8 text") from error


def diff(change: Change) -> Iterator[str]:
    """Yield the lines of a unified diff, without line endings; none if nothing changes."""
    for path, after in change.after.items():
        old, new = (whole.removesuffix("\n").split("\n") for whole in (change.before[path], after))
        name = path.lstrip("/")
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""):
            yield line.rstrip("\r")


def write(change: Change, root: Path = Path()) -> None:
    """Write the changed files byte for byte; their paths are below `root`.

    Raises:
        UserError: one cannot be written.
    """
    for path, after in change.after.items():
        if after != change.before[path]:
            try:
                (root / path).write_bytes(after.encode())
            except OSError as error:
                raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _manifest(file: Path) -> bool:
    return file.is_file() and file.name.endswith(pins.SUFFIXES)


def _seen(config: Config, root: Path) -> Iterator[str]:
    """Yield the models that have a folder or file below `root`, by the templates of app.yaml."""
    for template in {rules.manifests or config.manifests for rules in config.rules}:
        if "{model}" in template:
            for stage in config.stages:
                yield from _filled(root, template.replace("{stage}", stage))


def _filled(root: Path, template: str) -> Iterable[str]:
    form = re.compile(
        "([^/]+)".join(re.escape(part) for part in template.split("{model}", 1)).replace(r"\{model\}", r"\1")
    )
    for place in root.glob(template.replace("{model}", "*")):
        if found := form.fullmatch(place.relative_to(root).as_posix()):
            yield found[1]


def _check(config: Config, root: Path, target: Target) -> Finding:
    try:
        folder = config.folder(target)
        files = texts(root, folder)
        if not files:
            return Finding(target=target, text=f"{folder}: no manifest found", wrong=True)
        return _judge(pins.find(files, target.model), target, alone=folder not in _others(config, target))
    except Permanent as error:
        return Finding(target=target, text=plain(error.reason), wrong=True)
    except UserError as error:
        return Finding(target=target, text=str(error), wrong=True)


def _others(config: Config, target: Target) -> set[str]:
    stages = (stage for stage in config.stages_of(target.model) if stage != target.stage)
    return {config.folder(Target(model=target.model, stage=stage)) for stage in stages}


def _judge(found: pins.Found, target: Target, *, alone: bool) -> Finding:
    """Return what a manifest pins; in a folder for one stage, it must pin that stage."""
    place, pin = f"{found.path}:{found.line}", found.pin
    if alone and pin.stage != target.stage:
        return Finding(target=target, text=f"{place}: pins the stage {pin.stage}, expected {target.stage}", wrong=True)
    version = f"v{pin.version}" if pin.version is not None else "no version yet; the first promotion adds it"
    return Finding(target=target, text=f"{place}: {pin.stage}, {version}")
