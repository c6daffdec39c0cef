"""The words of `bot.domain.reasons.cluster`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import cluster
from bot.rules.wording.words.template import Words

GRANT: Final = (
    "kubectl create role callboard-watch -n {namespace} --verb=get,list,watch"
    " --resource=deployments.apps,replicasets.apps,pods,pods/log,events"
    "; kubectl create rolebinding callboard-watch -n {namespace} --role=callboard-watch --user=USER-NAMED-ABOVE"
)

GRANT_PROXY: Final = (
    "kubectl create role callboard-ask -n {namespace} --verb=get --resource=pods/proxy"
    "; kubectl create rolebinding callboard-ask -n {namespace} --role=callboard-ask --user=USER-NAMED-ABOVE"
)


def _not_allowed(why: cluster.NotAllowed) -> str:
    grant = GRANT_PROXY if isinstance(why.during, cluster.AskingPod) else GRANT
    return f"{{during}} is not allowed: {{said}}; allow it with: {grant}"


def _unusable(why: cluster.KubeconfigUnusable) -> str:
    path = "{path}" if why.path is not None else "the default kubeconfig ($HOME/.kube/config)"
    to_do = "correct `cluster` in app.yaml, or this file" if why.named else "set KUBECONFIG to a valid file"
    return f"cannot connect to Kubernetes: {path} cannot be used ({{cause}}); {to_do}"


def _context_unknown(why: cluster.ContextUnknown) -> str:
    known = "; its contexts are {contexts:10}" if why.contexts else ""
    return f"it has no context {{context}}{known}"


def _unreadable(why: cluster.KubeconfigUnreadable) -> str:
    return "{said}" if why.said else "it cannot be read"


WORDS: Final[Mapping[type[Reason], Words]] = {
    cluster.Listing: "listing {kind} in {namespace}",
    cluster.Watching: "watching {kind} in {namespace}",
    cluster.ReadingLog: "reading the log of {pod} in {namespace}",
    cluster.CheckingHealth: "a health check",
    cluster.AskingPod: "asking {pod} in {namespace} through the API server",
    cluster.CredentialsRefused: "{during}: the cluster does not accept the credentials; renew those in the kubeconfig",
    cluster.NotAllowed: _not_allowed,
    cluster.NotFound: "{during}: not found ({said}); check that this is the right namespace and the right cluster",
    cluster.Refused: "{during}: the cluster refused it ({status}: {said})",
    cluster.VersionExpired: "{during}: the cluster no longer knows the last version ({said}); Callboard lists again",
    cluster.EventMalformed: "{during}: the cluster sent something that is not a valid event; Callboard lists again",
    cluster.KubeconfigUnusable: _unusable,
    cluster.InCluster: "cluster {cluster}: {cause}",
    cluster.KubeconfigMissing: "there is no such file",
    cluster.ContextUnknown: _context_unknown,
    cluster.NotYAML: "line {line} is not YAML",
    cluster.CredentialsSlow: "getting its credentials took longer than {within}",
    cluster.NotKubeconfig: "it does not have the form of a kubeconfig",
    cluster.KubeconfigUnreadable: _unreadable,
    cluster.NotWatched: "namespace {namespace} is not watched",
    cluster.NotListed: "the cluster has not listed all objects of namespace {namespace} yet",
    cluster.Silent: "the cluster has not answered for {since}: {cause}",
    cluster.NoAnswerYet: "it has not answered yet",
    cluster.WatchEnded: "the watch ended",
    cluster.WatchFailed: "an unexpected error in Callboard, which starts the watch again; its log has the details",
    cluster.PodNotProxied: "{during}: {said}",
    cluster.UnreachableBothWays: "{direct}; {proxied}",
    cluster.ExampleRefused: "{address} answered the model's own input example with HTTP {status}: {said}"
    "; log an example that the model accepts, or fix the model",
    cluster.PredictionNotJSON: "{address} answered the model's own input example with something that is not JSON"
    "; check the model's output",
    cluster.PredictionNotObject: "{address} answered the model's own input example with JSON that is not an object"
    "; check the model's output",
}
