"""A manifest that cannot be edited safely is refused: with the file, the line and the way out."""

import pytest

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import (
    FilledIn,
    InInlinePatch,
    KeyTwice,
    LayoutNotEditable,
    ManifestHasTabs,
    ManifestIsTemplate,
    ManifestNotYaml,
    ManifestTooLarge,
    NoManifest,
    NoPlainValue,
    NotALiteral,
    NotAString,
    NotEditable,
    OnSeveralLines,
    PinMentionedOnly,
    PinStageInvalid,
    PinWithoutVersion,
    SeveralPins,
    UsedByAlias,
    ValueFrom,
    ValueIsBlock,
)
from bot.domain.target import Pin
from bot.rules.pins import FORMATS, edit, find
from bot.rules.wording.reasons import plain

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

STAGE = "- {name: MODEL_STAGE, value: staging}\n"
VERSION = "- {name: MODEL_VERSION, value: '6'}\n"


def unsafe(line: int, why: Reason) -> NotEditable:
    return NotEditable(file=Name("a.yaml"), line=line, why=why)


def not_yaml(line: int, problem: str) -> ManifestNotYaml:
    return ManifestNotYaml(file=Name("a.yaml"), line=line, problem=Said(problem))


def several(*lines: int) -> SeveralPins:
    return SeveralPins(places=tuple(Name(f"a.yaml:{line}") for line in lines))


def mentioned(line: int) -> PinMentionedOnly:
    return PinMentionedOnly(file=Name("a.yaml"), line=line, expected=tuple(form.place for form in FORMATS))


STAGE_NAME, VERSION_NAME = Name("MODEL_STAGE"), Name("MODEL_VERSION")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("kind: Deployment\n", NoManifest(files=(Name("a.yaml"),)), id="missing"),
        pytest.param(BEFORE + "---\n" + BEFORE, several(14, 34), id="twice"),
        pytest.param("env:\n" + STAGE + STAGE, several(2, 3), id="twice-in-one-env"),
        pytest.param(
            "a: {env: [" + STAGE[2:-1] + "]}\nb: {env: [" + STAGE[2:-1] + "]}", several(1, 2), id="two-containers"
        ),
        pytest.param(
            "env:\n" + STAGE + VERSION + VERSION,
            unsafe(2, OnSeveralLines(name=VERSION_NAME, lines=(3, 4))),
            id="two-versions",
        ),
        pytest.param(
            "# MODEL_STAGE\n{{- if x }}\n",
            ManifestIsTemplate(file=Name("a.yaml"), line=2),
            id="a-template-that-is-not-yaml",
        ),
        pytest.param(
            "env:\n- {name: MODEL_STAGE, value: {{ x }} }\n", unsafe(2, NoPlainValue(name=STAGE_NAME)), id="template"
        ),
        pytest.param(
            "env:\n- {name: MODEL_STAGE, value: '{{ x }}'}\n", unsafe(2, FilledIn(value=Said("{{ x }}"))), id="quoted"
        ),
        pytest.param(
            "env:\n- {name: MODEL_STAGE, value: '${x}'}\n", unsafe(2, FilledIn(value=Said("${x}"))), id="substitution"
        ),
        pytest.param("env:\n- name: MODEL_STAGE\n\tvalue: x\n", ManifestHasTabs(file=Name("a.yaml"), line=3), id="tab"),
        pytest.param(
            "env:\n" + STAGE + "- {name: MODEL_VERSION, value: &v '6'}\nx: *v\n", unsafe(3, UsedByAlias()), id="anchor"
        ),
        pytest.param(
            "x: &v '6'\nenv:\n" + STAGE + "- {name: MODEL_VERSION, value: *v }\n", unsafe(1, UsedByAlias()), id="alias"
        ),
        pytest.param("a: {env: &e [" + STAGE[2:-1] + "]}\nb: {env: *e }\n", unsafe(1, UsedByAlias()), id="shared-env"),
        pytest.param("a: &a\n  env:\n  " + STAGE + "b:\n  <<: *a\n", unsafe(1, UsedByAlias()), id="merged"),
        pytest.param("env:\n" + STAGE + "env:\n- {name: A}\n", unsafe(3, KeyTwice(key=Name("env"))), id="duplicate"),
        pytest.param(
            "env:\n- {name: MODEL_STAGE, value: a, value: b}\n",
            unsafe(2, KeyTwice(key=Name("value"))),
            id="duplicate-2",
        ),
        pytest.param("env:\n- name: MODEL_STAGE\n  value: |-\n    a\n", unsafe(3, ValueIsBlock()), id="block-scalar"),
        pytest.param("env:\n- name: MODEL_STAGE\n", unsafe(2, NoPlainValue(name=STAGE_NAME)), id="no-value"),
        pytest.param("env:\n- name: MODEL_STAGE\n  valueFrom: {}\n", unsafe(2, ValueFrom(name=STAGE_NAME)), id="from"),
        pytest.param(
            "env:\n" + STAGE + "- {name: MODEL_VERSION, valueFrom: {}}\n",
            unsafe(2, ValueFrom(name=VERSION_NAME)),
            id="from-2",
        ),
        pytest.param(
            "env:\n" + STAGE + "- {name: MODEL_DIGEST, valueFrom: {}}\n",
            unsafe(2, ValueFrom(name=Name("MODEL_DIGEST"))),
            id="from-3",
        ),
        pytest.param(
            "configMapGenerator:\n- literals:\n  - MODEL_STAGE=staging\n  - MODEL_VERSION: 6\n",
            unsafe(3, NotALiteral(name=VERSION_NAME)),
            id="literal-with-a-colon",
        ),
        pytest.param(
            "kind: ConfigMap\ndata:\n  MODEL_STAGE: staging\n  MODEL_VERSION: {a: b}\n",
            unsafe(3, NotAString(name=VERSION_NAME)),
            id="a-key-with-a-mapping",
        ),
        pytest.param("patches:\n- patch: |-\n    - name: MODEL_STAGE\n", unsafe(2, InInlinePatch()), id="inline"),
        pytest.param("a: 1\nenv: {MODEL_STAGE: x}\n", mentioned(2), id="helm-values"),
        pytest.param(
            "a: \x07MODEL_STAGE",
            not_yaml(1, "unacceptable character #x0007: control characters are not allowed"),
            id="control-character",
        ),
        pytest.param(
            "a: \ud800MODEL_STAGE",
            not_yaml(1, "'utf-8' codec can't encode character '\\ud800' in position 3: surrogates not allowed"),
            id="surrogate",
        ),
        pytest.param("a: " + "[" * 5000 + "MODEL_STAGE", not_yaml(1, "exceeded maximum nesting depth"), id="too-deep"),
        pytest.param(
            "a: MODEL_STAGE\n" + "- a\n" * 70_000, ManifestTooLarge(file=Name("a.yaml"), kib=256), id="too-large"
        ),
        pytest.param("env:\n- {name: MODEL_STAGE, value: a,b}\n", unsafe(2, LayoutNotEditable()), id="a-third-key"),
        pytest.param("&a [*a, MODEL_STAGE]", mentioned(1), id="a-tree-without-end"),
    ],
)
def test_a_manifest_that_leaves_a_doubt_is_refused(text: str, why: Reason) -> None:
    with pytest.raises(Permanent) as refused:
        edit({"a.yaml": text}, LIVE)
    assert refused.value.reason == why


def test_a_refusal_names_the_file_the_line_and_the_way_out() -> None:
    def said(text: str) -> str:
        with pytest.raises(Permanent) as refused:
            edit({"a.yaml": text}, LIVE)
        return plain(refused.value.reason)

    assert said("env:\n" + STAGE + VERSION + VERSION) == (
        "a.yaml:2: MODEL_VERSION is set several times, on lines 3, 4; leave one"
    )
    assert said("a: 1\nenv: {MODEL_STAGE: x}\n") == (
        "a.yaml:2: MODEL_STAGE is mentioned, but not where Callboard can edit it. Expected one of: "
        + "; ".join(plain(form.place) for form in FORMATS)
    )
    assert said("kind: Deployment\n") == (
        "no manifest carries MODEL_STAGE (files checked: a.yaml); add it to the env of the container that serves the "
        "model"
    )
    assert said("env:\n" + STAGE + STAGE) == (
        "MODEL_STAGE is set in several places, but only one is allowed: a.yaml:2, a.yaml:3"
    )


def test_two_environments_in_one_container_are_refused() -> None:
    with pytest.raises(Permanent) as refused:
        find({"a.yaml": "env:\n- {name: A}\nenv:\n" + STAGE})
    assert refused.value.reason == unsafe(3, KeyTwice(key=Name("env")))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Pin(stage="production", version=None), PinWithoutVersion()),
        (Pin(stage="a b", version=1), PinStageInvalid(stage=Name("a b"))),
        (Pin(stage="", version=1), PinStageInvalid(stage=Name(""))),
    ],
)
def test_a_pin_that_is_no_pin_is_refused(wanted: Pin, why: Reason) -> None:
    with pytest.raises(Permanent) as refused:
        edit({"a.yaml": BEFORE}, wanted)
    assert refused.value.reason == why


def test_an_unreadable_file_beside_matters_only_if_it_speaks_of_the_stage() -> None:
    assert find({"a.yaml": BEFORE, "b.yaml": "{{ x"}).path == "a.yaml"
    with pytest.raises(Permanent) as refused:
        find({"a.yaml": BEFORE, "b.yaml": "{{ x MODEL_STAGE\n"})
    assert refused.value.reason == ManifestIsTemplate(file=Name("b.yaml"), line=2)
