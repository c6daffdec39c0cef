"""Why the running pods may not have the pin that a ConfigMap holds, or why that pin is not known."""

from bot.domain.reason import Command, Name, Reason, reason


@reason("configmaps_unread")
class ConfigMapsUnread(Reason):
    """The pin is in a ConfigMap, and Callboard does not read those of the namespace."""

    namespace: Name
    cause: Reason


@reason("configmap_missing")
class ConfigMapMissing(Reason):
    """The pods take their environment from a ConfigMap that does not exist."""

    configmap: Name


@reason("configmap_without_key")
class KeyMissing(Reason):
    """The pods take a variable from a key that their ConfigMap does not have."""

    configmap: Name
    key: Name


@reason("pods_older_than_configmap")
class PodsOlder(Reason):
    """A ConfigMap was changed after the pods were created, and nothing restarts them; no `version`: it holds none."""

    configmap: Name
    version: int | None
    restart: Command


@reason("configmap_change_undated")
class ChangeUndated(Reason):
    """A ConfigMap does not tell since when it holds the pin, so only the pods can tell whether they have it."""

    configmap: Name
    version: int | None
