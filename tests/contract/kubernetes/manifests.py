"""The Deployment that the contract tests roll out, in its variants."""

from typing import Any

Json = dict[str, Any]
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
