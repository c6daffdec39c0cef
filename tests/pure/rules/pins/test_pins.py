"""A pin is written into YAML of many shapes, and not one character more changes."""

import difflib

import pytest

from bot.domain.errors import Permanent
from bot.domain.reason import Name
from bot.domain.reasons.pins import PinOfModel, PinsOfOtherModels
from bot.domain.target import Pin
from bot.rules.pins import edit, find, pin, proof
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.seeing import seen

LIVE = Pin(stage="production", version=7)

BEFORE = """\
# the fraud model
apiVersion: apps/v1
kind: Deployment
metadata: {name: fraud, namespace: models}
spec:
  template:
    spec:
      initContainers:
      - {name: warm, env: [{name: LOG, value: "{{ not ours }}"}]}
      containers:
      - name: server
        env:
          - {name: LOG,  value: info}   # odd spacing, kept
          - name: MODEL_STAGE
            value: Staging
          - name: MODEL_VERSION
            value: '6'  # bumped by the bot
---
kind: Service
"""


def changed(before: str, wanted: Pin = LIVE, model: str | None = None) -> list[str]:
    """Return the lines that an edit takes away and adds, and hold the edit to what every edit must be."""
    change = edit({"a.yaml": before}, wanted, model)
    after = change.after["a.yaml"]
    assert change.before == {"a.yaml": before}
    assert pin(after, model) == wanted
    assert edit({"a.yaml": after}, wanted, model).after["a.yaml"] == after, "editing twice is editing once"
    return [line for line in difflib.ndiff(before.split("\n"), after.split("\n")) if line[0] in "+-"]


def test_only_the_two_values_change() -> None:
    assert changed(BEFORE) == [
        "-             value: Staging",
        "+             value: production",
        "-             value: '6'  # bumped by the bot",
        "+             value: '7'  # bumped by the bot",
    ]


def test_a_pin_that_is_there_already_changes_nothing() -> None:
    assert changed(BEFORE, Pin(stage="Staging", version=6)) == []


def test_the_place_is_found_with_namespace_and_workload() -> None:
    files = {"m/fraud/a.yaml": BEFORE, "m/fraud/README.md": "MODEL_STAGE"}
    found = find(files, "fraud")
    assert (found.path, found.line, found.format) == ("m/fraud/a.yaml", 14, "env")
    assert found.pin == Pin(stage="Staging", version=6)
    assert seen(files, "fraud") == ("models", "fraud")


@pytest.mark.parametrize(
    ("value", "after"),
    [
        pytest.param("'6'", "'7'", id="single-quotes-stay"),
        pytest.param('"6"', '"7"', id="double-quotes-stay"),
        pytest.param("6", '"7"', id="a-number-becomes-a-string-as-env-demands"),
        pytest.param("&v '6'", "&v '7'", id="an-anchor-that-nobody-uses-stays"),
        pytest.param("!!str 6", '!!str "7"', id="a-tag-stays"),
        pytest.param("champion", '"7"', id="an-alias-becomes-a-number"),
    ],
)
def test_the_version_keeps_its_dress(value: str, after: str) -> None:
    text = f"env:\n- name: MODEL_STAGE\n  value: production\n- name: MODEL_VERSION\n  value: {value}\n"
    assert changed(text) == [f"-   value: {value}", f"+   value: {after}"]


@pytest.mark.parametrize("stage", ["on", "y", "No", "null", "true", "1e3", "007", "3"])
def test_a_stage_that_yaml_would_take_for_something_else_is_quoted(stage: str) -> None:
    text = "env: [{name: MODEL_STAGE, value: old}, {name: MODEL_VERSION, value: '7'}]"
    assert f'value: "{stage}"' in changed(text, Pin(stage=stage, version=7))[1]


def test_empty_values_are_filled_in() -> None:
    block = "env:\n- name: MODEL_STAGE\n  value:\n- name: MODEL_VERSION\n  value:   # todo\nimage: x\n"
    assert [line for line in changed(block) if line[0] == "+"] == [
        "+   value: production",
        '+   value: "7"   # todo',
    ]
    flow = "env: [{name: MODEL_STAGE, value: }, {name: MODEL_VERSION, value: }]"
    assert changed(flow)[1] == '+ env: [{name: MODEL_STAGE, value: production}, {name: MODEL_VERSION, value: "7"}]'


@pytest.mark.parametrize(
    ("text", "added"),
    [
        pytest.param(
            "env:\n- name: MODEL_STAGE   # which\n  # really\n  value: 'production'  # c\n\n# next\nimage: x\n",
            ["+ - name: MODEL_VERSION", "+   value: '7'"],
            id="block",
        ),
        pytest.param(
            "env:\n  -   value: production\n      name: MODEL_STAGE",
            ['+   -   value: "7"', "+       name: MODEL_VERSION"],
            id="odd-indent-other-order-no-newline-at-the-end",
        ),
        pytest.param(
            'env:\n- {name: MODEL_STAGE,  value: "production"} # c\n- {name: A, value: b}\n',
            ['+ - {name: MODEL_VERSION,  value: "7"}'],
            id="one-line-mappings",
        ),
        pytest.param(
            "env:\n- name: MODEL_STAGE\n  value: production\n  forceString: true\n  of: [{a: b}]  # c\n",
            ["+ - name: MODEL_VERSION", '+   value: "7"', "+   forceString: true", "+   of: [{a: b}]"],
            id="more-keys",
        ),
        pytest.param(
            "env:\n- {forceString: true, name: MODEL_STAGE, value: production}\n",
            ['+ - {forceString: true, name: MODEL_VERSION, value: "7"}'],
            id="more-keys-on-one-line",
        ),
        pytest.param(
            "env: [\n  {name: MODEL_STAGE, value: production},\n]\n",
            ['+   {name: MODEL_VERSION, value: "7"},'],
            id="flow-over-lines",
        ),
        pytest.param(
            "env: [{name: MODEL_STAGE, value: production}]\n",
            [
                "- env: [{name: MODEL_STAGE, value: production}]",
                '+ env: [{name: MODEL_STAGE, value: production}, {name: MODEL_VERSION, value: "7"}]',
            ],
            id="flow-on-one-line",
        ),
        pytest.param(
            '{\n  "env": [\n    {\n      "name": "MODEL_STAGE",\n      "value": "production"\n    }\n  ]\n}\n',
            ["+     },", "+     {", '+       "name": "MODEL_VERSION",', '+       "value": "7"'],
            id="json",
        ),
        pytest.param(
            "env:\n- name: MODEL_STAGE\n  value: production\nimage: x\n",
            ["+ - name: MODEL_VERSION", '+   value: "7"'],
            id="last-of-the-list",
        ),
        pytest.param(
            "env:\r\n- name: MODEL_STAGE\r\n  value: production\r\nimage: x\r\n",
            ["+ - name: MODEL_VERSION\r", '+   value: "7"\r'],
            id="crlf",
        ),
        pytest.param(
            "\ufeffenv:\n- name: MODEL_STAGE\n  value: production\n",
            ["+ - name: MODEL_VERSION", '+   value: "7"'],
            id="byte-order-mark",
        ),
        pytest.param(
            "kind: ConfigMap\ndata:\n  MODEL_STAGE: production  # c\n  OTHER: é😀\n",
            ['+   MODEL_VERSION: "7"'],
            id="configmap",
        ),
        pytest.param(
            "configMapGenerator:\n- name: m\n  literals:\n  - MODEL_STAGE=production # c\n  - A=b\n",
            ["+   - MODEL_VERSION=7"],
            id="kustomize",
        ),
    ],
)
def test_a_missing_version_is_added_behind_the_stage_in_the_same_dress(text: str, added: list[str]) -> None:
    assert [line for line in changed(text) if line[0] != "?"] == added


def test_the_stage_and_a_missing_version_are_written_at_once() -> None:
    text = "env:\n- name: MODEL_STAGE\n  value: staging\n"
    assert changed(text) == [
        "-   value: staging",
        "+   value: production",
        "+ - name: MODEL_VERSION",
        '+   value: "7"',
    ]


def test_an_empty_stage_is_filled_in_and_a_missing_version_added_behind_it() -> None:
    text = "env:\n- name: MODEL_STAGE\n  value:\nimage: x\n"
    expected = 'env:\n- name: MODEL_STAGE\n  value: production\n- name: MODEL_VERSION\n  value: "7"\nimage: x\n'
    assert edit({"a.yaml": text}, LIVE).after["a.yaml"] == expected


def test_a_bare_number_is_quoted_even_when_it_is_the_right_one() -> None:
    text = "env:\n- {name: MODEL_STAGE, value: production}\n- {name: MODEL_VERSION, value: 7}\n"
    assert changed(text)[1] == '+ - {name: MODEL_VERSION, value: "7"}'


def test_literals_of_a_configmap_generator_are_edited_inside_their_quotes() -> None:
    text = "configMapGenerator:\n- name: m\n  literals:\n  - MODEL_STAGE=staging\n  - 'MODEL_VERSION=\"3\"'\n"
    assert changed(text)[1::2] == ["+   - MODEL_STAGE=production", "+   - 'MODEL_VERSION=\"7\"'"]
    text = "configMapGenerator:\n- name: m\n  literals: [MODEL_STAGE='staging', MODEL_VERSION=\"3\"]\n"
    assert changed(text)[1] == "+   literals: [MODEL_STAGE='production', MODEL_VERSION=\"7\"]"


TWO = """\
kind: Deployment
metadata: {name: iris}
env:
- {name: MODEL_NAME, value: iris}
- {name: MODEL_STAGE, value: staging}
---
kind: Deployment
metadata: {name: churn}
env:
- {name: MODEL_NAME, value: churn}
- {name: MODEL_STAGE, value: staging}
"""


def test_in_a_manifest_of_several_models_the_right_one_is_edited() -> None:
    assert seen({"a.yaml": TWO}, "churn") == (None, "churn")
    after = edit({"a.yaml": TWO}, LIVE, "churn").after["a.yaml"]
    assert after.startswith(TWO[: TWO.index("---")])
    assert pin(after, "iris") == Pin(stage="staging", version=None)
    with pytest.raises(Permanent) as refused:
        find({"a.yaml": TWO}, "fraud")
    others = (
        PinOfModel(file=Name("a.yaml"), line=5, model=Name("iris")),
        PinOfModel(file=Name("a.yaml"), line=11, model=Name("churn")),
    )
    assert refused.value.reason == PinsOfOtherModels(model=Name("fraud"), others=others)
    assert "a.yaml:5 (MODEL_NAME iris); a.yaml:11 (MODEL_NAME churn)" in plain(refused.value.reason)


def test_a_workload_in_a_list_has_its_own_name() -> None:
    item = "- kind: Deployment\n  metadata: {name: yes-this}\n  env:\n  - {name: MODEL_STAGE, value: a}\n"
    text = "kind: List\nmetadata: {name: no}\nitems:\n" + item
    assert seen({"a.yaml": text}) == (None, "yes-this")


def test_a_kustomization_gives_namespace_prefix_and_suffix() -> None:
    files = {
        "m/kustomization.yaml": "namespace: models\nnamePrefix: a-\nnameSuffix: -staging\n",
        "m/release.yaml": "kind: Deployment\nmetadata: {name: iris}\nenv: [{name: MODEL_STAGE, value: staging}]\n",
    }
    assert find(files, "iris").path == "m/release.yaml"
    assert seen(files, "iris") == ("models", "a-iris-staging")


def test_the_workload_of_a_configmap_is_the_one_that_takes_its_environment_from_it() -> None:
    files = {
        "kustomization.yaml": "configMapGenerator:\n- {name: model, literals: [MODEL_STAGE=staging]}\n",
        "d.yaml": "kind: Deployment\nmetadata: {name: iris}\nenvFrom: [{configMapRef: {name: model}}]\n",
    }
    assert find(files).format == "kustomize"
    assert seen(files) == (None, "iris")
    without = {"kustomization.yaml": files["kustomization.yaml"]}
    assert seen(without) == (None, None)


def test_an_environment_that_refers_to_the_configmap_beside_it_is_no_second_place() -> None:
    files = {
        "c.yaml": "kind: ConfigMap\nmetadata: {name: model}\ndata: {MODEL_STAGE: staging}\n",
        "d.yaml": "kind: Deployment\nmetadata: {name: iris}\nenv:\n- name: MODEL_STAGE\n"
        "  valueFrom: {configMapKeyRef: {name: model, key: MODEL_STAGE}}\n",
    }
    assert find(files).path == "c.yaml"
    assert seen(files) == (None, "iris")


@pytest.mark.parametrize(
    ("after", "held"),
    [
        pytest.param("a: new\nb: &x {c: d}\n", True, id="as-told"),
        pytest.param("a: 'new'   # noted\nb: &x\n  c: d\n", True, id="in-another-dress"),
        pytest.param("a: old\nb: &x {c: d}\n", False, id="not-as-told"),
        pytest.param("a: new\nb: &x {c: e}\n", False, id="another-value-too"),
        pytest.param("a: new\nb: &x {e: d}\n", False, id="another-key-too"),
        pytest.param("a: new\nb: {c: d}\n", False, id="an-anchor-is-gone"),
        pytest.param("a: new\nb: &x !t {c: d}\n", False, id="a-tag-has-come"),
        pytest.param("a: new\nb: &x {c: d}\ne: f\n", False, id="something-has-come"),
        pytest.param("a: new\n", False, id="something-is-gone"),
        pytest.param("a: new\nb: &x [c, d]\n", False, id="another-shape"),
        pytest.param("a: new\n b: {\n", False, id="no-yaml"),
    ],
)
def test_the_proof_sees_whatever_else_changed(after: str, *, held: bool) -> None:
    assert proof.holds("a: old\nb: &x {c: d}\n", after, {(3, 6): "new"}, []) is held


@pytest.mark.parametrize(
    ("after", "held"),
    [
        ("[a, [n, v], b]", True),
        ("[a, b, [n, v]]", True),
        ("[a, [n, w], b]", False),
        ("[a, [n, v], c]", False),
        ("[n, a, v, b]", False),
        ("[a, b]", False),
        ("[a, [n, v, v], b]", False),
    ],
)
def test_the_proof_takes_one_more_entry_and_no_other(after: str, *, held: bool) -> None:
    assert proof.holds("[a, b]", after, {}, ["n", "v"]) is held
