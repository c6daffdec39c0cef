"""docs/serving.md lists every way in which the model server ends, and every variable that it reads."""

import re
from pathlib import Path

from callboard_model_server import settings
from callboard_model_server.refusals import Exit
from tests.paths import ROOT

TEXT = (ROOT / "docs" / "serving.md").read_text()


def test_every_exit_code_is_listed_with_what_to_do() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.*?) ?\|$", TEXT, re.MULTILINE)
    assert [int(code) for code, *_ in rows] == [0, *sorted(Exit)]
    assert all(what and (code == "0" or todo) for code, what, todo in rows)


def test_every_variable_is_listed() -> None:
    read = set(re.findall(r'"(MODEL_[A-Z_]+|PORT|MLFLOW_[A-Z_]+)"', Path(settings.__file__).read_text()))
    named = set(re.findall(r"`(_?[A-Z_]{4,})`", TEXT))
    assert {"MODEL_NAME", "MODEL_DIGEST", "MODEL_TIMEOUT"} <= read
    assert read - named - {f"MLFLOW_TRACKING{name}" for name in named} == set()
