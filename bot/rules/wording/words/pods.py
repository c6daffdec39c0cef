"""The words of `bot.domain.reasons.pods`.

What people search for stays as Kubernetes writes it: CrashLoopBackOff, OOMKilled, "exit code 1".
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import pods as r
from bot.rules.wording.words.template import Words, plural


def _with_message(words: str) -> Words:
    """Return words followed by the reason's message, where there is one."""
    return lambda reason: f"{words}: {{message}}" if reason.message else words


def _restarted(reason: r.Restarted) -> str:
    times = "once" if reason.restarts == 1 else "{restarts} times"
    return f"restarted {times} ({{exit}})"


def _exit_code(reason: r.ExitCode) -> str:
    return "exit code {exit_code}" + (": {meaning}" if reason.meaning is not None else "")


def _not_scheduled(reason: r.NotScheduled) -> str:
    said = "not scheduled: {message}" if reason.message else "not scheduled"
    return said + ("; {autoscaler}" if reason.autoscaler is not None else "")


def _gates_closed(reason: r.GatesClosed) -> str:
    gates = plural(len(reason.gates) or 1, "readiness gate")
    named = f"{gates} {{gates}}" if reason.gates else f"a {gates}"
    verb = "are" if len(reason.gates) > 1 else "is"
    detail = ": {message}" if reason.message else ""
    return f"its containers are ready, but {named} {verb} not open{detail}"


def _pod_not_ready(reason: r.PodNotReady) -> str:
    return "not ready, and restarted before" if reason.restarted else "running, but not ready yet"


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.InContainer: lambda reason: f"{'init container' if reason.init else 'container'} {{container}}: {{trouble}}",
    r.ImageUnusable: _with_message("{reason}: image {image}"),
    r.ImageNotPulled: _with_message("cannot pull image {image}"),
    r.ContainerWaiting: _with_message("{reason}"),
    r.CrashLoop: lambda reason: f"CrashLoopBackOff ({{exit}}, {{restarts}} {plural(reason.restarts, 'restart')})",
    r.Restarted: _restarted,
    r.Terminated: "terminated ({exit})",
    r.OutOfMemory: lambda reason: "OOMKilled: out of memory" + (", limit {limit}" if reason.limit else ""),
    r.ExitCode: _exit_code,
    r.ExitUnknown: "exit code unknown",
    r.VersionNotRegistered: "the model registry has no such version",
    r.ModelRegistrySilent: "the model registry did not answer",
    r.KilledByProbe: _with_message("killed because its {probe} probe failed"),
    r.NotScheduled: _not_scheduled,
    r.ScaleUp: _with_message("the autoscaler is adding a node"),
    r.NoScaleUp: _with_message("the autoscaler adds no node"),
    r.NodeLost: lambda reason: f"its node {'{node} ' if reason.node else ''}is not ready",
    r.GatesClosed: _gates_closed,
    r.PodWarning: _with_message("{reason}"),
    r.PodStarting: "not running yet",
    r.PodReady: "ready",
    r.PodNotReady: _pod_not_ready,
    r.RunsToCompletion: "runs to completion",
    r.PodCompleted: "ran to completion",
    r.PodFailed: "failed",
}
