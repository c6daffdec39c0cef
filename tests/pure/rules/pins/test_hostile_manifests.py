"""The work that a manifest costs grows with its length, however it is written: a commit may hold anything.

Work is counted in calls, which no other process of the machine changes.  Regular expressions make none, so what only
they could slow down is judged by this process's own time.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import pytest

from bot.domain.errors import Permanent
from bot.domain.target import Pin
from bot.rules import pins
from bot.rules.pins.tree import LARGEST

pytestmark = pytest.mark.slow  # every call is counted, which takes ten times as long

WANTED: Final = Pin(stage="production", version=7)
SMALL: Final = 2 << 10
TIMES: Final = 4
"""How much larger the second manifest of a shape is."""
GROWTH: Final = 1.5 * TIMES
"""How much more work it may be: what is quadratic would be sixteen times as much."""
SECONDS: Final = 5.0
"""This process's time for a text that needs a hundredth of it, unless a regular expression runs wild."""

DEPLOYMENT: Final = """\
kind: Deployment
metadata: {name: iris}
env: [{name: MODEL_STAGE, value: staging}, {name: MODEL_VERSION, value: "3"}]
"""
CONFIG: Final = "kind: ConfigMap\nmetadata: {name: c}\ndata: {MODEL_STAGE: staging, MODEL_VERSION: '3'}\n"
APPLICATION: Final = "apiVersion: argoproj.io/v1\nkind: Application\n"


def repeated(head: str, unit: str, tail: str = "\n") -> Callable[[int], str]:
    """Return what makes a text of about some characters; `{}` in the unit is a number of its own."""
    return lambda size: head + "".join(unit.replace("{}", str(at)) for at in range(size // len(unit))) + tail


SHAPES: Final[Mapping[str, Callable[[int], str]]] = {
    "a list": repeated(DEPLOYMENT + "x: [", "a,", "]\n"),
    "a mapping": repeated(DEPLOYMENT + "x: {", "k{}: 1,", "}\n"),
    "one key again and again": repeated(DEPLOYMENT, "k: 1\n"),
    "mappings in mappings": lambda size: DEPLOYMENT + "x: " + "{a: " * (size // 16) + "b" + "}" * (size // 16) + "\n",
    "leaves at the end of many levels": repeated(DEPLOYMENT + "x: " + "[" * 900, "a,", "]" * 900 + "\n"),
    "documents": repeated(DEPLOYMENT, "---\na\n"),
    "anchors": repeated(DEPLOYMENT, "a{}: &a{} [b]\nb{}: *a{}\n"),
    "aliases": repeated(DEPLOYMENT + "x: &a [b]\ny: [", "*a,", "]\n"),
    "a billion laughs": lambda size: DEPLOYMENT + "x0: &x0 [b]\n" + "".join(
        f"x{at}: &x{at} [*x{at - 1}, *x{at - 1}]\n" for at in range(1, size // 24)
    ),
    "environments": repeated(DEPLOYMENT, "env: []\n"),
    "stages and versions": repeated("env: [", "{name: MODEL_STAGE, value: a},{name: MODEL_VERSION, value: 1},", "]\n"),
    "pins in one object": repeated("kind: D\nmetadata: {name: a}\n", "e{}: {env: [{name: MODEL_STAGE}]}\n"),
    "keys of a ConfigMap": repeated("kind: ConfigMap\ndata: {", "MODEL_STAGE: a,", "}\n"),
    "data of a ConfigMap": repeated("kind: ConfigMap\n", "data: {}\n", "#MODEL_STAGE\n"),
    "literals": repeated("configMapGenerator: [{literals: [", "MODEL_STAGE=a,MODEL_VERSION=1,", "]}]\n"),
    "patches in a kustomization": repeated("patches: [", "MODEL_STAGE,", "]\n"),
    "parameters": repeated(
        APPLICATION + "spec: {source: {helm: {parameters: [",
        "{name: a{}.MODEL_STAGE},{name: b{}.MODEL_VERSION},", "]}}}\n",
    ),
    "sources": repeated(
        APPLICATION + "spec: {sources: [", "{helm: {parameters: [{name: MODEL_STAGE}]}},", "]}\n"
    ),
    "lists of parameters": repeated(
        APPLICATION + "spec: {source: {helm: {", "parameters: [{name: MODEL_STAGE}],", "}}}\n"
    ),
}  # fmt: skip
USERS: Final[Mapping[str, Callable[[int], str]]] = {
    "workloads": repeated("x: [", "{kind: P, metadata: {name: a}, s: {configMapRef: {name: c}}},", "]\n"),
    "containers of one workload": repeated("kind: D\nmetadata: {name: a}\nx: [", "{configMapRef: {name: c}},", "]\n"),
    "keys of one workload": repeated("kind: D\nmetadata: {name: a}\n", "k{}: {configMapRef: {name: c}}\n"),
}  # fmt: skip


def work(files: Mapping[str, str]) -> int:
    """Return how many calls it takes to find and edit a pin, or to refuse it."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        for act in (lambda: pins.find(files, "iris"), lambda: pins.edit(files, WANTED, "iris")):
            with suppress(Permanent):
                act()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_work_grows_with_the_length_of_a_manifest(shape: Callable[[int], str]) -> None:
    assert work({"a.yaml": shape(SMALL * TIMES)}) < GROWTH * work({"a.yaml": shape(SMALL)})


@pytest.mark.parametrize("shape", USERS.values(), ids=USERS)
def test_the_work_grows_with_the_number_of_workloads_that_use_a_config_map(shape: Callable[[int], str]) -> None:
    def files(size: int) -> Mapping[str, str]:
        return {"a.yaml": CONFIG, "b.yaml": shape(size), "kustomization.yaml": "resources:\n" + "- a\n" * (size // 4)}

    assert work(files(SMALL * TIMES)) < GROWTH * work(files(SMALL))


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param("  value: a\n- name:" + " " * (LARGEST - 100) + "MODEL_STAGE\n", id="spaces"),
        pytest.param("  value: a" + " " * (LARGEST - 100) + "\n  name: MODEL_STAGE\n", id="spaces behind a value"),
        pytest.param("  value: a\n" + " \n" * (LARGEST // 2 - 50) + "  name: MODEL_STAGE\n", id="empty lines"),
        pytest.param("  value: a #" + " #" * (LARGEST // 2 - 50) + "\n  name: MODEL_STAGE\n", id="a comment"),
        pytest.param("  value: !" + "a" * (LARGEST - 100) + " a\n  name: MODEL_STAGE\n", id="a tag"),
    ],
)
def test_no_gap_causes_quadratic_backtracking(gap: str) -> None:
    start = time.process_time()
    with suppress(Permanent):
        pins.edit({"a.yaml": "env:\n-\n" + gap}, WANTED)
    assert time.process_time() - start < SECONDS
