"""The files beside a model are read as far as they can be understood, and never raise an exception."""

import json
from dataclasses import replace
from time import process_time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bot.clients.mlflow.mlmodel import WIDEST, MLmodel, read, requirements
from callboard_model_server import trust
from tests.pure.model_server import test_trust

COLUMNS = [
    {"type": "long", "name": "age", "required": True},
    {"type": "double", "name": "income", "required": False},
    {"type": "string", "name": "country"},
]


def mlmodel(inputs: object = None, outputs: object = None, **more: object) -> str:
    return yaml.safe_dump({"signature": {"inputs": inputs, "outputs": outputs, "params": None}} | more)


def test_columns_are_read_with_their_type_and_whether_they_are_required() -> None:
    assert read(mlmodel(json.dumps(COLUMNS), model_size_bytes=1520)) == MLmodel(
        inputs=(("age", "long", True), ("income", "double", False), ("country", "string", True)), size=1520
    )


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ({"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}, "tensor(float64, [-1, 4])"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "double"}}}, "array(array(double))"),
        ({"type": "map", "values": {"type": "string"}}, "map(string)"),
        (
            {"type": "object", "properties": {"b": {"type": "long", "required": False}, "a": {"type": "string"}}},
            "object(a: string, b?: long)",
        ),
        ({"type": "any"}, "any"),
        ({}, "unknown"),
        ({"type": "array"}, "array(unknown)"),
    ],
)
def test_every_type_is_one_expression(column: dict[str, object], kind: str) -> None:
    assert read(mlmodel(json.dumps([column]))).inputs == (("0", kind, True),)


@pytest.mark.parametrize("inputs", [None, "", "null", "{", "3", '["age"]', 3, [{"type": "long"}]])
def test_a_signature_that_cannot_be_understood_is_none(inputs: object) -> None:
    assert read(mlmodel(inputs)).inputs is None


@pytest.mark.parametrize("text", ["", "[]", "signature: 3", "!!python/object:os.system {}", "flavors: {}"])
def test_a_file_that_says_nothing_of_a_model_says_nothing(text: str) -> None:
    assert read(text) == MLmodel()


@pytest.mark.parametrize("text", ["a: b: c", "\t", "a: [", "[" * 5000])
def test_what_a_file_means_that_cannot_be_read_nobody_can_say(text: str) -> None:
    assert read(text) == MLmodel(runs_code=("an MLmodel that cannot be read",))


MODELS = {name: model for name, model in vars(test_trust).items() if name.isupper() and isinstance(model, dict)}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_code_is_told_in_the_words_that_the_model_server_wants_to_be_allowed(name: str) -> None:
    told = read(yaml.safe_dump({"flavors": MODELS[name]})).runs_code
    wanted = tuple(sorted(trust.needed(MODELS[name]) - trust.DATA))
    assert told == tuple(word.replace("['skops']", "…") for word in wanted)


def test_a_model_that_no_model_server_can_load_may_be_code_too() -> None:
    assert read("flavors: {sklearn: {serialization_format: pickle}}").runs_code == ("python_function",)


KEYS = st.sampled_from(("signature", "inputs", "outputs", "model_size_bytes", "type", "name")) | st.text(max_size=5)
SCALARS = st.none() | st.integers() | st.text(max_size=10)
TREES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=12)


@given(st.text() | TREES.map(json.dumps))
@example(text="a: 2024-99-99")
@example(text="a: 9999-12-31 23:59:59 -23:00")
@example(text="a: " + "9" * 5000)
@example(text="[" * 5000)
@example(text="a: " + "{a: " * 400 + "1" + "}" * 400)
def test_no_file_raises(text: str) -> None:
    read(text)
    read(mlmodel(text))
    requirements(text)


@pytest.mark.parametrize(("deep", "understood"), [(100, {True}), (900, {True, False}), (10_000, {False})])
def test_a_signature_of_any_depth_is_read_or_left_out(deep: int, understood: set[bool]) -> None:
    kind = '{"type": "array", "items": ' * deep + '{"type": "long"}' + "}" * deep
    assert (read(mlmodel("[" + kind + "]")).inputs is not None) in understood


def test_requirements_are_the_lines_that_say_something() -> None:
    text = "# made by mlflow\nmlflow==3.17.2\r\n\n  scikit-learn==1.9.1 # pinned\n--extra-index-url https://x\n"
    assert requirements(text) == ("mlflow==3.17.2", "scikit-learn==1.9.1", "--extra-index-url https://x")


@pytest.mark.parametrize(
    "said",
    [
        "a: " + "1:" * 750_000 + "1", "a: 1e" + "9" * 1_000_000, "a: &a [*a]", "- " * 700_000, "a: {<<: {b: 1}}",
        "signature: {inputs: " + "1:" * 100 + "1}", "model_size_bytes: 1:30", "model_size_bytes: " + "9" * 100,
    ],
)  # fmt: skip
def test_a_file_that_anybody_may_have_registered_is_read_in_a_moment(said: str) -> None:
    """A number of base 60 in a file of 1.5 MB, as YAML 1.1 has them, took hours."""
    start = process_time()
    assert replace(read(said), runs_code=()) == MLmodel()
    assert process_time() - start < 2


def test_a_signature_with_very_many_columns_is_none() -> None:
    assert read(mlmodel("[" + "{}," * WIDEST + "{}]")).inputs is None


def test_of_very_long_requirements_the_first_are_read() -> None:
    assert 0 < len(requirements("numpy\n" * 1_000_000)) < 100_000
