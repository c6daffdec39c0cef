"""The name and the namespace that Callboard reads from a graph of kustomizations are those that kustomize makes."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

from bot.domain.policy import Policy
from bot.domain.target import Target
from bot.rules.pins.place import locate
from tests.manifests.rendered import KUBECTL

DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris, namespace: manifest}
spec:
  selector: {matchLabels: {app: iris}}
  template:
    metadata: {labels: {app: iris}}
    spec: {containers: [{name: server, env: [{name: MODEL_STAGE, value: production}]}]}
"""
BASE: Final = {
    "base/d.yaml": DEPLOYMENT,
    "base/kustomization.yaml": "namePrefix: a-\nnameSuffix: -b\nresources: [d.yaml]\n",
}
COMPONENTS: Final = {
    f"{name}/kustomization.yaml": f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{text}"
    for name, text in {"one": "namespace: one\nnamePrefix: k-\n", "two": "namespace: two\n"}.items()
}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"root/kustomization.yaml": "resources: [../base]\n"}, id="nothing-of-its-own"),
        pytest.param(
            {"root/kustomization.yaml": "namespace: ml\nnamePrefix: c-\nresources: [../base]\n"}, id="overlay"
        ),
        pytest.param(
            {
                "root/kustomization.yaml": "nameSuffix: -d\nresources: [../middle]\n",
                "middle/kustomization.yaml": "namespace: ml\nnamePrefix: c-\nbases: [../base]\n",
            },
            id="two-overlays",
        ),
        pytest.param(
            {"root/kustomization.yaml": "namePrefix: c-\nresources: [../base]\ncomponents: [../one, ../two]\n"},
            id="components",
        ),
        pytest.param(
            {"root/kustomization.yaml": "namespace: ml\nresources: [../base]\ncomponents: [../two, ../one]\n"},
            id="components-and-a-namespace",
        ),
        pytest.param(
            {"root/kustomization.yaml": "namespace: ml\nresources: [../base/d.yaml]\n", "base/kustomization.yaml": ""},
            id="a-file-elsewhere",
        ),
    ],
)
def test_what_is_read_is_what_kustomize_makes(files: Mapping[str, str], tmp_path: Path) -> None:
    files = {path: text for path, text in {**BASE, **COMPONENTS, **files}.items() if text}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    command = [str(KUBECTL), "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(tmp_path / "root")]
    made = yaml.safe_load(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["metadata"]
    place = locate(files, Target(model="iris", stage="production"), Policy()).place
    assert (place.namespace, place.workload) == (made["namespace"], made["name"])
