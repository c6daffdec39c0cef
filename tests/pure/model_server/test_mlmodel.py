"""An MLmodel that cannot be read, or that two parsers would read differently, is refused."""

import pytest
import yaml

from callboard_model_server import mlmodel
from callboard_model_server.refusals import Exit, Refusal

FLAVORS = "flavors: {python_function: {loader_module: mlflow.sklearn}}\n"


@pytest.mark.parametrize(
    "said",
    [
        "[" * 1500,
        "a: 2024-99-99",
        "a: " + "9" * 5000,
        "a: [",
        "a: !!timestamp x",
        "a: !!bool x",
        "a: !!int ''",
        "a: !!python/object/apply:os.system [id]",
        "? [a]\n: b",
        "a: 1\n---\na: 2",
        "a: \x00",
        "a: *b",
    ],
)
def test_what_cannot_be_read_is_a_refusal(said: str) -> None:
    with pytest.raises(Refusal, match="the model's MLmodel cannot be read") as refused:
        mlmodel.read(said.encode())
    assert refused.value.code is Exit.SOFTWARE


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (FLAVORS + FLAVORS.replace("sklearn", "pyfunc.model"), "a duplicate key"),
        ("flavors: {python_function: {data: a, data: b}}", "a duplicate key"),
        ("a: &a {data: x}\nflavors: {python_function: {<<: *a, data: y}}", "merges keys"),
        ("flavors: # \u2028  python_function: {}", "line separator"),
        ("flavors: # \x85  python_function: {}", "line separator"),
        ("\ufeff" + FLAVORS, "byte order mark"),
        ("a: " + "1:" * 100_000 + "1", "a number that is too long"),
        ("a: " + "1:" * 100_000 + "1.5", "a number that is too long"),
        ("flavors: [python_function]", "flavors are not a mapping of names to settings"),
        ("flavors: {python_function: }", "flavors are not a mapping of names to settings"),
        ("flavors: {python_function: {1: x}}", "flavors are not a mapping of names to settings"),
        (FLAVORS + "signature: x", "its signature"),
        (FLAVORS + "# " + "x" * mlmodel.MAX_FILE, "more than 8388608 bytes"),
    ],
)
def test_what_could_be_read_in_two_ways_or_would_take_for_ever_is_a_refusal(said: str, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refused:
        mlmodel.read(said.encode())
    assert refused.value.code is Exit.SOFTWARE


def test_another_encoding_is_none() -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        mlmodel.read(FLAVORS.encode("utf-16"))


def test_what_mlflow_writes_is_read_even_where_it_writes_an_anchor() -> None:
    shared = {"a": ["ä\u2028", 1.5, None]}
    said = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn"}}, "metadata": {"x": shared, "y": shared}}
    written = yaml.safe_dump(said | {"signature": {"inputs": "[]"}})
    assert "*id001" in written
    read = mlmodel.read(written.encode())
    assert (read.flavors, read.signature) == (said["flavors"], {"inputs": "[]"})
