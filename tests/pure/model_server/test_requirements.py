"""A model is served only where Python and its library are those that it was made with, in the minor version."""

from dataclasses import replace

import pytest

from callboard_model_server.requirements import Made, made, unmet, unsaid

HERE = {"scikit-learn": "1.9.1", "numpy": "2.4.6", "mlflow-skinny": "3.17.2"}
SAME = Made(python="3.11.2", project="scikit-learn", version="1.9.0", requirements=())
FLAVORS = {"python_function": {"python_version": "3.11.7"}, "sklearn": {"sklearn_version": "1.9.1"}}


def differs(was: Made, *, strict: bool = False) -> list[str]:
    return unmet(was, python="3.11.7", installed=HERE.get, strict=strict)


def test_another_patch_is_the_same() -> None:
    assert differs(SAME) == []


@pytest.mark.parametrize("python", ["3.12.0", "3.1", "2.7", "four"])
def test_another_minor_of_python_is_another(python: str) -> None:
    assert differs(replace(SAME, python=python)) == [f"the model was made with Python {python}, but this is 3.11.7"]


@pytest.mark.parametrize("version", ["1.8.9", "1.10", "2.9.1"])
def test_another_minor_of_its_library_is_another(version: str) -> None:
    assert differs(replace(SAME, version=version)) == [
        f"it was made with scikit-learn {version}, but here it is 1.9.1",
    ]


def test_a_library_that_is_not_here_is_missed() -> None:
    assert differs(replace(SAME, project="xgboost", version="3.0")) == [
        "it was made with xgboost 3.0, but here it is not installed"
    ]


LINES = ("numpy==2.4.6", "mlflow==3.17.2", 'torch==2.0; python_version < "3"', "scikit-learn>=1.5")


def test_strictly_every_requirement_counts_with_its_markers_and_skinny_is_mlflow() -> None:
    assert differs(replace(SAME, requirements=LINES), strict=True) == []
    more = (*LINES, "pandas==3.0", "numpy<2", "git+https://example.com/x", "-r other.txt")
    assert differs(replace(SAME, requirements=more)) == []
    assert differs(replace(SAME, requirements=more), strict=True) == [
        "it requires pandas==3.0, but here it is not installed",
        "it requires numpy<2, but here it is 2.4.6",
        "'git+https://example.com/x' in its requirements.txt cannot be compared with the installed packages",
        "'-r other.txt' in its requirements.txt cannot be compared with the installed packages",
    ]


def test_what_it_was_made_with_is_read_from_the_pins_first_then_from_its_flavor() -> None:
    pinned = made("sklearn", FLAVORS, None, ["# made by hand", "Scikit_Learn==1.8.0  # old", "", "numpy==2.4.6"])
    assert pinned == Made(
        python="3.11.7", project="scikit-learn", version="1.8.0", requirements=("Scikit_Learn==1.8.0", "numpy==2.4.6")
    )
    assert made("sklearn", FLAVORS, None, ["scikit-learn>=1"]).version == "1.9.1"


def test_a_custom_model_has_no_library_and_what_is_not_said_is_named() -> None:
    custom = made("python_function", {"python_function": {}}, "3.11.1", [])
    assert (custom.python, custom.project) == ("3.11.1", None)
    assert unsaid(custom) == []
    assert unsaid(made("sklearn", {"python_function": {}, "sklearn": {}}, None, [])) == ["Python", "scikit-learn"]
