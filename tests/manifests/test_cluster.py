"""A real API server takes the manifests without a word, makes their pods, and lets Callboard look and nothing else.

The namespaces ask for the restricted Pod Security Standard.  A server older than 1.25 does not look at that, and one
older than 1.21 has no PodDisruptionBudget of this version: there the other manifest tests are all that looks.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import product
from typing import Final

import pytest
import yaml

from bot.domain.json import Json
from bot.rules.kubernetes.kinds import KINDS
from tests.contract.control_plane import Servers, kubeconfig
from tests.manifests.rendered import FOLDERS, KUBECTL, MANIFESTS, ROUTES, WORKLOADS, one, rendered

pytestmark = pytest.mark.real

NAMESPACES: Final = ("models", "callboard")
RESTRICTED: Final = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
APPLY: Final = ("apply", "--server-side", "--validate=strict", "--filename=-")
ACCOUNT: Final = "system:serviceaccount:callboard:callboard"
VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete")
WATCHED: Final = ("/events", *(f"{kind.group}/{kind.resource}" for kind in KINDS))
OTHERS: Final = ("/pods/log", "/pods/exec", "/secrets", "/configmaps", "/services", "rbac.authorization.k8s.io/roles")

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(real_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Return kubectl, which must succeed and warn of nothing."""
    home = tmp_path_factory.mktemp("kubectl")
    (home / "config").write_text(kubeconfig(real_servers.url))

    def run(*words: str, given: str = "") -> str:
        command = [str(KUBECTL), "--kubeconfig", str(home / "config"), *words]
        env = {"HOME": str(home)}
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=90, env=env)
        said = re.sub(
            r"^[IWEF]\d{4} .*\n", "", done.stderr, flags=re.MULTILINE
        )  # kubectl's own log: throttling and the like
        assert (done.returncode, said) == (0, ""), done.stderr
        return done.stdout

    return run


def in_time(kubectl: Kubectl, *words: str, given: str = "") -> None:
    """Do what an API server that is just ready may refuse: it publishes its schemas a moment later."""
    end = time.monotonic() + 30
    while True:
        try:
            kubectl(*words, given=given)
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return


@pytest.fixture(scope="module", autouse=True)
def ground(kubectl: Kubectl) -> Iterator[None]:
    """What is there before the manifests: the namespaces, and HTTPRoute's definition."""
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        for name in NAMESPACES
    ]
    in_time(kubectl, *APPLY, given=yaml.safe_dump_all(spaces))
    # Kubernetes 1.20 takes a default of "" for null, and knows no x-kubernetes-validations.
    in_time(
        kubectl, "create", "--validate=false", "--filename=-", given=ROUTES.read_text().replace('default: ""\n', "\n")
    )
    # It fails where there is no condition yet.
    in_time(kubectl, "wait", "--for=condition=established", "crd/httproutes.gateway.networking.k8s.io", "--timeout=30s")
    yield
    for each in NAMESPACES:  # with their pods, before another test brings a node that would run them
        kubectl("delete", "deployments", "--all", f"--namespace={each}", "--cascade=foreground")
    kubectl("delete", "namespace", *NAMESPACES, "--wait=false")
    kubectl("delete", "clusterrole/callboard-watch", "crd/httproutes.gateway.networking.k8s.io", "--ignore-not-found")


def taken(kubectl: Kubectl, folder: str) -> list[Json]:
    """Return the objects of a folder whose version the server has."""
    versions = kubectl("api-versions").split()
    return [each for each in rendered(MANIFESTS / folder) if each["apiVersion"] in versions]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_objects_of_a_folder_are_taken_without_a_warning(kubectl: Kubectl, folder: str) -> None:
    there = taken(kubectl, folder)
    assert {each["kind"] for each in rendered(MANIFESTS / folder) if each not in there} <= {"PodDisruptionBudget"}
    said = kubectl(*APPLY, given=yaml.safe_dump_all(there))
    assert len(said.splitlines()) == len(there)


@pytest.mark.parametrize("folder", WORKLOADS)
def test_what_is_applied_again_starts_no_rollout(kubectl: Kubectl, folder: str) -> None:
    name, namespace = (one(folder, "Deployment")["metadata"][key] for key in ("name", "namespace"))
    seen = []
    for _ in range(2):
        kubectl(*APPLY, given=yaml.safe_dump_all(taken(kubectl, folder)))
        seen.append(
            kubectl("get", f"deployment/{name}", f"--namespace={namespace}", "-o=jsonpath={.metadata.generation}")
        )
    assert seen[0] == seen[1]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_mistake_would_not_be_taken(kubectl: Kubectl, folder: str) -> None:
    for each in taken(kubectl, folder):
        wrong = deepcopy(each)
        wrong.get("spec", wrong)["mistyped"] = {}
        with pytest.raises(AssertionError, match="mistyped"):
            kubectl(*APPLY, "--dry-run=server", given=yaml.safe_dump(wrong))


@pytest.mark.parametrize("folder", WORKLOADS)
def test_the_pods_of_a_workload_are_made(kubectl: Kubectl, folder: str) -> None:
    workload = one(folder, "Deployment")
    kubectl(*APPLY, given=yaml.safe_dump_all(taken(kubectl, folder)))
    name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
    wanted = f"jsonpath={{.status.replicas}}={workload['spec']['replicas']}"
    kubectl("wait", f"--for={wanted}", f"--namespace={namespace}", f"deployment/{name}", "--timeout=30s")


def test_callboard_may_look_at_the_models_and_do_nothing_else(kubectl: Kubectl) -> None:
    kubectl(*APPLY, given=yaml.safe_dump_all(taken(kubectl, "callboard")))
    asked = list(product((*NAMESPACES, "default"), (*WATCHED, *OTHERS), VERBS))
    question = yaml.safe_dump_all(review(*each) for each in asked)
    answers = yaml.safe_load_all(kubectl("create", "--filename=-", "--output=yaml", f"--as={ACCOUNT}", given=question))
    allowed = {each for each, answer in zip(asked, answers, strict=True) if answer["status"]["allowed"]}
    looks = set(product(["models"], WATCHED, ["get", "list", "watch"]))
    assert allowed == looks | {("models", "/pods/log", "get")}


def review(namespace: str, resource: str, verb: str) -> Json:
    """Ask whether the asker may do something; a resource is its group, its plural and perhaps a part of it."""
    group, plural, *part = resource.split("/")
    what = {"namespace": namespace, "group": group, "resource": plural, "subresource": "".join(part), "verb": verb}
    spec = {"resourceAttributes": what}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
