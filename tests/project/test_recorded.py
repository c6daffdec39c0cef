"""Published data are tested with where the environment names them, and never left out in silence."""

from pathlib import Path

import pytest

from tests.recorded import DATA, PUBLISHED, folders


def test_without_the_variable_our_own_data_are_all_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUBLISHED, raising=False)
    assert folders("health") == {"own": DATA / "health"}


def test_the_variable_adds_the_published_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "health" / "argo").mkdir(parents=True)
    (tmp_path / "health" / "argo" / "pod.yaml").touch()
    monkeypatch.setenv(PUBLISHED, str(tmp_path))
    assert folders("health") == {"own": DATA / "health", "published": tmp_path / "health"}


def test_published_data_that_are_missing_or_empty_are_a_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "health").mkdir()
    for named in (str(tmp_path), str(tmp_path / "nowhere"), ""):
        monkeypatch.setenv(PUBLISHED, named)
        with pytest.raises(FileNotFoundError, match=PUBLISHED):
            folders("health")
