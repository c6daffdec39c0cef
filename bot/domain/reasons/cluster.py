"""Why the cluster, or a model server in it, cannot be asked or does not do something."""

from datetime import timedelta

from bot.domain.reason import Name, Reason, Said, reason

# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────


@reason("cluster_listing")
class Listing(Reason):
    """A list of all objects of a kind."""

    kind: Name
    namespace: Name


@reason("cluster_watching")
class Watching(Reason):
    """A watch of all objects of a kind."""

    kind: Name
    namespace: Name


@reason("cluster_reading_log")
class ReadingLog(Reason):
    """The log of a pod."""

    pod: Name
    namespace: Name


@reason("cluster_asking_pod")
class AskingPod(Reason):
    """A request to a pod, through the API server's proxy."""

    pod: Name
    namespace: Name


@reason("cluster_checking_health")
class CheckingHealth(Reason):
    """A request for the API server's own health."""


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────


@reason("cluster_credentials_refused")
class CredentialsRefused(Reason):
    """401."""

    during: Reason


@reason("cluster_not_allowed")
class NotAllowed(Reason):
    """403."""

    during: Reason
    namespace: Said
    """Where to grant access; not a `Name`, because it becomes part of a command."""
    said: Said


@reason("cluster_not_found")
class NotFound(Reason):
    """404."""

    during: Reason
    said: Said


@reason("cluster_refused")
class Refused(Reason):
    """Any other refusal."""

    during: Reason
    status: int
    said: Said


@reason("cluster_version_expired")
class VersionExpired(Reason):
    """410: the server no longer knows the resource version."""

    during: Reason
    said: Said


@reason("cluster_event_malformed")
class EventMalformed(Reason):
    """A watch sent something that is not an event."""

    during: Reason


# ── which cluster ─────────────────────────────────────────────────────────────────────────────────────


@reason("in_cluster")
class InCluster(Reason):
    """What is wrong with a cluster that app.yaml names."""

    cluster: Name
    cause: Reason


def of_cluster(name: str | None, cause: Reason) -> Reason:
    """Return a reason that names its cluster; the bot's own (None) needs no name."""
    return InCluster(cluster=Name(name), cause=cause) if name is not None else cause


# ── access ────────────────────────────────────────────────────────────────────────────────────────────


@reason("cluster_kubeconfig_unusable")
class KubeconfigUnusable(Reason):
    """There are no usable credentials for a cluster."""

    path: Name | None = None
    """None: kubectl's default."""
    cause: Reason
    named: bool = False
    """app.yaml names the cluster; otherwise, it is the one of KUBECONFIG."""


@reason("cluster_kubeconfig_missing")
class KubeconfigMissing(Reason):
    """There is no such file; a Secret may be mounted later."""


@reason("cluster_context_unknown")
class ContextUnknown(Reason):
    """The kubeconfig has no such context."""

    context: Name
    contexts: tuple[Name, ...]


@reason("cluster_kubeconfig_not_yaml")
class NotYAML(Reason):
    """The kubeconfig is not YAML at this line."""

    line: int


@reason("cluster_kubeconfig_slow")
class CredentialsSlow(Reason):
    """The program or provider that issues the credentials took too long."""

    within: timedelta


@reason("cluster_kubeconfig_form")
class NotKubeconfig(Reason):
    """The file is YAML, and not a kubeconfig."""


@reason("cluster_kubeconfig_unreadable")
class KubeconfigUnreadable(Reason):
    """Another failure, in the words of the operating system or of the Kubernetes client."""

    said: Said | None = None


# ── the watch ─────────────────────────────────────────────────────────────────────────────────────────


@reason("cluster_not_watched")
class NotWatched(Reason):
    """Nothing watches this namespace."""

    namespace: Name


@reason("cluster_not_listed")
class NotListed(Reason):
    """The first lists of a namespace are not complete."""

    namespace: Name


@reason("cluster_silent")
class Silent(Reason):
    """The watch has been interrupted for some time."""

    since: timedelta
    """How long."""
    cause: Reason


@reason("cluster_no_answer_yet")
class NoAnswerYet(Reason):
    """The first list has not arrived."""


@reason("cluster_watch_ended")
class WatchEnded(Reason):
    """The server ended the watch in an orderly way."""


@reason("cluster_watch_failed")
class WatchFailed(Reason):
    """An unforeseen error, which is in the log."""


@reason("cluster_pod_not_proxied")
class PodNotProxied(Reason):
    """The API server could not pass a request on to a pod."""

    during: Reason
    said: Said


# ── model servers ─────────────────────────────────────────────────────────────────────────────────────


@reason("server_unreachable_both_ways")
class UnreachableBothWays(Reason):
    """Neither a connection to the pod nor the API server's proxy brought an answer."""

    direct: Reason
    proxied: Reason


@reason("server_example_refused")
class ExampleRefused(Reason):
    """The model refused, or failed at, its own input example."""

    address: Name
    status: int
    said: Said


@reason("server_prediction_not_json")
class PredictionNotJSON(Reason):
    """The answer to the input example is not JSON."""

    address: Name


@reason("server_prediction_not_object")
class PredictionNotObject(Reason):
    """The answer to the input example is JSON, and not an object."""

    address: Name
