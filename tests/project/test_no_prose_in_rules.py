"""Rules return reasons, and only `bot/rules/wording/` puts them into words."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.paths import ROOT

ROOMS: Final = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "bot/rules").rglob("*.py")
    if "wording" not in path.relative_to(ROOT).parts
)
NOT_OURS: Final = {
    "Failed to pull image": "the beginning of an event that the kubelet writes",
    'Failed to pull image "': "the same",
    'Back-off pulling image "': "the beginning of a message of the kubelet's",
    "array of objects": "what Kubernetes' API reference calls such a value",
    "array of strings": "the same",
    "Sync operation blocked by sync window": "a message that Argo CD writes",
}
PROSE: Final = re.compile(r"[A-Za-z]{2,},? [a-z]+ [a-z]+")
"""Three words in a row."""


def sentences(path: Path) -> list[str]:
    """Return the strings of a module that read like prose; docstrings say what code does, and are none of them."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    return [f"{path.name}:{line}: {text}" for line, text in texts if PROSE.search(text) and text not in NOT_OURS]


@pytest.mark.parametrize("path", ROOMS, ids=str)
def test_a_rule_holds_no_sentence(path: Path) -> None:
    assert sentences(ROOT / path) == []


def test_a_sentence_would_be_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Say what it is."""\nX = f"it could not be proposed {1} in time"\nY = "ReplicaFailure"\n')
    assert len(sentences(module)) == 1
