"""`callboard check`: what it says of each target's namespace and workload, and what it refuses as `/promote` does."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.test_cli import call, repository

BARE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris}
env: [{name: MODEL_STAGE, value: staging}, {name: MODEL_VERSION, value: "1"}]
"""
STAGED = BARE.replace("name: iris", "name: iris, namespace: ml")
ONE = "stages: {staging: {}}\n"


def checked(
    root: Path, capsys: pytest.CaptureFixture[str], app: str, files: Mapping[str, str], around: Mapping[str, str] = {}
) -> tuple[int, list[str]]:
    """Return the exit code and the lines of a check; `around` are files outside of `manifests/`."""
    repository(root, app, **files)
    for path, text in around.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    code = call("check", "--config", root / "app.yaml", "--root", root)
    return code, capsys.readouterr().out.replace(f"{root}/", "").splitlines()


def test_a_target_without_a_namespace_is_refused_and_the_key_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"iris/staging/a.yaml": BARE}
    code, (line,) = checked(tmp_path, capsys, ONE, files)
    assert code == 1
    assert "a.yaml:4: the files that Callboard reads here do not say in which namespace the workload runs" in line
    code, lines = checked(tmp_path, capsys, "stages: {staging: {namespace: 'ml-{stage}'}}\n", files)
    assert (code, lines[1:3]) == (
        0,
        ["  namespace: ml-staging (`namespace`, app.yaml:2)", "  workload: Deployment iris"],
    )


def test_app_yaml_that_contradicts_the_manifest_is_refused_with_both_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"iris/staging/a.yaml": STAGED}
    code, (line,) = checked(tmp_path, capsys, "stages: {staging: {namespace: other}}\n", files)
    assert code == 1
    assert "ml (manifests/iris/staging/a.yaml:3) and other (app.yaml:2); correct or remove one" in line


def test_the_cluster_of_a_target_is_told_and_what_only_the_bot_can_tell_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    files, app = {"iris/staging/a.yaml": STAGED}, "stages: {staging: {cluster: '{stage}-eu'}}\n"
    code, lines = checked(tmp_path, capsys, app, files)
    told = (
        "  cluster: staging-eu (`cluster`, app.yaml:2); only the bot can tell whether its kubeconfig has this context"
    )
    assert (code, lines[1]) == (0, told)
    (tmp_path / "config").write_text("contexts: [{name: prod-eu}]\nclusters: []\nusers: []\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    code, lines = checked(tmp_path, capsys, app, files)
    assert (code, lines[1]) == (0, told)
    assert "it has no context staging-eu; its contexts are prod-eu" in lines[2]
    code, lines = checked(tmp_path, capsys, app.replace("{stage}", "prod"), files)
    assert lines[2].startswith("  namespace: ml")


def test_the_same_workload_in_two_clusters_is_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {f"iris/{stage}/a.yaml": STAGED.replace("value: staging", f"value: {stage}") for stage in ("a", "b")}
    assert checked(tmp_path, capsys, "stages: {a: {}, b: {}}\n", files)[0] == 1
    assert checked(tmp_path, capsys, "stages: {a: {}, b: {cluster: /etc/clusters/b}}\n", files)[0] == 0


FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec: {path: ./manifests/iris/staging, targetNamespace: flux}
"""


def test_an_agents_object_elsewhere_in_the_checkout_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    around = {"clusters/prod/apps.yaml": FLUX, ".hidden/apps.yaml": FLUX.replace("flux}", "hidden}")}
    files = {"iris/staging/a.yaml": STAGED}
    code, (line,) = checked(tmp_path, capsys, ONE, files, around)
    assert code == 1
    assert "ml (manifests/iris/staging/a.yaml:3) and flux (clusters/prod/apps.yaml:4)" in line
    app = "stages: {staging: {namespace: flux}}\n"
    code, lines = checked(tmp_path, capsys, app, {"iris/staging/a.yaml": BARE}, around)
    assert (code, lines[1]) == (0, "  namespace: flux (`namespace`, app.yaml:2)")


def test_an_overlay_elsewhere_that_renames_the_workload_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "iris/staging/a.yaml": STAGED,
        "iris/staging/kustomization.yaml": "resources: [a.yaml]\n",
        "kustomization.yaml": "nameSuffix: -live\nresources: [iris/staging]\n",
    }
    code, (line,) = checked(tmp_path, capsys, ONE, files)
    assert code == 1
    assert "different values for the workload: iris (manifests/iris/staging/a.yaml:3) and iris-live" in line


def test_two_models_that_share_a_pin_are_both_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = f"{ONE}manifests: manifests/all\nmodels: {{iris: {{}}, churn: {{}}}}\n"
    code, lines = checked(tmp_path, capsys, app, {"all/a.yaml": STAGED})
    assert code == 1
    assert [line.partition(" has its pin in the same place")[0] for line in lines] == [
        "churn  staging  manifests/all/a.yaml:4: iris on staging",
        "iris  staging  manifests/all/a.yaml:4: churn on staging",
    ]
    named = STAGED.replace("env: [", "env: [{name: MODEL_NAME, value: iris}, ")
    other = named.replace("iris", "churn")
    code, lines = checked(tmp_path, capsys, app, {"all/a.yaml": f"{named}---\n{other}"})
    assert code == 0
    assert [line for line in lines if "workload" in line] == [
        "  workload: Deployment churn",
        "  workload: Deployment iris",
    ]


def test_two_stages_of_one_workload_are_both_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = "stages: {staging: {}, live: {}}\nmodels: {iris: {}}\n"
    files = {"iris/staging/a.yaml": STAGED, "iris/live/a.yaml": STAGED.replace("value: staging", "value: live")}
    code, lines = checked(tmp_path, capsys, app, files)
    assert code == 1
    assert "the workload ml/iris is also that of iris on live (manifests/iris/live/a.yaml)" in lines[0]
    assert "the workload ml/iris is also that of iris on staging (manifests/iris/staging/a.yaml)" in lines[1]


def test_what_only_the_cluster_can_tell_of_a_configmap_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "iris/staging/pin.yaml": "kind: ConfigMap\nmetadata: {name: pin, namespace: ml}\n"
        "data: {MODEL_STAGE: staging}\n",
        "iris/staging/server.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: server, namespace: ml}\n"
        "envFrom: [{configMapRef: {name: pin}}]\n",
    }
    code, lines = checked(tmp_path, capsys, ONE, files)
    assert code == 0
    since = "the ConfigMap holds the new value, and every pod was created since or names the new version"
    assert lines[3] == f"  picked up when: {since}"
    restarts = "whether its pods restart, as a plain ConfigMap restarts none"
    assert lines[4].endswith(f"may read it and its ConfigMaps; {restarts}")


def test_a_generated_configmap_is_picked_up_with_the_pod_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "iris/staging/kustomization.yaml": "namespace: ml\nresources: [server.yaml]\n"
        "configMapGenerator: [{name: pin, literals: [MODEL_STAGE=staging]}]\n",
        "iris/staging/server.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: server}\n"
        "envFrom: [{configMapRef: {name: pin}}]\n",
    }
    code, lines = checked(tmp_path, capsys, ONE, files)
    assert code == 0
    assert lines[3] == "  picked up when: the pod template names the ConfigMap that holds the new value"
    assert lines[4].endswith("may read it and its ConfigMaps")


def test_a_configmap_whose_pods_name_no_version_needs_an_agent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "iris/staging/pin.yaml": "kind: ConfigMap\nmetadata: {name: pin, namespace: ml}\n"
        "data: {MODEL_STAGE: staging}\n",
        "iris/staging/server.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: server, namespace: ml}\n"
        "envFrom: [{configMapRef: {name: pin}}]\n",
    }
    code, lines = checked(tmp_path, capsys, ONE.replace("staging: {", "staging: {verify: rollout, ", 1), files)
    assert code == 0
    assert lines[3] == (
        "  picked up when: Argo CD or Flux has applied a commit with the change, and every pod is newer than the merge"
    )
    assert lines[4].endswith("; whether Argo CD or Flux applies it, and lets Callboard read that")


def test_a_chart_whose_workload_has_no_name_is_found_by_its_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = "env: [{name: MODEL_NAME, value: iris}, {name: MODEL_STAGE, value: staging}]\n"
    app = "stages: {staging: {namespace: ml}}\n"
    code, lines = checked(tmp_path, capsys, app, {"iris/staging/values.yaml": chart})
    assert (code, lines[2]) == (0, "  workload: the Deployment with this MODEL_NAME and MODEL_STAGE")


def test_whether_a_chart_passes_the_values_on_is_for_the_cluster_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: iris, namespace: ml}\n"
        "spec: {values: {env: [{name: MODEL_STAGE, value: staging}]}}\n"
    )
    app = "stages: {staging: {workload: '{model}-server'}}\n"
    code, lines = checked(tmp_path, capsys, app, {"iris/staging/release.yaml": release})
    assert (code, lines[2]) == (0, "  workload: Deployment iris-server")
    assert lines[4].endswith("; whether the chart passes both values on to its pods")
