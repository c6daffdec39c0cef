"""The words of `bot.domain.reasons.places`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import places
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    places.SaidAt: "{value} ({place})",
    places.NamespaceUnknown: (
        "{place}: the files that Callboard reads here do not say in which namespace the workload runs; write "
        "`namespace: …` in the kustomization or the manifest, or, if something else sets it, for {stage} in app.yaml"
    ),
    places.WorkloadUnknown: (
        "{place}: the name of the workload is not known, because {why}; write `workload: …` for {stage} in app.yaml"
    ),
    places.ChartMakesIt: "a Helm chart makes the workload, and there is no MODEL_NAME beside MODEL_STAGE to find it by",
    places.NoObject: "this document has no kind and name, and there is no MODEL_NAME beside MODEL_STAGE to find it by",
    places.NoUser: "no workload in the files that Callboard reads here takes its environment from {configmap}",
    places.KindNotFollowed: (
        "{place}: Callboard does not follow objects of the kind {kind}, so it would not see the change take effect; if "
        "this object creates a Deployment, write its name as `workload: …` for {stage} in app.yaml"
    ),
    places.NothingTells: (
        "{place}: the pod template takes the version from a ConfigMap whose name stays, the method {method} does not "
        "ask the pods for theirs, and Callboard sees no object of Argo CD or Flux that applies the workload, so it "
        "would not see the change take effect; set `verify` for {stage} in app.yaml to `auto`, or to a method that "
        "names the version, let kustomize generate the ConfigMap, or let Callboard read the agent's object"
    ),
    places.TemplateFillsIn: (
        "{place}: a template fills in the {what} ({value}); write the plain value here, or set the key {what} for "
        "{stage} in app.yaml"
    ),
    places.InvalidHere: lambda i: (
        "{place}: {value} does not name a cluster; expected a context of the kubeconfig, or a path"
        if i.what == "cluster"
        else "{place}: {value} is not a valid {what} in Kubernetes"
    ),
    places.TwoAnswers: "two sources name different values for the {what}: {one} and {other}; correct or remove one",
    places.PlaceUnknown: "{causes}",
    places.SeveralWorkloads: (
        "{place}: a new version here would change several workloads at once: {workloads:20}; give each its own pin"
    ),
    places.NotIncluded: (
        "{place}: {kustomization} does not include this file, so nothing applies it; list it there under resources or "
        "patches"
    ),
    places.SharedPin: (
        "{place}: {other} on {stage} has its pin in the same place, so releasing {model} would change its version too; "
        "write MODEL_NAME beside MODEL_STAGE, or correct `manifests` in app.yaml"
    ),
    places.SharedWorkload: (
        "{place}: the workload {workload} is also that of {other} on {stage} ({path}), so each release would overwrite "
        "the other; give them different names or namespaces"
    ),
    places.TwoClusters: lambda t: (
        "{place}: the same pin is that of {stage}, which app.yaml puts in "
        + ("{other}" if t.other is not None else "Callboard's own cluster")
        + " and not in "
        + ("{cluster}" if t.cluster is not None else "Callboard's own cluster")
        + "; give each stage its own manifest, or both the same `cluster`"
    ),
    places.PinOfOtherStage: "{place}: pins the stage {pinned}, expected {stage}",
}
