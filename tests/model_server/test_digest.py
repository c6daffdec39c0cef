"""The digest of a model is one that anybody can repeat with the tools of every Linux."""

import subprocess
from pathlib import Path

import pytest

from callboard_model_server import digest as module
from callboard_model_server.digest import same, sums
from callboard_model_server.refusals import Exit, Refusal


def digest(folder: Path) -> str:
    return module.digest(sums(folder))


def model(folder: Path) -> Path:
    for name in ("MLmodel", "model.skops", "code/a.py", "code.d/b", "-n", "a b\nc\\", "ä", "Z", "empty"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 1000)
    return folder


def test_the_command_in_its_own_words_gives_the_same(tmp_path: Path) -> None:
    (model(tmp_path) / "registered_model_meta").write_text("model_name: iris")
    (tmp_path / "code" / "registered_model_meta").write_text("this one is the model's")
    command = next(line for line in (module.__doc__ or "").splitlines() if "sha256sum" in line)
    said = subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert digest(tmp_path) == f"sha256:{said.stdout.split()[0]}"


def test_every_name_and_every_byte_counts_and_nothing_else(tmp_path: Path) -> None:
    before = digest(model(tmp_path))
    (tmp_path / "registered_model_meta").write_text("model_name: another")
    (tmp_path / "MLmodel").touch()
    assert digest(tmp_path) == before
    (tmp_path / "empty").rename(tmp_path / "void")
    renamed = digest(tmp_path)
    (tmp_path / "void").write_text("x")
    assert len({before, renamed, digest(tmp_path)}) == 3


def test_a_link_is_no_file_that_can_be_vouched_for(tmp_path: Path) -> None:
    (model(tmp_path) / "weights").symlink_to("/etc/hostname")
    with pytest.raises(Refusal, match="'weights', which is neither a file nor a folder"):
        digest(tmp_path)


def test_a_file_is_read_only_as_long_as_it_is_what_was_summed(tmp_path: Path) -> None:
    of = sums(model(tmp_path))
    with same(tmp_path / "MLmodel", of["MLmodel"]) as file:
        assert file.read() == b"MLmodel" * 1000
    (tmp_path / "MLmodel").write_text("another")
    with pytest.raises(Refusal, match="'MLmodel' changed") as refused, same(tmp_path / "MLmodel", of["MLmodel"]):
        pass
    assert refused.value.code is Exit.OTHER_FILES
