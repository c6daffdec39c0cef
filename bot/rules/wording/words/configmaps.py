"""The words of `bot.domain.reasons.configmaps`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import configmaps as r
from bot.rules.wording.words.template import Words


def _holds(why: r.PodsOlder | r.ChangeUndated) -> str:
    return "the ConfigMap {configmap} holds " + ("version {version}" if why.version is not None else "no version")


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.ConfigMapsUnread: (
        "the version is in a ConfigMap, and Callboard does not know the ConfigMaps in {namespace} ({cause}), so only "
        "the pods can name it"
    ),
    r.ConfigMapMissing: "the ConfigMap {configmap}, from which the pods take their environment, does not exist",
    r.KeyMissing: "the ConfigMap {configmap}, from which the pods take their environment, has no key {key}",
    r.PodsOlder: lambda why: _holds(why) + ", but the pods started before it: restart them with {restart}",
    r.ChangeUndated: lambda why: _holds(why) + ", but not since when, so only the pods can tell whether they have it",
}
