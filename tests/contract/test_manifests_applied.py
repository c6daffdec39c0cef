"""A real API server takes the manifests as they are, and lets Callboard do with them what it needs and nothing else.

It is Kubernetes 1.20, which cannot judge all: PodDisruptionBudgets stood in policy/v1beta1 then, and the Pod Security
Standards came later.  Both are held against the schemas and the text in test_manifests.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.contract.control_plane import TOKEN, Servers
from tests.contract.test_manifests import FOLDERS, REPOSITORY, rendered

pytestmark = pytest.mark.real
Kubectl: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
AS_CALLBOARD = "--as=system:serviceaccount:callboard:callboard"
LATER = {"PodDisruptionBudget"}


@pytest.fixture(scope="module")
def kubectl(real_servers: Servers) -> Iterator[Kubectl]:
    """kubectl, with the two namespaces that the manifests name."""

    def run(*words: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        where = ["--server", real_servers.url, "--token", TOKEN, "--insecure-skip-tls-verify"]
        command = [str(Path(sys.executable).with_name("kubectl")), *where, *words]
        text = json.dumps(given) if given is not None else None
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)

    for name in ("models", "callboard"):
        assert run("create", "namespace", name).returncode == 0
    yield run
    run("delete", "namespace", "models", "callboard", "--wait=false")


def applied(kubectl: Kubectl, folder: str, **more: Any) -> subprocess.CompletedProcess[str]:
    objects = [each | more for each in rendered(REPOSITORY / "manifests" / folder) if each["kind"] not in LATER]
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    return kubectl("apply", "--server-side", "--validate=strict", "-f", "-", given=whole)


@pytest.mark.parametrize("folder", FOLDERS)
def test_they_are_applied_without_a_warning_and_applied_again_change_nothing(kubectl: Kubectl, folder: str) -> None:
    done = applied(kubectl, folder)
    assert (done.returncode, done.stderr) == (0, "")
    deployments = kubectl("get", "deployments", "--all-namespaces", "-o", "json").stdout
    assert applied(kubectl, folder).returncode == 0
    again = kubectl("get", "deployments", "--all-namespaces", "-o", "json").stdout
    assert [each["metadata"]["generation"] for each in json.loads(deployments)["items"]] == [
        each["metadata"]["generation"] for each in json.loads(again)["items"]
    ]


def test_a_field_that_is_none_is_refused(kubectl: Kubectl) -> None:
    assert "replica" in applied(kubectl, "callboard", replica=1).stderr


@pytest.mark.parametrize(
    ("deed", "may"),
    [
        (("list", "pods", "-n", "models"), "yes"),
        (("watch", "deployments.apps", "-n", "models"), "yes"),
        (("get", "pods", "--subresource=log", "-n", "models"), "yes"),
        (("list", "pods", "-n", "default"), "no"),
        (("get", "secrets", "-n", "models"), "no"),
        (("patch", "deployments.apps", "-n", "models"), "no"),
        (("delete", "pods", "-n", "models"), "no"),
        (("create", "pods", "--subresource=exec", "-n", "models"), "no"),
    ],
)
def test_callboard_may_look_and_nothing_else(kubectl: Kubectl, deed: tuple[str, ...], may: str) -> None:
    assert applied(kubectl, "callboard").returncode == 0
    assert kubectl("auth", "can-i", *deed, AS_CALLBOARD).stdout.strip() == may
