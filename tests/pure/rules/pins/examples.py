"""An example of each pin format: `test_pins_formats.py` tests with it what every format must do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Example:
    """Files with a pin in one format."""

    text: str
    """The document with the pin, in block style: a line for each name, with the version right behind the stage.

    MODEL_NAME is iris.  The quoted values of the other names are put in for %(stage)s, %(version)s and %(digest)s.
    """
    not_a_scalar: str
    """An entry whose value is a list or a mapping, with NAME for its name."""
    shown: str
    """What docs/configuration.md shows: a complete document on one line that pins version 3 on production."""
    workload: str | None
    """The intended workload, and its namespace."""
    namespace: str | None
    path: str = "a.yaml"
    beside: Mapping[str, str] = field(default_factory=dict)
    """Files beside it, such as the workload that uses the ConfigMap."""


DEPLOYMENT: Final = "kind: Deployment\nmetadata: {name: server}\nenvFrom: [{configMapRef: {name: pin}}]\n"

EXAMPLES: Final[Mapping[str, Example]] = {
    "env": Example(
        text="""\
kind: Deployment
metadata: {name: server, namespace: ml}
spec:
  template:
    spec:
      containers:
      - name: server
        env:
        - {name: MODEL_NAME, value: iris}
        - {name: MODEL_STAGE, value: %(stage)s}
        - {name: MODEL_VERSION, value: %(version)s}
        - {name: MODEL_DIGEST, value: %(digest)s}
        image: model-server:1
""",
        not_a_scalar="- {name: NAME, value: [6]}",
        shown='env: [{name: MODEL_STAGE, value: production}, {name: MODEL_VERSION, value: "3"}]',
        workload="server",
        namespace="ml",
    ),
    "kustomize": Example(
        text="""\
namespace: ml
configMapGenerator:
- name: pin
  literals:
  - MODEL_NAME=iris
  - MODEL_STAGE=%(stage)s
  - MODEL_VERSION=%(version)s
  - MODEL_DIGEST=%(digest)s
resources: [deployment.yaml]
""",
        not_a_scalar="- NAME: 6",
        shown="configMapGenerator: [{name: model, literals: [MODEL_STAGE=production, MODEL_VERSION=3]}]",
        workload="server",
        namespace="ml",
        path="kustomization.yaml",
        beside={"deployment.yaml": DEPLOYMENT},
    ),
    "configmap": Example(
        text="""\
kind: ConfigMap
metadata: {name: pin, namespace: ml}
data:
  MODEL_NAME: iris
  MODEL_STAGE: %(stage)s
  MODEL_VERSION: %(version)s
  MODEL_DIGEST: %(digest)s
immutable: false
""",
        not_a_scalar="NAME: [6]",
        shown='{kind: ConfigMap, data: {MODEL_STAGE: production, MODEL_VERSION: "3"}}',
        workload="server",
        namespace="ml",
        beside={"deployment.yaml": DEPLOYMENT},
    ),
    "application": Example(
        text="""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: server, namespace: argocd}
spec:
  source:
    helm:
      parameters:
      - {name: env.MODEL_NAME, value: iris}
      - {name: env.MODEL_STAGE, value: %(stage)s}
      - {name: env.MODEL_VERSION, value: %(version)s}
      - {name: env.MODEL_DIGEST, value: %(digest)s}
  destination: {name: in-cluster, namespace: ml}
""",
        not_a_scalar="- {name: env.NAME, value: [6]}",
        shown=(
            "{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {source: {helm: {parameters: "
            '[{name: env.MODEL_STAGE, value: production}, {name: env.MODEL_VERSION, value: "3"}]}}}}'
        ),
        workload=None,
        namespace="ml",
    ),
}
"""By the name of the format."""
