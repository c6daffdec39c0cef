"""One healthy workload as the cluster shows it, raw, for tests to change one thing of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain import Json, Sighting

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NAME = "iris-classifier-production"
NEW, OLD = "7c9d4b5f6", "5d8f7c6b4"


def ago(seconds: float) -> str:
    """Return a moment before NOON as Kubernetes writes it."""
    return (NOON - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def template(version: int = 3, **container: Any) -> Json:
    """Return the pod template of a version."""
    env = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production", "MODEL_VERSION": str(version)}
    server = {
        "name": "server",
        "image": "registry.example/model-server:1",
        "ports": [{"containerPort": 9000, "name": "metrics"}, {"containerPort": 8081, "name": "http"}],
        "env": [{"name": k, "value": v} for k, v in env.items()],
    }
    return {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [server | container]}}


def deployment(version: int = 3, **status: Any) -> Json:
    """Return a Deployment of three pods that says it is done."""
    done = {"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    progressing = progress("NewReplicaSetAvailable", f'ReplicaSet "{NAME}-{NEW}" has successfully progressed.')
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": NAME,
            "namespace": "models",
            "uid": "d-1",
            "generation": 4,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"replicas": 3, "progressDeadlineSeconds": 600, "template": template(version)},
        "status": done | {"conditions": [progressing]} | status,
    }


def progress(reason: str, message: str) -> Json:
    """Return a Deployment's condition Progressing."""
    return {"type": "Progressing", "status": "True", "reason": reason, "message": message}


def replicaset(mark: str = NEW, revision: str = "2", version: int = 3, owner: str = "d-1", **status: Any) -> Json:
    """Return a ReplicaSet of the Deployment."""
    made = template(version)
    made["metadata"]["labels"]["pod-template-hash"] = mark
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{NAME}-{mark}",
            "uid": f"r-{mark}",
            "labels": {"pod-template-hash": mark},
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": NAME, "uid": owner}],
        },
        "spec": {"replicas": 3, "template": made},
        "status": status,
    }


def pod(name: str, mark: str = NEW, *, ready: bool = True, version: int = 3, **status: Any) -> Json:
    """Return a running pod of a ReplicaSet, started five minutes ago."""
    running = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [container(ready=ready)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{NAME}-{mark}-{name}",
            "creationTimestamp": ago(300),
            "labels": {"pod-template-hash": mark},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{NAME}-{mark}", "uid": f"r-{mark}"}],
        },
        "spec": template(version)["spec"],
        "status": running | status,
    }


def container(*, ready: bool = False, name: str = "server", **status: Any) -> Json:
    """Return the status of a running container."""
    running = {"name": name, "ready": ready, "restartCount": 0, "started": True}
    return running | {"state": {"running": {"startedAt": ago(290)}}} | status


def waiting(reason: str, message: str = "", **status: Any) -> Json:
    """Return the status of a container that waits."""
    return container(state={"waiting": {"reason": reason, "message": message}}, **status)


def ended(code: int = 1, *, reason: str = "Error", seconds: float = 20) -> Json:
    """Return how a container's run ended, that many seconds before NOON."""
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": ago(seconds)}}


def event(about: str, reason: str, message: str, seconds: float = 10) -> Json:
    """Return a warning about a pod."""
    return {
        "kind": "Event",
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "Pod", "name": about},
        "lastTimestamp": ago(seconds),
    }


def ready() -> Sighting:
    """Return a rollout that is done: three pods of v3, none of any other."""
    pods = tuple(pod(name) for name in ("aaa", "bbb", "ccc"))
    return Sighting(workload=deployment(), replicasets=(replicaset(OLD, "1", 2), replicaset()), pods=pods)
