"""The words of `bot.domain.reasons.comparison`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import comparison as r
from bot.rules.wording.words.template import Words


def _changed(d: r.DependencyChanged) -> str:
    return "{name} " + ("{was}" if d.was else "any version") + " → " + ("{now}" if d.now else "any version")


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.NoSignature: "v{version} has no signature",
    r.NoOutputSignature: "the signature of v{version} names no outputs",
    r.InputAdded: lambda i: "input {name} ({type}) is new and " + ("required" if i.required else "optional"),
    r.InputDropped: "input {name} is no longer read",
    r.InputTypeChanged: lambda i: (
        "input {name} changed from {was} to {now} "
        + ("(wider, so still compatible)" if i.wider else "(which callers do not send)")
    ),
    r.InputNeedChanged: lambda i: "input {name} is " + ("now required" if i.required else "now optional"),
    r.OutputAdded: "output {name} ({type}) is new",
    r.OutputTypeChanged: "output {name} changed from {was} to {now}",
    r.OutputNeedChanged: "output {name} changed between always and sometimes present",
    r.OutputDropped: "output {name} is gone",
    r.OutputsReordered: "the outputs come in another order",
    r.DependencyAdded: lambda d: "{name} {now} added" if d.now else "{name} added",
    r.DependencyDropped: lambda d: "{name} {was} removed" if d.was else "{name} removed",
    r.DependencyChanged: _changed,
}
