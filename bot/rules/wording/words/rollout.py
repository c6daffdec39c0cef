"""The words of `bot.domain.reasons.rollout`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import rollout as r
from bot.rules.wording.words.template import Words


def _may_not_decide(why: r.MayNotDecide) -> str:
    who = " or ".join(part for part in ("{people}" if why.people else "", "{groups}" if why.groups else "") if part)
    return f"you may not decide about this promotion; ask {who}"


def _cluster(why: r.PickedUp | r.NotPickedUp) -> str:
    return "cluster {cluster}" if why.cluster is not None else "the cluster"


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.PickedUp: lambda p: f"{_cluster(p)} has picked up the change",
    r.NotPickedUp: lambda n: f"{_cluster(n)} did not pick up the change within {{timeout}}: {{found}}",
    r.NoWorkload: lambda n: (
        "no workload with MODEL_STAGE={stage} was found in {namespace}"
        + (" of cluster {cluster}" if n.cluster is not None else "")
    ),
    r.NamesNoVersion: "{workload} names no version",
    r.StillPins: "{workload} still says {stage} v{version}",
    r.EveryPodReady: "every pod is ready",
    r.NotRolledOut: lambda n: "not rolled out within {timeout}: " + ("{found}" if n.found else "it was not found"),
    r.KeptWaiting: "{by} gave it more time",
    r.AcceptedUnverified: lambda a: (
        "{by} accepted it without verification" + (" ({unseen})" if a.unseen is not None else "")
    ),
    r.StalledTooLong: lambda s: "nobody decided within {within}" + (": {found}" if s.found is not None else ""),
    r.MayNotDecide: _may_not_decide,
    r.NothingToGoBackTo: "there is no earlier release to go back to; promote another version",
    r.Unobserved: lambda s: (
        "the rollout could not be observed for {timeout}" + (": {cause}" if s.cause is not None else "")
    ),
    r.NoNewPod: "no pod of the new revision was found",
    r.PodSilent: "pod {pod} does not say which version it serves: {cause}",
    r.NotAskedYet: "it has not been asked yet",
    r.NoAddress: "it has no address yet",
    r.ServesOther: "pod {pod} serves {model} v{version}, not v{wanted}",
    r.DifferentFiles: "pods {one} and {other} serve different files as v{version}: "
    "the files changed in the registry in between",
    r.EveryPodServes: "every new pod serves v{version}",
    r.ChangedByOthers: lambda c: (
        "the workload now says {stage}"
        + (" v{version}" if c.version is not None else " without a version")
        + ": somebody else changed it"
    ),
}
