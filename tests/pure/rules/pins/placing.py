"""Manifests for tests of where a pin takes effect, and short ways to ask for it."""

from collections.abc import Mapping

import pytest

from bot.domain.errors import Permanent
from bot.domain.policy import Policy
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.places import SaidAt, TwoAnswers
from bot.domain.target import Target, Written
from bot.rules.pins.place import Located, locate

TARGET = Target(model="iris", stage="production")
PATH = "apps/iris/d.yaml"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris}
spec: {template: {spec: {containers: [{env: [{name: MODEL_STAGE, value: production}]}]}}}
"""
IN_MANIFEST = {PATH: DEPLOYMENT.replace("{name: iris}", "{name: iris, namespace: manifest}")}
BARE = {PATH: DEPLOYMENT}
KUSTOMIZED = {"apps/iris/kustomization.yaml": "namespace: kustomization\nresources: [d.yaml]\n"}
OVERLAID = {**KUSTOMIZED, "over/kustomization.yaml": "namespace: overlay\nresources: [../apps/iris]\n"}
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps/iris, targetNamespace: flux, sourceRef: {kind: GitRepository, name: us}}
"""
SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: us, namespace: flux-system}
"""
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: iris, namespace: argocd}
spec:
  source: {repoURL: "https://github.com/acme/models-gitops.git", path: apps/iris}
  destination: {namespace: argo}
"""
APPLICATIONS = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: iris, namespace: argocd}
spec:
  template:
    spec:
      source: {path: apps/iris}
      destination: {namespace: argo}
"""


def located(files: Mapping[str, str], *, namespace: str | None = None, workload: str | None = None) -> Located:
    """Locate the target, with these keys in app.yaml."""
    keys = [Written(value=key, file="app.yaml", line=7) if key else None for key in (namespace, workload)]
    return locate(files, TARGET, Policy(namespace=keys[0], workload=keys[1]), "acme/models-gitops")


def refused(files: Mapping[str, str], *, namespace: str | None = None, workload: str | None = None) -> Reason:
    """Return why the target is refused."""
    with pytest.raises(Permanent) as refusal:
        located(files, namespace=namespace, workload=workload)
    return refusal.value.reason


def said(value: str, file: str, line: int) -> SaidAt:
    return SaidAt(value=Said(value), file=Name(file), line=line)


def differ(what: str, one: SaidAt, other: SaidAt) -> TwoAnswers:
    return TwoAnswers(what=Name(what), one=one, other=other)
