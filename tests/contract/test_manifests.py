"""The manifests render with the real kustomize, are valid by Kubernetes' own schemas, and say what Callboard reads."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.config import load
from bot.domain import Pair, Pin
from bot.environment import Environment
from bot.offline import texts
from bot.rules import formats

REPOSITORY = Path(__file__).parents[2]
KUBECTL = Path(sys.executable).with_name("kubectl")
FOLDERS = ["iris-classifier/staging", "iris-classifier/production", "callboard"]
STAGES = ["staging", "production"]
SERVER = "ghcr.io/callboard/model-server:0.1.0"


@cache
def rendered(folder: Path) -> tuple[dict[str, Any], ...]:
    run = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == "", "kustomize warns of nothing"
    return tuple(yaml.safe_load_all(run.stdout))


def objects(folder: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in rendered(REPOSITORY / "manifests" / folder) if each["kind"] == kind]


def deployment(folder: str) -> dict[str, Any]:
    (found,) = objects(folder, "Deployment")
    return found


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(found)


def env(workload: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(workload)["env"]}


def test_every_folder_is_looked_at() -> None:
    kustomizations = (REPOSITORY / "manifests").rglob("kustomization.yaml")
    found = {file.parent.relative_to(REPOSITORY / "manifests").as_posix() for file in kustomizations}
    assert found - {"iris-classifier/base"} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_objects_are_valid_strictly(folder: str) -> None:
    for each in rendered(REPOSITORY / "manifests" / folder):
        kubernetes_validate.validate(each, "1.37", strict=True)


def test_the_schemas_would_see_a_mistake() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(deployment("callboard")))
    wrong["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize(("stage", "version", "replicas"), [("staging", "2", 1), ("production", "1", 3)])
def test_a_stage_runs_its_own_version(stage: str, version: str, replicas: int) -> None:
    workload = deployment(f"iris-classifier/{stage}")
    assert workload["metadata"]["name"] == f"iris-classifier-{stage}"
    assert workload["metadata"]["namespace"] == "models"
    assert workload["spec"]["replicas"] == replicas
    assert env(workload) == {
        "MODEL_NAME": "iris-classifier",
        "MODEL_STAGE": stage,
        "MODEL_VERSION": version,
        "MLFLOW_TRACKING_URI": "http://mlflow.mlops.svc:5000",
    }
    assert container(workload)["image"] == SERVER
    assert "command" not in container(workload)


@pytest.mark.parametrize("stage", STAGES)
def test_what_callboard_reads_is_what_kustomize_makes(stage: str) -> None:
    files = texts(REPOSITORY, f"manifests/iris-classifier/{stage}")
    found, workload = formats.find(files, "iris-classifier"), deployment(f"iris-classifier/{stage}")
    assert (found.namespace, found.workload) == (workload["metadata"]["namespace"], workload["metadata"]["name"])
    assert found.pin == Pin(stage=stage, version=int(env(workload)["MODEL_VERSION"]))


@pytest.mark.parametrize("stage", STAGES)
def test_an_edit_changes_the_environment_of_the_pods_and_nothing_else(stage: str, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "manifests", tmp_path / "manifests")
    folder = f"manifests/iris-classifier/{stage}"
    change = formats.edit(texts(tmp_path, folder), Pin(stage=stage, version=9), "iris-classifier")
    for path, after in change.after.items():
        (tmp_path / path).write_bytes(after.encode())
    before, after_ = yaml.safe_dump_all(rendered(REPOSITORY / folder)), yaml.safe_dump_all(rendered(tmp_path / folder))
    lines = set(after_.splitlines()) - set(before.splitlines())
    assert [line.strip() for line in lines] == ["value: '9'"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_rollout_takes_no_answering_pod_away_and_gives_up_in_time(stage: str) -> None:
    spec = deployment(f"iris-classifier/{stage}")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["progressDeadlineSeconds"] == 120
    probes = {name: container({"spec": spec})[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/ping",
    }
    assert (probes["startup"]["periodSeconds"], probes["startup"]["failureThreshold"]) == (1, 120)


@pytest.mark.parametrize("stage", STAGES)
def test_the_service_finds_the_pods_of_its_own_stage_only(stage: str) -> None:
    (service,) = objects(f"iris-classifier/{stage}", "Service")
    labels = {each: deployment(f"iris-classifier/{each}")["spec"]["template"]["metadata"]["labels"] for each in STAGES}
    assert {each for each, has in labels.items() if service["spec"]["selector"].items() <= has.items()} == {stage}
    (port,) = container(deployment(f"iris-classifier/{stage}"))["ports"]
    assert (port["containerPort"], service["spec"]["ports"][0]["targetPort"]) == (8080, port["name"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_pods_keep_the_restricted_standard(folder: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    pod = deployment(folder)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert all(
        set(volume) - {"name"} <= {"emptyDir", "configMap", "persistentVolumeClaim"} for volume in pod["volumes"]
    )
    for each in pod["containers"]:
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])
        assert "memory" in each["resources"]["limits"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_model_is_asked_on_one_port_and_asks_for_names_and_the_registry_only(stage: str) -> None:
    (policy,) = objects(f"iris-classifier/{stage}", "NetworkPolicy")
    labels = deployment(f"iris-classifier/{stage}")["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == [{"ports": [{"port": "http"}]}]
    namespaces = {
        to["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: [port["port"] for port in rule["ports"]]
        for rule in policy["spec"]["egress"]
        for to in rule["to"]
    }
    registry = env(deployment(f"iris-classifier/{stage}"))["MLFLOW_TRACKING_URI"]
    assert namespaces == {"kube-system": [53, 53], registry.split(".")[1]: [int(registry.rpartition(":")[2])]}


@pytest.mark.parametrize("stage", STAGES)
def test_a_drained_node_takes_one_pod_of_a_stage_after_the_other(stage: str) -> None:
    (budget,) = objects(f"iris-classifier/{stage}", "PodDisruptionBudget")
    labels = deployment(f"iris-classifier/{stage}")["spec"]["template"]["metadata"]["labels"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"] == {name: labels[name] for name in ("model", "stage")}


@pytest.mark.parametrize("stage", STAGES)
def test_a_pod_has_time_to_answer_what_is_under_way_and_says_why_it_ended(stage: str) -> None:
    workload = deployment(f"iris-classifier/{stage}")
    assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 5, "docs/serving.md"
    assert container(workload)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_a_model_has_no_account_in_the_cluster() -> None:
    for stage in STAGES:
        assert (
            deployment(f"iris-classifier/{stage}")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
        )


def test_callboard_only_looks() -> None:
    (role,) = objects("callboard", "ClusterRole")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert resources == {"deployments", "replicasets", "statefulsets", "daemonsets", "pods", "events", "pods/log"}
    assert objects("callboard", "ClusterRoleBinding") == [], "in the namespaces of the models, and in no other"
    (binding,) = objects("callboard", "RoleBinding")
    (account,) = objects("callboard", "ServiceAccount")
    assert binding["metadata"]["namespace"] == "models"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    subject = {"kind": "ServiceAccount", **{key: account["metadata"][key] for key in ("name", "namespace")}}
    assert binding["subjects"] == [subject]
    assert deployment("callboard")["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_callboard_is_one_and_its_secrets_are_named_only() -> None:
    workload = deployment("callboard")
    assert workload["spec"]["replicas"] == 1
    assert workload["spec"]["strategy"] == {"type": "Recreate"}, "two would share one file"
    assert container(workload)["envFrom"] == [{"secretRef": {"name": "callboard"}}]
    assert objects("callboard", "Secret") == []
    assert objects("callboard", "ConfigMap") == []


def test_what_callboards_manifest_sets_is_what_callboard_reads() -> None:
    given = env(deployment("callboard"))
    secret = {
        "SLACK_BOT_TOKEN": "x",
        "SLACK_SIGNING_SECRET": "x",
        "GITHUB_TOKEN": "x",
        "MLFLOW_TRACKING_URI": "http://x",
    }
    told = Environment.read({**given, **secret})
    assert set(given) <= {name.upper() for name in Environment.__annotations__}
    mounts = [mount["mountPath"] for mount in container(deployment("callboard"))["volumeMounts"]]
    assert Path(told.callboard_config).parent.as_posix() in mounts
    assert Path(told.database_url.removeprefix("sqlite:///")).parent.as_posix() in mounts
    ports = {port["name"]: port["containerPort"] for port in container(deployment("callboard"))["ports"]}
    assert ports == {"public": told.port, "internal": told.internal_port}


def test_only_the_public_port_is_let_in() -> None:
    (policy,) = objects("callboard", "NetworkPolicy")
    (service,) = objects("callboard", "Service")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": "public"}]}]
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["public"]
    labels = deployment("callboard")["spec"]["template"]["metadata"]["labels"]
    for selector in (policy["spec"]["podSelector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= labels.items()


def test_the_names_here_are_those_of_app_yaml() -> None:
    app = load(REPOSITORY / "app.yaml")
    for stage in app.stages_of("iris-classifier"):
        assert (REPOSITORY / app.folder(Pair(model="iris-classifier", stage=stage))).is_dir()
