"""What the cluster shows at one moment of a timeline, and what a GitOps agent says."""

from dataclasses import replace
from typing import Any, Final

from bot.domain.cluster import AgentSeen, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Name, Said
from bot.domain.reasons.agents import LastApplied, OutOfSync, SyncFailed, Waits, WaitsForWindow
from bot.domain.reasons.configmaps import ConfigMapsUnread
from tests.fixtures.evidence import told
from tests.fixtures.rollout_history import MERGE, History
from tests.fixtures.workload import (
    NAME,
    NEW,
    NOON,
    SECRET,
    ago,
    behind,
    configmap,
    container,
    deployment,
    ended,
    event,
    pod,
    progress,
    ready,
    replicaset,
    rolling,
    sick,
    waiting,
)

DONE: Final = ready()
UNDER_WAY: Final = rolling(replicas=4, conditions=[progress("ReplicaSetUpdated", f'ReplicaSet "{NAME}-{NEW}"')])
LATE: Final = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{NEW}" has timed out progressing.')
SILENT: Final = "http://10.0.0.7:8081/model: no answer in time"
DENIED: Final = 'admission webhook "policy" denied the request: image is not signed'
NO_GPU: Final = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


def scaled(snapshot: Snapshot, wanted: int, *pods: Json, **status: Any) -> Snapshot:
    """Return the workload with that many replicas and more pods, as an autoscaler makes it."""
    counters = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    workload = deployment(**(dict.fromkeys(counters, wanted) | status))
    workload["spec"]["replicas"] = wanted
    return replace(snapshot, workload=workload, pods=(*snapshot.pods, *pods))


def one_by_one() -> History:
    """Return ten pods, of which each loads its model for two minutes."""
    history: list[tuple[float, Snapshot]] = []
    for number in range(10):
        pods = (*(pod(f"p{i}") for i in range(number)), pod(f"p{number}", ready=False))
        status = {"replicas": 11, "updatedReplicas": number + 1, "readyReplicas": 10, "availableReplicas": 10}
        moving = [progress("ReplicaSetUpdated", f'ReplicaSet "{NAME}-{NEW}" is progressing.')]
        history.append((number * 120, scaled(replace(DONE, pods=pods), 10, conditions=moving, **status)))
    return [*history, (1200, scaled(replace(DONE, pods=tuple(pod(f"p{i}") for i in range(10))), 10))]


def pending() -> list[Json]:
    status: Json = {"phase": "Pending", "podIP": None, "containerStatuses": [], "conditions": [NO_GPU]}
    return [pod(f"h{i}", ready=False, **status) for i in range(3)]


def flapping() -> History:
    """Return an autoscaler that adds a pod and removes it every 100 seconds."""
    history: list[tuple[float, Snapshot]] = []
    for start in range(0, 3600, 100):
        name, one_more = f"x{start}", {"readyReplicas": 3, "availableReplicas": 3}
        history.append((start, DONE))
        history.append((start + 60, scaled(DONE, 4, pod(name, ready=False), **one_more)))
        history.append((start + 80, scaled(DONE, 4, pod(name))))
    return history


def refused(message: str, **status: int) -> Snapshot:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return replace(rolling(pod("aaa"), **status), replicasets=(replicaset(conditions=[failure]),))


def ordered(*events: Json, **status: Any) -> Snapshot:
    """Return a StatefulSet of three pods, of which the last is to be replaced."""
    its = deployment(**status)
    del its["status"]["conditions"]
    its = {**its, "kind": "StatefulSet"}
    left = tuple(owned_pod(name) for name in ("aaa", "bbb"))
    return Snapshot(workload=its, pods=left, events=events)


def owned_pod(name: str, revision: str = "old") -> Json:
    one = pod(name)
    one["metadata"]["labels"] = {"controller-revision-hash": revision}
    one["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": NAME, "uid": "d-1"}]
    return one


def not_created(message: str, second: float) -> Json:
    """Return what the controller of a StatefulSet says at a second."""
    about = {"kind": "StatefulSet", "name": NAME, "uid": "d-1"}
    made = event(NAME, "FailedCreate", f"create Pod failed error: {message}", -second)
    return {**made, "metadata": {"name": "e-1", "uid": "e-1"}, "involvedObject": about}


def replaced() -> Snapshot:
    names = ("aaa", "bbb", "ccc")
    done = ordered(currentReplicas=3, currentRevision="new", updateRevision="new")
    return replace(done, pods=tuple(owned_pod(name, "new") for name in names))


def init_retried() -> Snapshot:
    status = container(name="wait", ready=True, restartCount=2, lastState=ended(1), state=ended(0, seconds=10))
    one: Json = pod("x2x", initContainerStatuses=[status])
    one["spec"]["initContainers"] = [{"name": "wait", "image": "busybox"}]
    return replace(DONE, pods=(one, *DONE.pods[1:]))


def paused() -> Snapshot:
    held = replace(UNDER_WAY, pods=(pod("aaa"),))
    held.workload["spec"]["paused"] = True
    return held


def exported() -> Snapshot:
    workload = deployment()
    workload["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    return replace(DONE, workload=workload)


def not_synced() -> Snapshot:
    pods = tuple(pod(name, version=2) for name in ("aaa", "bbb", "ccc"))
    return Snapshot(workload=deployment(version=2), replicasets=(replicaset(NEW, "2", 2),), pods=pods)


def overdue(*others: Json) -> Snapshot:
    workload = deployment(readyReplicas=2, availableReplicas=2, conditions=[LATE])
    last = others or (pod("ccc", ready=False),)
    return replace(DONE, workload=workload, pods=(*DONE.pods[:2], *last))


def all_crash(second: float) -> Snapshot:
    loop = waiting("CrashLoopBackOff", restartCount=5, lastState=ended(1, seconds=-second))
    pods = tuple(pod(name, ready=False, containerStatuses=[loop]) for name in ("aaa", "bbb", "ccc"))
    return replace(DONE, workload=deployment(readyReplicas=0, availableReplicas=0), pods=pods)


def node_lost() -> Snapshot:
    lost = pod("ccc", ready=False, conditions=[{"type": "Ready", "status": "False", "reason": "NodeNotReady"}])
    return replace(DONE, workload=deployment(readyReplicas=2, availableReplicas=2), pods=(*DONE.pods[:2], lost))


def restarting() -> Snapshot:
    one = pod("ccc", ready=False, containerStatuses=[waiting("RunContainerError", "no such file", restartCount=1)])
    return replace(DONE, pods=(*DONE.pods[:2], one))


def pulling(reason: str, message: str) -> Snapshot:
    return sick(waiting(reason, message), phase="Pending")


def flickering(steady: Snapshot, cause: Snapshot) -> History:
    """Return a cause that comes for ten of every twenty seconds, beside one that stays."""
    both = replace(steady, pods=(*steady.pods, *(renamed(each) for each in cause.pods)))
    return [(start, both if start % 20 else steady) for start in range(0, 300, 10)]


def renamed(one: Json) -> Json:
    return {**one, "metadata": {**one["metadata"], "name": f"{one['metadata']['name']}-2"}}


def nowhere_named() -> Snapshot:
    """Return the rollout that is done, with the version in a ConfigMap: the template does not name it."""
    done = ready()
    for obj in (done.workload, *done.replicasets):
        obj["spec"]["template"]["spec"]["containers"][0]["env"] = []
    for each in done.pods:
        each["spec"]["containers"][0]["env"] = []
    return done


def not_restarted() -> Snapshot:
    """Return the same with pods of before the merge."""
    done = nowhere_named()
    for each in done.pods:
        each["metadata"]["creationTimestamp"] = ago(3600)
    return done


APP: Final = Name("Application argocd/iris")
MANUAL: Final = AgentSeen(name=APP, applied=("0" * 40,), waits=OutOfSync(agent=APP, automatic=False))
BROKEN: Final = replace(MANUAL, waits=SyncFailed(agent=APP, said=Said("Deployment is invalid")))
HELD: Final = replace(MANUAL, waits=WaitsForWindow(agent=APP, until=NOON))
SYNCING: Final = replace(MANUAL, waits=Waits(agent=APP, said=Said("waiting for healthy state")))
SYNCED: Final = replace(MANUAL, applied=(MERGE,), waits=LastApplied(agent=APP, revision=Name(MERGE[:7])))
BEHIND: Final = replace(MANUAL, waits=LastApplied(agent=APP, revision=Name("0" * 7)))
ZERO: Final = scaled(replace(DONE, pods=()), 0)
REPLACED: Final = replace(DONE, pods=(*DONE.pods[:2], pod("ddd")))
LIMITED: Final = pulling("ErrImagePull", "429 Too Many Requests")
CANNOT_START: Final = pulling("RunContainerError", "exec: no such file")
NOT_FOUND: Final = pulling("ImagePullBackOff", "manifest unknown: not found")
NO_SECRET: Final = pulling("CreateContainerConfigError", SECRET)


def configured(version: int, *, changed: float, created: float, name: str = "release") -> Snapshot:
    """Return pods that were created, and whose ConfigMap was changed, so many seconds after the start."""
    data = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production", "MODEL_VERSION": str(version)}
    found = behind(DONE, configmap(name, changed=-changed, **data), name=name)
    for one in found.pods:
        one["metadata"]["creationTimestamp"] = ago(-created)
    return found


HASHED: Final = "release-9dkmb2t7gf"
WAITS: Final = configured(3, changed=60, created=-300)
RESTARTED: Final = configured(3, changed=60, created=600)
UNREAD: Final = replace(WAITS, configmaps=ConfigMapsUnread(namespace=Name("models"), cause=told("forbidden")))
