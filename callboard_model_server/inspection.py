"""What a downloaded model is: its files, its flavor, what it was made with.  Nothing of it is imported or run here."""

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from callboard_model_server import requirements, trust
from callboard_model_server.digest import digest
from callboard_model_server.logs import say
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Demands


def inspect(path: Path, demands: Demands) -> tuple[str, str]:
    """Return the digest of the model's files and its flavor; nothing of it is imported or run.

    Raises:
        Refusal: it is not what it must be (65), not allowed (79), or not made for this image (78).
    """
    whole = digest(path)
    if demands.digest not in {None, whole}:
        because = f"the model's files are {whole}, and MODEL_DIGEST is {demands.digest}"
        raise Refusal(
            Exit.OTHER_FILES, f"{because}: they changed in the registry since, or the pin is another version's"
        )
    flavors = _yaml(path / "MLmodel").get("flavors")
    flavors = flavors if isinstance(flavors, Mapping) else {}
    _one(path, demands)
    trust.judge(flavors, allowed=demands.flavors, types=demands.types)
    _compare(path, flavors, strict=demands.strict)
    return whole, trust.flavor(flavors)


def _one(path: Path, demands: Demands) -> None:
    """Refuse a second MLmodel: MLflow's loaders believe the one beside the file that `data` leads them to."""
    second = next((found for found in sorted(path.rglob("MLmodel")) if found.parent != path), None)
    if second is not None and trust.CODE not in demands.flavors:
        because = f"the model holds a second MLmodel ({second.relative_to(path)}), which could say anything"
        raise Refusal(Exit.NOT_ALLOWED, f"{because}: log it without, or name {trust.CODE} in MODEL_FLAVORS")


def _compare(path: Path, flavors: Mapping[str, Any], *, strict: bool) -> None:
    listed = path / "requirements.txt"
    lines = listed.read_text(errors="replace").splitlines() if listed.is_file() else []
    python = _yaml(path / "python_env.yaml").get("python")
    was = requirements.made(trust.flavor(flavors), flavors, python, lines)
    unmet = requirements.unmet(was, python=platform.python_version(), installed=_installed, strict=strict)
    if unmet:
        todo = "serve it from an image that has what it was made with, or train it with what is here"
        raise Refusal(Exit.OTHER_IMAGE, f"{'; '.join(unmet)}: {todo}")
    if unsaid := requirements.unsaid(was):
        say("the model does not say what it was made with, so it was not compared", unsaid=unsaid)


def _installed(project: str) -> str | None:
    try:
        return metadata.version(project)
    except metadata.PackageNotFoundError:
        return None


def _yaml(path: Path) -> Mapping[str, Any]:
    """Return what a file says, or nothing where there is none, or none that can be read."""
    try:
        said = yaml.safe_load(path.read_text()) if path.is_file() else None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:  # a date that is none is a ValueError
        raise Refusal(Exit.SOFTWARE, f"the model's {path.name} cannot be read: {error}") from error
    return said if isinstance(said, Mapping) else {}
