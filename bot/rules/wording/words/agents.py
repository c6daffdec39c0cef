"""The words of `bot.domain.reasons.agents`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import agents as r
from bot.rules.wording.words.template import Words


def _out_of_sync(reason: r.OutOfSync) -> str:
    since = " since {since}" if reason.since is not None else ""
    return f"{{agent}} is out of sync{since}" + (
        "" if reason.automatic else "; it does not sync automatically, so somebody has to sync it"
    )


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.OutOfSync: _out_of_sync,
    r.SyncFailed: lambda s: "the sync of {agent} failed" + (" at {at}" if s.at is not None else "") + ": {said}",
    r.CannotCompare: "{agent} cannot be compared with Git: {said}",
    r.WaitsForWindow: lambda w: (
        "{agent} waits for a sync window"
        + (", until {until}" if w.until is not None else "; Argo CD's project says when it opens")
    ),
    r.Suspended: "{agent} is suspended: nothing is applied until somebody resumes it",
    r.ReconciliationFailed: lambda f: (
        "the reconciliation of {agent} failed"
        + (" at {since}" if f.since is not None else "")
        + " with {cause}: {said}"
    ),
    r.Undone: "Flux rolled {agent} back: {said}",
    r.Waits: "{agent}: {said}",
    r.LastApplied: "{agent} last applied revision {revision}",
    r.PodsOlder: (
        "{agent} has applied the change, but pod {pod} is older than the merge and may run with the old values; "
        "restart the pods"
    ),
    r.HeldUp: "{found}; {agent}",
}
