"""Rollouts second by second that people reported as rolled back for nothing, and others that do fail."""

from dataclasses import dataclass, replace
from typing import Final

from bot.domain.cluster import Served
from bot.domain.promotion import State
from bot.domain.reason import Reason
from bot.domain.verification import Method
from tests.fixtures.evidence import told
from tests.fixtures.rollout_history import SERVED, History, Unreachable, Word
from tests.fixtures.workload import (
    NAME,
    QUOTA,
    SECRET,
    WEBHOOK,
)
from tests.pure.rules.release.scenes import (
    BEHIND,
    BROKEN,
    CANNOT_START,
    DENIED,
    DONE,
    HASHED,
    HELD,
    LIMITED,
    MANUAL,
    NO_SECRET,
    NOT_FOUND,
    REPLACED,
    RESTARTED,
    SILENT,
    SYNCED,
    SYNCING,
    UNDER_WAY,
    UNREAD,
    WAITS,
    ZERO,
    all_crash,
    configured,
    exported,
    flapping,
    flickering,
    init_retried,
    node_lost,
    not_created,
    not_restarted,
    not_synced,
    nowhere_named,
    one_by_one,
    ordered,
    overdue,
    paused,
    pending,
    pulling,
    refused,
    replaced,
    restarting,
    scaled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the cluster shows, and how that has to end."""

    history: History
    end: State
    why: str = ""
    """Part of the reason."""
    start: State = State.ROLLING_OUT
    through: State | None = None
    """A state that it enters before."""
    served: Served | Reason = SERVED
    agent: Word = ((0, None),)
    verified_by: Method = Method.CALLBOARD
    until: float = 3600


CONFIGURED: Final = {
    "C1 a new ConfigMap with a hash, and new pods": Timeline(
        history=[
            (0, configured(2, changed=-900, created=-900)),
            (60, configured(3, changed=61, created=60, name=HASHED)),
        ],
        start=State.SYNCING,
        verified_by=Method.ROLLOUT,
        end=State.RELEASED,
        until=600,
    ),
    "C2 a plain ConfigMap, and a restart after twenty minutes": Timeline(
        history=[(0, configured(2, changed=-900, created=-300)), (60, WAITS), (1200, RESTARTED)],
        start=State.SYNCING,
        verified_by=Method.ROLLOUT,
        through=State.STALLED,
        end=State.RELEASED,
    ),
    "C3 the pods name the version of a ConfigMap that may not be read": Timeline(
        history=[(0, UNREAD)], start=State.SYNCING, end=State.RELEASED, until=600
    ),
}
RELEASED: Final = {
    **CONFIGURED,
    "S1 ten pods that load for two minutes each": Timeline(history=one_by_one(), end=State.RELEASED),
    "S2 an autoscaler wants more pods than the nodes have": Timeline(
        history=[(0, DONE), (60, scaled(DONE, 6, *pending(), readyReplicas=3, availableReplicas=3))],
        end=State.RELEASED,
        until=120,
    ),
    "S3 an autoscaler adds and removes a pod for ever": Timeline(history=flapping(), end=State.RELEASED, until=130),
    "S4 replicas: 0, and pods in the morning": Timeline(
        history=[(0, ZERO), (3000, DONE)], end=State.RELEASED, through=State.STALLED
    ),
    "S5 the agent syncs after 20 minutes": Timeline(
        history=[(0, not_synced()), (1200, DONE)], start=State.SYNCING, through=State.STALLED, end=State.RELEASED
    ),
    "S7 a tight quota, until the old pod has ended": Timeline(
        history=[(0, UNDER_WAY), (10, refused(QUOTA, replicas=2, updatedReplicas=2)), (140, DONE)], end=State.RELEASED
    ),
    "S8 the webhook does not answer for a minute": Timeline(
        history=[(0, UNDER_WAY), (5, refused(WEBHOOK, replicas=3, updatedReplicas=0)), (70, DONE)], end=State.RELEASED
    ),
    "S22 a StatefulSet whose webhook does not answer for ten minutes": Timeline(
        history=[(0, ordered()), (5, ordered(not_created(WEBHOOK, 5), observedGeneration=3)), (600, replaced())],
        end=State.RELEASED,
    ),
    "S23 a StatefulSet that a policy denied a pod just before the change": Timeline(
        history=[(0, ordered(not_created(DENIED, -5), observedGeneration=3)), (20, replaced())], end=State.RELEASED
    ),
    "S9 a limit of the registry, then a Secret that is late": Timeline(
        history=[(0, LIMITED), (40, NO_SECRET), (60, DONE)], end=State.RELEASED
    ),
    "S10 an init container that succeeds at its third try": Timeline(
        history=[(0, UNDER_WAY), (10, init_retried())], end=State.RELEASED
    ),
    "S11 paused for 20 minutes": Timeline(
        history=[(0, paused()), (1200, DONE)], through=State.STALLED, end=State.RELEASED
    ),
    "S12 crashes half a minute after the watch": Timeline(
        history=[(0, DONE), (160, all_crash(160))], end=State.RELEASED, until=120
    ),
    "S13 a manifest that sets the revision": Timeline(history=[(0, exported())], end=State.RELEASED, until=120),
    "S15 the last pod is ready after the deadline": Timeline(history=[(0, overdue()), (30, DONE)], end=State.RELEASED),
    "S18 the deadline has passed, and a container cannot start for a moment": Timeline(
        history=[(0, overdue()), (40, overdue(*CANNOT_START.pods)), (45, DONE)], end=State.RELEASED
    ),
    "S19 a deadline is missed twice for a moment, long after the time-out": Timeline(
        history=[(0, paused()), (1000, overdue()), (1020, UNDER_WAY), (2000, overdue()), (2020, DONE)],
        through=State.STALLED,
        end=State.RELEASED,
    ),
    "S20 a container cannot start for a moment, twice during the watch": Timeline(
        history=[(0, DONE), (30, restarting()), (50, DONE), (70, restarting()), (90, DONE)], end=State.RELEASED
    ),
    "S21 an image is not found before and after the cluster cannot be reached": Timeline(
        history=[(0, NOT_FOUND), (20, Unreachable()), (120, NOT_FOUND), (130, DONE)], end=State.RELEASED
    ),
    "S16 a node is lost during the watch": Timeline(
        history=[(0, DONE), (30, node_lost()), (400, REPLACED)], end=State.RELEASED
    ),
    "S22 somebody syncs an application by hand": Timeline(
        history=[(0, not_synced()), (300, DONE)],
        start=State.SYNCING,
        end=State.RELEASED,
        agent=[(0, BEHIND), (60, MANUAL), (290, SYNCING), (310, SYNCED)],
    ),
    "S23 a sync fails for an hour, and somebody mends it": Timeline(
        history=[(0, not_synced()), (3000, DONE)],
        start=State.SYNCING,
        through=State.STALLED,
        end=State.RELEASED,
        agent=[(0, MANUAL), (60, BROKEN), (2990, SYNCED)],
    ),
    "S24 a sync window opens": Timeline(
        history=[(0, not_synced()), (600, DONE)],
        start=State.SYNCING,
        end=State.RELEASED,
        agent=[(0, HELD), (601, None)],
    ),
    "S25 an agent's revision tells, and new pods run with the new ConfigMap": Timeline(
        history=[(0, not_restarted()), (62, nowhere_named())],
        start=State.SYNCING,
        end=State.RELEASED,
        agent=[(0, BEHIND), (60, SYNCED)],
        verified_by=Method.ROLLOUT,
    ),
    "S17 the cluster cannot be reached for 40 minutes": Timeline(
        history=[(0, UNDER_WAY), (10, Unreachable()), (2400, DONE)], through=State.STALLED, end=State.RELEASED
    ),
}
STALLED: Final = {
    "C4 a plain ConfigMap, and nobody restarts the pods": Timeline(
        history=[(0, WAITS)],
        start=State.SYNCING,
        verified_by=Method.ROLLOUT,
        end=State.STALLED,
        why=f"restart them with kubectl rollout restart deployment/{NAME} -n models",
    ),
    "C5 the same, and the pods still name the old version": Timeline(
        history=[(0, WAITS)],
        start=State.SYNCING,
        served=replace(SERVED, version=2),
        end=State.STALLED,
        why="the pods started before it",
    ),
    "C6 a ConfigMap that may not be read, and pods that name no version": Timeline(
        history=[(0, UNREAD)], start=State.SYNCING, verified_by=Method.ROLLOUT, end=State.STALLED, why="forbidden"
    ),
    "C7 the ConfigMap changes twice, so that the pods serve what it held in between": Timeline(
        history=[(0, configured(3, changed=-600, created=-300)), (60, configured(3, changed=60, created=-300))],
        start=State.SYNCING,
        served=replace(SERVED, version=2),
        end=State.STALLED,
        why="the pods started before it",
    ),
    "S4 replicas: 0": Timeline(history=[(0, ZERO)], end=State.STALLED, why="scaled to 0 pods"),
    "S5 the agent does not sync": Timeline(
        history=[(0, not_synced())], start=State.SYNCING, end=State.STALLED, why="still says production v2"
    ),
    "S22 nobody syncs an application": Timeline(
        history=[(0, not_synced())],
        start=State.SYNCING,
        end=State.STALLED,
        agent=[(0, MANUAL)],
        why="still says production v2; Application argocd/iris is out of sync since 2026-05-04 12:00 UTC; it does not",
    ),
    "S23 a sync fails": Timeline(
        history=[(0, not_synced())], start=State.SYNCING, end=State.STALLED, agent=[(0, BROKEN)], why="is invalid"
    ),
    "S25 an agent's revision tells, but nothing restarts the pods": Timeline(
        history=[(0, not_restarted())],
        start=State.SYNCING,
        end=State.STALLED,
        agent=[(0, BEHIND), (60, SYNCED)],
        verified_by=Method.ROLLOUT,
        why="is older than the merge",
    ),
    "S26 no agent tells of a pin in a ConfigMap": Timeline(
        history=[(0, nowhere_named())],
        start=State.SYNCING,
        end=State.STALLED,
        verified_by=Method.ROLLOUT,
        why="no version",
    ),
    "S27 the pods contradict what an agent says": Timeline(
        history=[(0, nowhere_named())],
        start=State.SYNCING,
        end=State.STALLED,
        agent=[(0, SYNCED)],
        served=replace(SERVED, version=2),
        why="no version",
    ),
    "S6 no such workload": Timeline(history=[(0, None)], start=State.SYNCING, end=State.STALLED, why="no workload"),
    "S11 paused": Timeline(history=[(0, paused())], end=State.STALLED, why="rollout resume"),
    "S14 the pods cannot be reached": Timeline(
        history=[(0, DONE)], end=State.STALLED, why="no answer in time", served=told(SILENT)
    ),
    "S17 the cluster cannot be reached": Timeline(history=[(0, Unreachable())], end=State.STALLED),
}
FAILED: Final = {
    "F1 an image that does not exist": Timeline(history=[(0, NOT_FOUND)], end=State.FAILED, why="not found"),
    "F10 an image that does not exist, and a container that cannot start now and then": Timeline(
        history=flickering(NOT_FOUND, CANNOT_START), end=State.FAILED, why="not found", until=90
    ),
    "F11 a policy denies the pods, and a container cannot start now and then": Timeline(
        history=flickering(refused(DENIED, replicas=3, updatedReplicas=0), CANNOT_START),
        end=State.FAILED,
        why="not signed",
        until=60,
    ),
    "F2 a name that is none": Timeline(
        history=[(0, pulling("InvalidImageName", "couldn't parse image"))], end=State.FAILED, why="InvalidImageName"
    ),
    "F3 no right to the image": Timeline(
        history=[(0, pulling("ErrImagePull", "401 Unauthorized"))], end=State.FAILED, why="Unauthorized"
    ),
    "F4 a policy denies the pods": Timeline(
        history=[(0, refused(DENIED, replicas=3, updatedReplicas=0))], end=State.FAILED, why="not signed"
    ),
    "F12 a policy denies a StatefulSet its pods": Timeline(
        history=[(0, ordered(not_created(DENIED, 0), observedGeneration=3))],
        end=State.FAILED,
        why="not signed",
        until=60,
    ),
    "F13 a quota that leaves no room for the pods of a StatefulSet": Timeline(
        history=[(0, ordered(not_created(QUOTA, 0)))], end=State.FAILED, why="quota exceeded", until=400
    ),
    "F5 crashes for ever": Timeline(history=[(0, all_crash(0))], end=State.FAILED, why="exit code 1"),
    "F6 crashes during the watch": Timeline(
        history=[(0, DONE), (60, all_crash(60))], through=State.VERIFYING, end=State.FAILED, why="exit code 1"
    ),
    "F7 never ready, and the deadline passes": Timeline(
        history=[(0, UNDER_WAY), (600, overdue())], end=State.FAILED, why="10 minutes"
    ),
    "F8 a Secret that never comes, and the deadline passes": Timeline(
        history=[(0, NO_SECRET), (600, replace(overdue(*NO_SECRET.pods), events=()))], end=State.FAILED, why=SECRET
    ),
    "F9 the pods serve another version": Timeline(
        history=[(0, DONE)], end=State.FAILED, why="v2", served=replace(SERVED, version=2)
    ),
}
