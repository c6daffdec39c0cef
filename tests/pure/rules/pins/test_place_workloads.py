"""Whose workload a pin is for: its name and kind, and what is refused because the bot would not find or follow it."""

from collections.abc import Mapping

import pytest

from bot.domain.policy import Policy
from bot.domain.reason import Name
from bot.domain.reasons.places import (
    ChartMakesIt,
    KindNotFollowed,
    NamespaceUnknown,
    NoObject,
    NoUser,
    SeveralWorkloads,
    WorkloadUnknown,
)
from bot.domain.target import Place
from bot.domain.verification import Method, Verify
from bot.rules.kubernetes.kinds import deployment, followed, rollout
from bot.rules.pins.place import Located, PickUp, locate
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.placing import (
    ARGO,
    BARE,
    DEPLOYMENT,
    IN_MANIFEST,
    KUSTOMIZED,
    PATH,
    TARGET,
    differ,
    located,
    refused,
    said,
)

VALUES = "env:\n- {name: MODEL_STAGE, value: production}\n"


def test_prefixes_and_suffixes_add_up_from_the_base_outwards() -> None:
    files = BARE | {
        "apps/iris/kustomization.yaml": "namePrefix: a-\nnameSuffix: -b\nresources: [d.yaml]\n",
        "over/kustomization.yaml": "namespace: ml\nnamePrefix: c-\nnameSuffix: -d\nresources: [../apps/iris]\n",
    }
    assert located(files).place.workload == "c-a-iris-b-d"


def test_components_change_what_an_overlay_takes_in_before_it_changes_that_itself() -> None:
    """As `kubectl kustomize` does it."""
    files = BARE | {
        "apps/iris/kustomization.yaml": "namePrefix: a-\nresources: [d.yaml]\n",
        "one/kustomization.yaml": "kind: Component\nnamespace: one\nnamePrefix: k-\n",
        "two/kustomization.yaml": "kind: Component\nnamespace: two\n",
        "over/kustomization.yaml": "namePrefix: c-\nresources: [../apps/iris]\ncomponents: [../one, ../two]\n",
    }
    place = located(files).place
    assert (place.namespace, place.workload) == ("two", "c-k-a-iris")
    files["over/kustomization.yaml"] += "namespace: over\n"
    assert located(files).place.namespace == "over"
    inside = {
        **BARE,
        "apps/iris/kustomization.yaml": "kind: Component\nnamespace: own\nresources: [d.yaml]\n",
    }
    over = "namePrefix: c-\ncomponents: [../one, ../apps/iris, ../two]\n"
    place = located({**files, **inside, "over/kustomization.yaml": over}).place
    assert (place.namespace, place.workload) == ("two", "c-iris")


def test_a_base_of_two_stages_is_for_several_workloads() -> None:
    files = BARE | {
        "apps/iris/kustomization.yaml": "namespace: ml\nresources: [d.yaml]\n",
        "one/kustomization.yaml": "nameSuffix: -one\nresources: [../apps/iris]\n",
        "two/kustomization.yaml": "nameSuffix: -two\nresources: [../apps/iris]\n",
    }
    workloads = (Name("iris-one"), Name("iris-two"))
    assert refused(files) == SeveralWorkloads(file=Name(PATH), line=4, workloads=workloads)


def test_the_workload_of_a_patch_without_a_name_is_what_its_kustomization_targets() -> None:
    files = {
        PATH: "spec: {template: {spec: {containers: [{env: [{name: MODEL_STAGE, value: production}]}]}}}\n",
        "apps/iris/kustomization.yaml": "namespace: ml\nnameSuffix: -live\npatches:\n"
        "- {path: d.yaml, target: {group: apps, kind: Deployment, name: iris}}\n",
    }
    place = Place(paths=(PATH,), namespace="ml", workload="iris-live", kind=("apps", "Deployment"))
    assert located(files).place == place
    by_pattern = files | {
        "apps/iris/kustomization.yaml": "namespace: ml\npatches: [{path: d.yaml, target: {name: '.*'}}]\n"
    }
    assert refused(by_pattern) == WorkloadUnknown(file=Name(PATH), line=1, why=NoObject(), stage=Name("production"))


ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: iris-rollout}
spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: iris, scaleDown: onsuccess}}
"""


def test_the_workload_of_a_template_that_a_rollout_refers_to_is_the_rollout() -> None:
    files = BARE | {
        "apps/iris/rollout.yaml": ROLLOUT,
        "apps/iris/kustomization.yaml": "namespace: ml\nnameSuffix: -live\nresources: [d.yaml, rollout.yaml]\n",
    }
    kind = ("argoproj.io", "Rollout")
    assert located(files).place == Place(paths=(PATH,), namespace="ml", workload="iris-rollout-live", kind=kind)
    assert followed(located(files).place) is rollout.KIND
    one_file = {PATH: IN_MANIFEST[PATH] + "---\n" + ROLLOUT.replace("rollout}", "rollout, namespace: manifest}")}
    assert located(one_file).place.workload == "iris-rollout"


def test_a_rollout_in_a_base_is_that_of_the_overlay_with_the_pin() -> None:
    bare = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: iris}\n"
    files = {"base/d.yaml": bare, "base/r.yaml": ROLLOUT, "base/kustomization.yaml": "resources: [d.yaml, r.yaml]\n"}
    for stage in ("staging", "production"):
        built = f"namespace: ml-{stage}\nnameSuffix: -{stage}\nresources: [../base]\npatches: [{{path: p.yaml}}]\n"
        files[f"{stage}/kustomization.yaml"] = built
    files["production/p.yaml"] = DEPLOYMENT
    place = located(files).place
    assert (place.namespace, place.workload) == ("ml-production", "iris-rollout-production")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: iris,", "name: wine,"),
        ("kind: Deployment", "kind: ReplicaSet"),
        ("iris-rollout}", "iris-rollout, namespace: elsewhere}"),
        ("workloadRef", "reference"),
    ],
)
def test_a_rollout_that_refers_to_something_else_changes_nothing(old: str, new: str) -> None:
    files = IN_MANIFEST | {"apps/iris/rollout.yaml": ROLLOUT.replace(old, new)}
    assert located(files).place.kind == ("apps", "Deployment")


def test_two_rollouts_of_one_template_are_several_workloads() -> None:
    files = BARE | {"a/r.yaml": ROLLOUT, "b/r.yaml": ROLLOUT.replace("iris-rollout", "second")}
    workloads = (Name("iris-rollout"), Name("second"))
    assert refused(files, namespace="ml") == SeveralWorkloads(file=Name(PATH), line=4, workloads=workloads)


CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pin, namespace: ml}\ndata: {MODEL_STAGE: production}\n"
USER = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: iris}\nenvFrom: [{configMapRef: {name: pin}}]\n"


@pytest.mark.parametrize("method", [Method.ROLLOUT, Method.KSERVE])
def test_a_pin_in_a_configmap_needs_an_agent_where_pods_do_not_name_their_version(method: Method) -> None:
    files = {PATH: CONFIGMAP, "apps/iris/user.yaml": USER}
    assert locate(files, TARGET, Policy(verify=Verify(method=method))).pick_up is PickUp.REVISION


def test_a_pin_in_a_configmap_needs_the_workload_that_uses_it() -> None:
    files = {PATH: CONFIGMAP, "apps/iris/user.yaml": USER}
    found = located(files)
    kind = ("apps", "Deployment")
    assert found.place == Place(paths=(PATH,), namespace="ml", workload="iris", kind=kind, in_configmap=True)
    assert (found.pick_up, found.restarts) == (PickUp.CONFIGMAP, False)
    why = NoUser(configmap=Name("pin"))
    unused = {PATH: CONFIGMAP.replace("{MODEL_S", "{MODEL_NAME: iris, MODEL_S")}
    assert refused(unused) == WorkloadUnknown(file=Name(PATH), line=4, why=why, stage=Name("production"))
    assert located(unused, workload="iris").place.workload == "iris"


GENERATOR = "{name: pin, literals: [MODEL_STAGE=production]}"
GENERATED = f"namespace: ml\nconfigMapGenerator: [{GENERATOR}]\nresources: [user.yaml]\n"


def generated(kustomization: str, method: Method = Method.ROLLOUT) -> Located:
    files = {"apps/iris/kustomization.yaml": kustomization, "apps/iris/user.yaml": USER}
    return locate(files, TARGET, Policy(verify=Verify(method=method)))


def test_a_generated_configmap_restarts_the_pods_so_that_any_method_will_do() -> None:
    found = generated(GENERATED)
    assert (found.place.workload, found.place.in_configmap) == ("iris", True)
    assert (found.pick_up, found.restarts) == (PickUp.NEW_CONFIGMAP, True)


@pytest.mark.parametrize(
    "kustomization",
    [
        GENERATED + "generatorOptions: {disableNameSuffixHash: true}\n",
        GENERATED.replace("{name: pin", "{options: {disableNameSuffixHash: true}, name: pin"),
    ],
)
def test_a_generated_configmap_whose_name_stays_is_a_plain_one(kustomization: str) -> None:
    found = generated(kustomization, Method.AUTO)
    assert (found.pick_up, found.restarts) == (PickUp.CONFIGMAP, False)
    assert generated(kustomization).pick_up is PickUp.REVISION


def test_a_configmap_that_two_workloads_share_is_refused() -> None:
    files = {PATH: CONFIGMAP, "apps/iris/user.yaml": USER + "---\n" + USER.replace("Deployment", "CronJob")}
    workloads = (Name("CronJob iris"), Name("Deployment iris"))
    assert refused(files) == SeveralWorkloads(file=Name(PATH), line=4, workloads=workloads)


HELM = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: iris, namespace: own}
spec: {targetNamespace: chart, values: {env: [{name: MODEL_STAGE, value: production}]}}
"""


@pytest.mark.parametrize(
    ("files", "namespace"),
    [
        pytest.param({PATH: HELM}, "chart", id="target-namespace"),
        pytest.param({PATH: HELM} | KUSTOMIZED, "chart", id="which-nothing-overrides"),
        pytest.param({PATH: HELM.replace("targetNamespace: chart, ", "")}, "own", id="its-own"),
        pytest.param(
            {PATH: HELM.replace("targetNamespace: chart, ", "")} | KUSTOMIZED, "kustomization", id="which-is-overridden"
        ),
    ],
)
def test_a_helm_release_installs_into_its_target_namespace(files: Mapping[str, str], namespace: str) -> None:
    why = WorkloadUnknown(file=Name(PATH), line=4, why=ChartMakesIt(), stage=Name("production"))
    assert refused(files) == why
    assert "`workload: …` for production" in plain(why)
    place = Place(paths=(PATH,), namespace=namespace, workload="iris-production")
    assert located(files, workload="{model}-{stage}").place == place


def test_a_chart_whose_pin_names_its_model_is_found_by_the_cluster() -> None:
    named = {PATH: HELM.replace("env: [", "env: [{name: MODEL_NAME, value: iris}, ")}
    found = located(named)
    assert (found.place, found.workload) == (Place(paths=(PATH,), namespace="chart"), None)


def test_values_of_a_chart_are_in_the_destination_of_their_application() -> None:
    chart = ARGO.replace("path: apps/iris", "path: charts/server, helm: {valueFiles: [/apps/iris/values.yaml]}")
    files = {"apps/iris/values.yaml": VALUES, "a.yaml": chart}
    assert located(files, workload="iris").place.namespace == "argo"
    several = ARGO.replace(
        '  source: {repoURL: "https://github.com/acme/models-gitops.git", path: apps/iris}\n',
        "  sources:\n"
        "  - {repoURL: 'https://charts.example', chart: server, helm: {valueFiles: [$us/apps/iris/values.yaml]}}\n"
        "  - {repoURL: 'git@github.com:acme/models-gitops.git', ref: us}\n",
    )
    files["a.yaml"] = several
    assert located(files, workload="iris").place.namespace == "argo"
    files["a.yaml"] = several.replace("acme/models", "acme/other")
    assert isinstance(refused(files, workload="iris"), NamespaceUnknown)


def test_app_yaml_and_the_manifest_must_agree_on_the_workload() -> None:
    why = differ("workload", said("iris", PATH, 3), said("other", "app.yaml", 7))
    assert refused(IN_MANIFEST, workload="other") == why


def of_kind(kind: str, group: str) -> dict[str, str]:
    text = f"apiVersion: {group}/v1\nkind: {kind}\n"
    return {PATH: IN_MANIFEST[PATH].replace("apiVersion: apps/v1\nkind: Deployment\n", text)}


@pytest.mark.parametrize(
    ("kind", "group"),
    [("SeldonDeployment", "seldon.io"), ("ReplicaSet", "apps"), ("Job", "volcano.sh")],
)
def test_a_kind_that_is_not_followed_is_refused_unless_app_yaml_names_what_it_creates(kind: str, group: str) -> None:
    files = of_kind(kind, group)
    assert refused(files) == KindNotFollowed(file=Name(PATH), line=4, kind=Name(kind), stage=Name("production"))
    place = Place(paths=(PATH,), namespace="manifest", workload="iris-predictor")
    assert located(files, workload="iris-predictor").place == place


@pytest.mark.parametrize(
    ("kind", "group"), [("StatefulSet", "apps"), ("Rollout", "argoproj.io"), ("InferenceService", "serving.kserve.io")]
)
def test_a_kind_that_is_followed_is_stored_with_its_group(kind: str, group: str) -> None:
    place = located(of_kind(kind, group)).place
    assert (place.workload, place.kind, followed(place).name) == ("iris", (group, kind), kind)


def test_without_a_kind_a_deployment_is_followed() -> None:
    assert followed(None) is followed(Place(paths=(PATH,))) is deployment.KIND


def test_a_missing_workload_and_a_missing_namespace_are_told_at_once() -> None:
    why = plain(refused({"apps/iris/values.yaml": VALUES}))
    assert "`workload: …` for production in app.yaml; apps/iris/values.yaml:2: the files that" in why
    assert "`namespace: …`" in why
