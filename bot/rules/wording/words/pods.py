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
    r.NotScheduled: _with_message("not scheduled"),
    r.PodWarning: _with_message("{reason}"),
    r.PodStarting: "not running yet",
    r.PodReady: "ready",
    r.PodNotReady: _pod_not_ready,
    r.RunsToCompletion: "runs to completion",
    r.PodCompleted: "ran to completion",
    r.PodFailed: "failed",
}
