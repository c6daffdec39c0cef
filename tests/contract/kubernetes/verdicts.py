"""What kubectl would say of a rollout, and transitions of it read, collapsed and compared.

The verdict is `kubectl rollout status`'s, in its order:
https://github.com/kubernetes/kubectl/blob/v0.20.2/pkg/polymorphichelpers/rollout_status.go
"""

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

MOVING = "moving"
"""Stands for NewReplicaSetCreated and ReplicaSetUpdated: which of the two a watcher catches is a matter of timing."""


class Seen(NamedTuple):
    """One line of a trace: the verdict, the reason of the Progressing condition, and how many pods were available."""

    verdict: str
    reason: str | None
    available: int


def verdict(deployment: Json) -> str:
    """Return kubectl's verdict on a Deployment."""
    meta, spec, status = deployment["metadata"], deployment["spec"], deployment.get("status") or {}
    total, new = status.get("replicas", 0), status.get("updatedReplicas", 0)
    available, wanted = status.get("availableReplicas", 0), spec["replicas"]
    if meta["generation"] > status.get("observedGeneration", 0):
        return "not-observed"
    if reason(deployment) == "ProgressDeadlineExceeded":
        return "FAILED(PDE)"
    if new < wanted:
        return f"updating {new}/{wanted}"
    if total > new:
        return f"old pending {total - new}"
    if available < new:
        return f"available {available}/{new}"
    return "DONE"


def reason(deployment: Json) -> str | None:
    """Return the reason of the Progressing condition."""
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return next((c["reason"] for c in conditions if c["type"] == "Progressing"), None)


def seen(deployment: Json) -> Seen:
    """Return the line of a trace that a look at a Deployment makes."""
    said = verdict(deployment)
    available = (deployment.get("status") or {}).get("availableReplicas", 0)
    return Seen(said, None if said == "not-observed" else reason(deployment), available)


_LINE = re.compile(r"^\s*[\d.]+ gen=\d+ obs=\S+ v=\S+ u=\S+ avail=(\S+) -> (\(.*\))$")


def recorded(path: Path) -> dict[str, list[Seen]]:
    """Return the blocks of a file of recorded transitions, by the first words of their headings."""
    blocks: dict[str, list[Seen]] = {"initial": []}
    block = "initial"
    for line in path.read_text().splitlines():
        if line.startswith("--- "):
            block = line.removeprefix("--- ")
            blocks[block] = []
        elif match := _LINE.match(line):
            said, reasons = ast.literal_eval(match[2])
            available = 0 if match[1] == "None" else int(match[1])
            blocks[block].append(Seen(said, reasons[0] if reasons else None, available))
    return {name: lines for name, lines in blocks.items() if lines}


def collapsed(lines: Iterable[Seen]) -> list[tuple[str, str | None]]:
    """Return the transitions without what timing makes of them.

    Counts go ("updating 1/3" is "updating"), the two reasons of a rollout on its way are one, doubled lines are one,
    and the endless ups and downs of pods that crash (DONE, available, DONE, …) are told once.
    """
    result: list[tuple[str, str | None]] = []
    for line in lines:
        phase = re.sub(r" \d.*", "", line.verdict)
        why = MOVING if line.reason in {"NewReplicaSetCreated", "ReplicaSetUpdated"} else line.reason
        if not result or result[-1] != (phase, why):
            result.append((phase, why))
    return _once_down_and_up(result)


def _once_down_and_up(steps: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    done = next((place for place, step in enumerate(steps) if step[0] == "DONE"), len(steps))
    return list(steps[: done + 3])
