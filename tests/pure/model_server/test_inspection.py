"""What is looked at is what will be loaded: one reading of one MLmodel, and one file."""

from pathlib import Path

import pytest

from callboard_model_server import trust
from callboard_model_server.admission import Form
from callboard_model_server.digest import sums
from callboard_model_server.inspection import inspect
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.settings import Demands

ANY = Demands(digest=None, flavors=trust.DATA, types=frozenset(), strict=False)
DATA = """\
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.skops}
  sklearn: {serialization_format: skops}
"""


def model(folder: Path, said: str = DATA) -> Path:
    (folder / "MLmodel").write_text(said)
    (folder / "model.skops").write_bytes(b"what skops wrote")
    return folder


def test_the_file_that_is_admitted_is_the_one_that_was_summed(tmp_path: Path) -> None:
    _, admitted = inspect(model(tmp_path), ANY)
    assert (admitted.flavor, admitted.form, admitted.file) == ("sklearn", Form.SKOPS, "model.skops")
    assert admitted.sha256 == sums(tmp_path)["model.skops"]


def test_a_second_mlmodel_is_refused_unless_code_is_allowed_and_is_never_read(tmp_path: Path) -> None:
    (model(tmp_path) / "inner").mkdir()
    (tmp_path / "inner" / "MLmodel").write_text(DATA.replace("skops}", "cloudpickle}"))
    with pytest.raises(Refusal, match="a second MLmodel") as refused:
        inspect(tmp_path, ANY)
    assert refused.value.code is Exit.NOT_ALLOWED
    named = Demands(digest=None, flavors=trust.DATA | {trust.CODE}, types=frozenset(), strict=False)
    assert inspect(tmp_path, named)[1].form is Form.SKOPS


def test_what_differs_and_is_not_refused_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (model(tmp_path) / "requirements.txt").write_text("no-such-project==1.0\n")
    inspect(tmp_path, ANY)
    (said,) = [record.__dict__["facts"] for record in caplog.records if "MODEL_STRICT" in record.message]
    assert said == {"unmet": ["it requires no-such-project==1.0, but here it is not installed"]}


def test_a_python_version_without_quotes_is_compared_all_the_same(tmp_path: Path) -> None:
    (model(tmp_path) / "python_env.yaml").write_text("python: 2.7\n")
    with pytest.raises(Refusal, match=r"made with Python 2\.7, but this is 3") as refused:
        inspect(tmp_path, ANY)
    assert refused.value.code is Exit.OTHER_IMAGE


@pytest.mark.parametrize("said", ["", "[]", "- flavors", "flavors: {}", "flavors:", "flavors: {sklearn: {}}"])
def test_a_model_that_no_server_can_load_is_said(tmp_path: Path, said: str) -> None:
    with pytest.raises(Refusal, match="no python_function flavor") as refused:
        inspect(model(tmp_path, said), ANY)
    assert refused.value.code is Exit.SOFTWARE
