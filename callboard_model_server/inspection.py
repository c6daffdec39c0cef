"""Inspect a downloaded model: its files, its flavor, its requirements.  None of its code is imported or run here."""

import platform
from importlib import metadata
from pathlib import Path

from callboard_model_server import mlmodel, requirements
from callboard_model_server.admission import Admitted, admit
from callboard_model_server.digest import Sums, digest, same, sums
from callboard_model_server.logs import say, warn
from callboard_model_server.mlmodel import MLmodel
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Demands


def inspect(path: Path, demands: Demands) -> tuple[str, Admitted]:
    """Return the digest of the model's files and what to load; none of its code is imported or run.

    Raises:
        Refusal: another digest (65), not allowed (79), not made for this image (78), or unreadable (70).
    """
    files = sums(path)
    whole = digest(files)
    if demands.digest not in {None, whole}:
        because = f"the digest of the model's files is {whole}, but MODEL_DIGEST is {demands.digest}"
        raise Refusal(
            Exit.OTHER_FILES,
            f"{because}: the files have changed in the registry, or the pinned digest is that of another version",
        )
    model = mlmodel.read(_content(path, mlmodel.NAME, files))
    admitted = admit(model, files, allowed=demands.flavors, types=demands.types)
    _compare(path, files, admitted.flavor, model, strict=demands.strict)
    return whole, admitted


def _compare(path: Path, files: Sums, flavor: str, model: MLmodel, *, strict: bool) -> None:
    lines = _content(path, "requirements.txt", files).decode(errors="replace").splitlines()
    python = mlmodel.mapping(_content(path, "python_env.yaml", files), "python_env.yaml").get("python")
    was = requirements.made(flavor, model.flavors, python, lines)
    unmet = requirements.unmet(was, python=platform.python_version(), installed=_installed, strict=strict)
    if unmet:
        todo = "serve it from an image with the versions it was made with, or train it with the versions here"
        raise Refusal(Exit.OTHER_IMAGE, f"{'; '.join(unmet)}: {todo}")
    if differing := requirements.unmet(was, python=platform.python_version(), installed=_installed, strict=True):
        warn("some of the model's requirements are not met; MODEL_STRICT would refuse it", unmet=differing)
    if unsaid := requirements.unsaid(was):
        say("the model does not record what it was made with, so it was not compared", unsaid=unsaid)


def _content(path: Path, name: str, files: Sums) -> bytes:
    """Return the content of a model's file, as hashed; empty if it does not exist.

    At most one byte more than the limit for YAML is read.
    """
    if name not in files:
        return b""
    with same(path / name, files[name]) as file:
        return file.read(mlmodel.MAX_FILE + 1)


def _installed(project: str) -> str | None:
    try:
        return metadata.version(project)
    except metadata.PackageNotFoundError:
        return None
