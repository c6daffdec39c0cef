"""What a GitOps agent says of the objects that it applies: Argo CD's Application, Flux's Kustomization and HelmRelease.

Each `agent` is the kind, namespace and name of the agent's object.
"""

from datetime import datetime

from bot.domain.reason import Name, Reason, Said, reason


@reason("agent_out_of_sync")
class OutOfSync(Reason):
    """The cluster differs from Git; Argo CD does not say since when, so `since` is when Callboard first saw it."""

    agent: Name
    automatic: bool
    """Argo CD syncs it by itself; otherwise somebody has to."""
    since: datetime | None = None


@reason("agent_sync_failed")
class SyncFailed(Reason):
    """Argo CD could not apply the revision that it compares with."""

    agent: Name
    said: Said
    at: datetime | None = None


@reason("agent_cannot_compare")
class CannotCompare(Reason):
    """Argo CD cannot read or render the manifests."""

    agent: Name
    said: Said


@reason("agent_sync_window")
class WaitsForWindow(Reason):
    """A sync window of Argo CD's project forbids to sync; `until` is None if that is not known."""

    agent: Name
    until: datetime | None = None


@reason("agent_suspended")
class Suspended(Reason):
    """Somebody suspended the agent's object."""

    agent: Name


@reason("agent_reconciliation_failed")
class ReconciliationFailed(Reason):
    """Flux could not build, apply or check the objects."""

    agent: Name
    cause: Name
    """Flux's own word for it, such as BuildFailed."""
    said: Said
    since: datetime | None = None


@reason("agent_undone")
class Undone(Reason):
    """Flux rolled a Helm release back, so that the cluster differs from Git."""

    agent: Name
    said: Said


@reason("agent_waits")
class Waits(Reason):
    """The agent is at work, or waits for something else."""

    agent: Name
    said: Said


@reason("agent_applied")
class LastApplied(Reason):
    """The revision that the agent applied last."""

    agent: Name
    revision: Name


@reason("agent_pods_older")
class PodsOlder(Reason):
    """The agent has applied the change, but a pod is older than the merge and may run with the old values."""

    agent: Name
    pod: Name


@reason("agent_holds_up")
class HeldUp(Reason):
    """What the cluster shows instead of the change, and what the agent says about it."""

    found: Reason
    agent: Reason
