"""Why a container ended: its last line, its exit code, or what killed it, which is the kernel or a failed probe."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason, Said
from bot.domain.reasons.pods import ExitCode, ExitUnknown, ModelRegistrySilent, OutOfMemory, VersionNotRegistered
from bot.domain.reasons.told import Told
from bot.rules.kubernetes.events import killed_by_probe
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import number, text
from bot.rules.kubernetes.workloads import env
from bot.rules.wording.redaction import redact

MESSAGE: Final = 4096
"""Characters that Kubernetes keeps at most of a container's termination message."""
LAST_LINE: Final = 200
"""Characters shown of its last line."""
SIGNALLED: Final = 128
"""Exit codes from here on name the signal that ended a container."""
REGISTRY_SILENT: Final = 69
EXITS: Final[Mapping[int, Reason]] = {66: VersionNotRegistered(), REGISTRY_SILENT: ModelRegistrySilent()}
"""What the exit codes of Callboard's own model server mean, for when the pod's status lacks its last line."""


def explain_exit(container: Json, ended: Json, name: str, events: Sequence[Json], *, alone: bool) -> Reason:
    """Return why a container ended.

    Args:
        container: its spec.
        ended: the `terminated` part of its state, empty where that is unknown.
        name: the container's name.
        events: those about its pod, the newest first.
        alone: whether the pod has no other container.
    """
    if text(ended, "reason") == "OOMKilled":
        return OutOfMemory(limit=quote_name(text(container, "resources", "limits", "memory")) or None)
    code, probe = number(ended, "exitCode"), killed_by_probe(name, ended, events, alone=alone)
    meaning = probe or _meaning(container, ended, code)
    return ExitCode(exit_code=code, meaning=meaning) if ended or meaning else ExitUnknown()


def _meaning(container: Json, ended: Json, code: int) -> Reason | None:
    if line := _last_line(ended):
        return Told(text=line)
    return EXITS.get(code) if is_ours(container) else None


def is_ours(container: Json) -> bool:
    """Return whether the container is a model server whose exit codes are known."""
    return "MODEL_STAGE" in env(container)


def _last_line(ended: Json) -> Said:
    """Return the last line of the termination message; empty if a signal ended the container, as it explains nothing.

    https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
    """
    lines = redact(text(ended, "message")[:MESSAGE]).split("\n") if number(ended, "exitCode") < SIGNALLED else []
    return next((quote(line, LAST_LINE) for line in reversed(lines) if line.strip()), Said(""))
