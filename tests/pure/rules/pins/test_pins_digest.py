"""Where a manifest pins the digest of a model's files, it goes with the version, or nothing goes."""

import re

import pytest

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import DigestUnknown, NotAString, NotEditable, OnSeveralLines, ValueFrom
from bot.domain.target import Pin
from bot.rules.pins import edit, pin
from bot.rules.wording.reasons import plain

ENV = """\
kind: Deployment
spec: {template: {spec: {containers: [{name: server, env: [
  {name: MODEL_STAGE, value: production}, {name: MODEL_VERSION, value: "2"},
  {name: MODEL_DIGEST, value: "sha256:22"}]}]}}}
"""
DATA = """\
kind: ConfigMap
metadata: {name: model}
data:
  MODEL_STAGE: production
  MODEL_VERSION: "2"
  MODEL_DIGEST: sha256:22   # of all files
"""
LITERALS = """\
configMapGenerator:
- name: model
  literals:
  - MODEL_STAGE=production
  - MODEL_VERSION=2
  - MODEL_DIGEST=sha256:22
"""
EACH = pytest.mark.parametrize("text", [ENV, DATA, LITERALS], ids=["env", "configmap", "kustomize"])
NEXT = Pin(stage="production", version=3, digest="sha256:33")


def edited(text: str, wanted: Pin) -> str:
    return edit({"a.yaml": text}, wanted).after["a.yaml"]


@EACH
def test_the_digest_goes_with_the_version_and_nothing_else_changes(text: str) -> None:
    assert pin(text) == Pin(stage="production", version=2, digest="sha256:22")
    after = edited(text, NEXT)
    assert pin(after) == NEXT
    assert len(after.splitlines()) == len(text.splitlines())
    assert edited(after, Pin(stage="production", version=2, digest="sha256:22")).count("sha256:22") == 1


@EACH
def test_a_version_whose_digest_is_not_known_is_not_written_beside_another_ones(text: str) -> None:
    with pytest.raises(Permanent) as refused:
        edited(text, Pin(stage="production", version=3))
    assert isinstance(refused.value.reason, NotEditable)
    assert refused.value.reason.why == DigestUnknown(version=3)
    assert re.match(r"a\.yaml:\d+: MODEL_DIGEST is pinned .* v3 is not known", plain(refused.value.reason))


@EACH
def test_the_version_that_is_there_keeps_its_digest(text: str) -> None:
    assert edited(text, Pin(stage="production", version=2)) == text


@EACH
def test_an_emptied_digest_is_filled_again(text: str) -> None:
    emptied = edited(text, Pin(stage="production", version=1, digest=""))
    assert pin(emptied) == Pin(stage="production", version=1, digest="")
    assert pin(edited(emptied, Pin(stage="production", version=2))).digest == ""
    assert pin(edited(emptied, NEXT)) == NEXT


def test_a_manifest_that_pins_no_digest_gets_none() -> None:
    text = LITERALS.replace("  - MODEL_DIGEST=sha256:22\n", "")
    assert pin(edited(text, NEXT)) == Pin(stage="production", version=3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LITERALS + "  - MODEL_DIGEST=sha256:33\n", OnSeveralLines(name=Name("MODEL_DIGEST"), lines=(6, 7))),
        (
            ENV.replace('value: "sha256:22"', "valueFrom: {configMapKeyRef: {name: a, key: b}}"),
            ValueFrom(name=Name("MODEL_DIGEST")),
        ),
        (DATA.replace("sha256:22", "{a: b}"), NotAString(name=Name("MODEL_DIGEST"))),
    ],
)
def test_a_digest_that_cannot_be_edited_safely_is_refused(text: str, why: Reason) -> None:
    with pytest.raises(Permanent) as refused:
        edited(text, NEXT)
    assert isinstance(refused.value.reason, NotEditable)
    assert refused.value.reason.why == why
