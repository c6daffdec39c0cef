"""What the manifests of a model say: its stages, who reaches whom, and how a pod comes and goes."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from bot.cli.checkout import texts
from bot.cli.targets import check
from bot.config.app_yaml import load
from bot.domain.policy import Policy
from bot.domain.target import Pin, Target
from bot.rules import pins
from bot.rules.pins.place import locate
from callboard_demo.gitops import seed
from callboard_model_server import settings
from tests.manifests.rendered import CALLBOARDS, MANIFESTS, STAGES, container, env, objects, one, pod, rendered
from tests.paths import ROOT

LIVE = "iris-classifier/live"
SERVER = "ghcr.io/callboard/model-server:0.1.0"
ENDS_WITHIN = 5
"""Seconds that the server takes after SIGTERM at most (docs/serving.md)."""


def of(stage: str) -> str:
    return f"iris-classifier/{stage}"


def selected(selector: dict[str, str]) -> set[str]:
    """Return the stages whose pods a selector finds."""
    return {each for each in STAGES if selector.items() <= pod(of(each))["metadata"]["labels"].items()}


# ── what runs where ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stage", "version", "replicas"), [("staging", "2", 1), ("production", "1", 3), ("canary", "2", 1)]
)
def test_a_stage_runs_its_own_version(stage: str, version: str, replicas: int) -> None:
    workload = one(of(stage), "Deployment")
    assert workload["metadata"]["name"] == f"iris-classifier-{stage}"
    assert workload["metadata"]["namespace"] == "models"
    assert workload["spec"]["replicas"] == replicas
    assert env(of(stage)) == {
        "MODEL_NAME": "iris-classifier",
        "MODEL_STAGE": stage,
        "MODEL_VERSION": version,
        "MLFLOW_TRACKING_URI": "https://mlflow.mlops.svc:5000",
        "MLFLOW_TRACKING_SERVER_CERT_PATH": "/etc/mlflow-ca/ca.crt",
    }
    assert "command" not in container(of(stage))


def test_all_stages_run_the_same_image() -> None:
    assert {container(of(stage))["image"] for stage in STAGES} == {SERVER}


@pytest.mark.parametrize("stage", STAGES)
def test_the_registrys_account_is_a_secret_that_may_be_missing(stage: str) -> None:
    assert container(of(stage))["envFrom"] == [{"secretRef": {"name": "mlflow-reader", "optional": True}}]


@pytest.mark.parametrize("folder", [*map(of, STAGES), *CALLBOARDS])
def test_the_certificate_that_mlflows_must_be_signed_by_is_a_configmap(folder: str) -> None:
    path = Path(env(folder)["MLFLOW_TRACKING_SERVER_CERT_PATH"])
    (volume,) = [each for each in pod(folder)["spec"]["volumes"] if each["name"] == "mlflow-ca"]
    (mount,) = [each for each in container(folder)["volumeMounts"] if each["name"] == "mlflow-ca"]
    assert (mount["mountPath"], mount["readOnly"]) == (path.parent.as_posix(), True)
    assert volume["configMap"] == {"name": "mlflow-ca", "optional": True}  # what runs there says that it is missing


@pytest.mark.parametrize("stage", STAGES)
def test_what_callboard_reads_is_what_kustomize_makes(stage: str) -> None:
    target = Target(model="iris-classifier", stage=stage)
    located, meta = locate(texts(MANIFESTS, of(stage)), target, Policy()), one(of(stage), "Deployment")["metadata"]
    assert (located.place.namespace, located.place.workload) == (meta["namespace"], meta["name"])
    assert located.found.pin == Pin(stage=stage, version=int(env(of(stage))["MODEL_VERSION"]))


@pytest.mark.parametrize("stage", STAGES)
def test_an_edit_changes_the_environment_of_the_pods_and_nothing_else(stage: str, tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    folder = f"manifests/{of(stage)}"
    change = pins.edit(texts(tmp_path, folder), Pin(stage=stage, version=9), "iris-classifier")
    for path, after in change.after.items():
        (tmp_path / path).write_bytes(after.encode())
    before, after_ = (yaml.safe_dump_all(rendered(root / folder)) for root in (ROOT, tmp_path))
    assert [line.strip() for line in set(after_.splitlines()) - set(before.splitlines())] == ["value: '9'"]


@pytest.mark.parametrize(("text", "stages"), [("as it is", {"staging", "production"}), ("with canary", set(STAGES))])
def test_the_stages_of_app_yaml_have_their_manifests(text: str, stages: set[str], tmp_path: Path) -> None:
    written = (ROOT / "app.yaml").read_text()
    if text == "with canary":
        written = re.sub(r"^  # (canary:|  after: staging)", r"  \1", written, flags=re.MULTILINE)
    (tmp_path / "app.yaml").write_text(written)
    found = check(load(tmp_path / "app.yaml"), ROOT)
    assert [each.text for each in found if each.wrong] == []
    assert {each.target for each in found} == {Target(model="iris-classifier", stage=stage) for stage in stages}


def test_a_canary_that_pins_another_stage_is_found(tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    release = tmp_path / "manifests" / of("canary") / "release.yaml"
    release.write_text(release.read_text().replace("value: canary", "value: production"))
    (tmp_path / "app.yaml").write_text("repository: a/b\nstages: {canary: {}}\nmodels: {iris-classifier: {}}\n")
    (found,) = check(load(tmp_path / "app.yaml"), tmp_path)
    assert (found.wrong, found.text.partition(": ")[2]) == (True, "pins the stage production, expected canary")


def test_the_demo_runs_the_same_manifests_without_what_it_has_no_room_for() -> None:
    folders = {Path(path).parent.name for path in seed.files() if path.startswith("manifests/iris-classifier/")}
    assert folders == {"base", "staging", "production", "live"}


# ── who reaches whom ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", STAGES)
def test_what_belongs_to_a_stage_finds_the_pods_of_that_stage_only(stage: str) -> None:
    selectors = [
        one(of(stage), "Service")["spec"]["selector"],
        one(of(stage), "Deployment")["spec"]["selector"]["matchLabels"],
        one(of(stage), "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(of(stage), "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert [selected(each) for each in selectors] == [{stage}] * len(selectors)


def test_production_and_canary_stand_behind_one_service_and_staging_does_not() -> None:
    assert selected(one(LIVE, "Service")["spec"]["selector"]) == {"production", "canary"}


@pytest.mark.parametrize("folder", [*map(of, STAGES), LIVE])
def test_a_service_leads_to_the_port_that_the_server_listens_on(folder: str) -> None:
    (port,) = container(of("production"))["ports"]
    (of_service,) = one(folder, "Service")["spec"]["ports"]
    said = {name: value for name, value in env(of("canary")).items() if not name.endswith("_PATH")}  # not mounted here
    assert (of_service["targetPort"], port["containerPort"]) == (port["name"], settings.read(said).port)


def test_the_routes_weights_name_services_that_are_there_and_make_a_hundred() -> None:
    (rule,) = one("iris-classifier/weights", "HTTPRoute")["spec"]["rules"]
    services = {one(of(stage), "Service")["metadata"]["name"]: stage for stage in STAGES}
    assert [services[each["name"]] for each in rule["backendRefs"]] == ["production", "canary"]
    assert sum(each["weight"] for each in rule["backendRefs"]) == 100
    assert {each["port"] for each in rule["backendRefs"]} == {80}


@pytest.mark.parametrize("stage", STAGES)
def test_a_model_is_called_on_its_port_and_calls_the_registry_and_dns_only(stage: str) -> None:
    spec = one(of(stage), "NetworkPolicy")["spec"]
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert spec["ingress"] == [{"ports": [{"port": "http"}]}]
    assert [
        (list(to["namespaceSelector"]["matchLabels"].values()), [port["port"] for port in rule["ports"]])
        for rule in spec["egress"]
        for to in rule["to"]
    ] == [(["kube-system"], [53, 53]), (["mlops"], [5000])]


@pytest.mark.parametrize("stage", STAGES)
def test_a_model_has_no_account_in_the_cluster_and_is_not_told_who_else_is_there(stage: str) -> None:
    spec = pod(of(stage))["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in spec
    assert objects(of(stage), "ServiceAccount") == []


# ── how a pod comes and goes ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", STAGES)
def test_a_rollout_takes_no_answering_pod_away_and_gives_up_in_time(stage: str) -> None:
    spec = one(of(stage), "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    probes = {name: container(of(stage))[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/ping",
    }
    assert (probes["startup"]["periodSeconds"], probes["startup"]["failureThreshold"]) == (1, 120)
    assert spec["progressDeadlineSeconds"] >= 2 * 120, "a node and an image must be found, too"


@pytest.mark.parametrize("stage", STAGES)
def test_a_pod_that_goes_has_time_for_its_hook_and_for_what_is_under_way(stage: str) -> None:
    word, seconds = container(of(stage))["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    assert pod(of(stage))["spec"]["terminationGracePeriodSeconds"] > int(seconds) + ENDS_WITHIN


@pytest.mark.parametrize("stage", STAGES)
def test_a_node_can_be_drained_whatever_runs_on_it(stage: str) -> None:
    spec = one(of(stage), "PodDisruptionBudget")["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
