"""The Deployment that the contract tests roll out, in its variants, and workloads of other kinds with the same pods."""

from typing import Any

from bot.rules.kubernetes.kinds.kind import Kind

Json = dict[str, Any]
NAME = "model"
STAGE = "production"
DEADLINE = 4
"""progressDeadlineSeconds: 8 in the recorded traces, shorter here to save time; its length changes no transition."""


def version_of(value: Json) -> str:
    """Return the MODEL_VERSION of a Deployment, a ReplicaSet or a pod."""
    pod = value["spec"]["template"]["spec"] if "template" in value["spec"] else value["spec"]
    return next(str(v["value"]) for v in pod["containers"][0]["env"] if v["name"] == "MODEL_VERSION")


def deployment(version: str = "1", *, namespace: str, name: str = "model", replicas: int = 3, **spec: Any) -> Json:
    """Return a Deployment of the scripted model server; versions `badimage` and `crash` differ as in the traces."""
    tag = "does-not-exist" if version == "badimage" else "1"
    container: Json = {
        "name": "server",
        "image": f"acme/model-server:{tag}",
        "env": [{"name": "MODEL_NAME", "value": name}, {"name": "MODEL_VERSION", "value": version}],
        "ports": [{"containerPort": 8080}],
    }
    if version != "crash":
        container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    head: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}}
    wanted = {"replicas": replicas, "progressDeadlineSeconds": DEADLINE, "selector": {"matchLabels": {"app": name}}}
    return {**head, "spec": {**wanted, "template": template, **spec}}


def template(version: int, **pod: Any) -> Json:
    """Return the same pod template with a stage, so that Callboard finds its workload."""
    found: Json = deployment(str(version), namespace="")["spec"]["template"]
    found["spec"]["containers"][0]["env"].append({"name": "MODEL_STAGE", "value": STAGE})
    return {**found, "spec": found["spec"] | pod}


def workload(kind: Kind, version: int, **spec: Any) -> Json:
    """Return a workload of any kind that has a template and a selector."""
    head: Json = {"apiVersion": f"{kind.group}/{kind.version}", "kind": kind.name, "metadata": {"name": NAME}}
    return {**head, "spec": {"selector": {"matchLabels": {"app": NAME}}, "template": template(version)} | spec}


def owner(obj: Json) -> list[Json]:
    """Return the reference by which an object controls another."""
    meta = obj["metadata"]
    of = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    return [{**of, "controller": True, "blockOwnerDeletion": True}]
