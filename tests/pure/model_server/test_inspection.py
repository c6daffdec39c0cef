"""What is looked at is what will be loaded: a second MLmodel below the first would be read in its place."""

from pathlib import Path

import pytest

from callboard_model_server import trust
from callboard_model_server.inspection import inspect
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Demands

ANY = Demands(digest=None, flavors=trust.DATA, types=frozenset(), strict=False)
DATA = """\
flavors:
  python_function: {loader_module: mlflow.sklearn, data: inner/model.skops}
  sklearn: {serialization_format: skops}
"""


def test_a_second_mlmodel_which_mlflow_would_believe_instead_makes_the_model_code(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "MLmodel").write_text(DATA)
    assert inspect(tmp_path, ANY)[1] == "sklearn"
    (tmp_path / "inner" / "MLmodel").write_text(DATA.replace("skops}", "cloudpickle}"))
    with pytest.raises(Refusal, match="a second MLmodel") as refused:
        inspect(tmp_path, ANY)
    assert refused.value.code is Exit.NOT_ALLOWED
    named = Demands(digest=None, flavors=trust.DATA | {trust.CODE}, types=frozenset(), strict=False)
    assert inspect(tmp_path, named)[1] == "sklearn"


@pytest.mark.parametrize("said", ["[" * 500, "a: 2024-99-99", "a: " + "9" * 5000, "a: [", "\xff"])
def test_an_mlmodel_that_cannot_be_read_is_a_refusal(tmp_path: Path, said: str) -> None:
    (tmp_path / "MLmodel").write_bytes(said.encode("latin-1"))
    with pytest.raises(Refusal, match="the model's MLmodel cannot be read") as refused:
        inspect(tmp_path, ANY)
    assert refused.value.code is Exit.SOFTWARE
