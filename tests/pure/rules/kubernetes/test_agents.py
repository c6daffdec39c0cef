"""What Argo CD and Flux say of a workload is read from their own objects, whole or as the watch keeps them."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given

from bot.cluster.objects import kept
from bot.domain.cluster import AgentObject, AgentSeen
from bot.domain.json import Json
from bot.rules.kubernetes.agents import owner_of, read
from bot.rules.wording.reasons import plain
from tests.fixtures.agent_objects import (
    APPLICATION,
    HELM_RELEASE,
    KUSTOMIZATION,
    NEW_COMMIT,
    OLD_COMMIT,
    PROJECT,
    REPOSITORY,
    TRACKING,
    application,
    condition,
    helm_release,
    kustomization,
    operation,
    project,
)
from tests.fixtures.workload import NOON, deployment
from tests.pure.rules.kubernetes.test_health_odd import SEEDS, mutated

ARGO = {"argocd.argoproj.io/tracking-id": TRACKING}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"helm.toolkit.fluxcd.io/name": "iris", "helm.toolkit.fluxcd.io/namespace": "models"}
NIGHT = {"kind": "deny", "schedule": "0 8 * * *", "duration": "10h", "applications": ["*"]}


def workload(labels: Json | None = None, annotations: Json | None = None) -> Json:
    its = deployment()
    its["metadata"] |= {"labels": labels or {}}
    its["metadata"]["annotations"] |= annotations or {}
    return its


def seen(owner: AgentObject, found: Json | None, *others: tuple[AgentObject, Json]) -> AgentSeen | None:
    """Return what is read of an object; the same has to be read of what the watch keeps of it."""
    objects = {owner: found, **dict(others)}
    whole = _read(owner, objects)
    assert _read(owner, {its: kept(its.resource, obj) if obj else obj for its, obj in objects.items()}) == whole
    return whole


def _read(owner: AgentObject, objects: Mapping[AgentObject, Json | None]) -> AgentSeen | None:
    return read(owner, workload(), objects.get, repository=REPOSITORY, now=NOON)


def says(owner: AgentObject, found: Json, *others: tuple[AgentObject, Json]) -> str:
    its = seen(owner, found, *others)
    assert its is not None
    return plain(its.waits) if its.waits is not None else ""


# ── whose a workload is ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {}, None),
        ({}, ARGO, APPLICATION),
        (FLUX, {}, KUSTOMIZATION),
        (HELM, {}, HELM_RELEASE),
        ({"app.kubernetes.io/instance": "iris"}, {}, APPLICATION),
        ({"app.kubernetes.io/instance": "release-7"}, ARGO, APPLICATION),
        ({"app.kubernetes.io/instance": "iris", **HELM}, {}, HELM_RELEASE),
        (
            {},
            {"argocd.argoproj.io/tracking-id": f"team-a_{TRACKING}"},
            AgentObject(resource="applications", namespace="team-a", name="iris"),
        ),
        ({}, {"argocd.argoproj.io/tracking-id": "iris:apps/Deployment:elsewhere/iris"}, None),
        ({}, {"argocd.argoproj.io/tracking-id": "iris"}, None),
        ({}, {"argocd.argoproj.io/tracking-id": TRACKING.replace("iris:", "iris,metadata.name=x:")}, None),
        ({"kustomize.toolkit.fluxcd.io/name": "apps"}, {}, None),
    ],
)
def test_labels_and_annotations_name_the_owner(labels: Json, annotations: Json, owner: AgentObject | None) -> None:
    its = workload(labels, annotations)
    assert owner_of(its) == owner
    assert owner_of(kept("deployments", its)) == owner


def test_applications_may_be_in_another_namespace() -> None:
    owner = owner_of(workload(annotations=ARGO), "openshift-gitops")
    assert owner == AgentObject(resource="applications", namespace="openshift-gitops", name="iris")


# ── Argo CD ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_application_in_sync_names_what_it_applied() -> None:
    its = seen(APPLICATION, application())
    assert its is not None
    assert (its.name, its.applied) == ("Application argocd/iris", (OLD_COMMIT,))
    assert says(APPLICATION, application()) == "Application argocd/iris last applied revision 0000000"


def test_the_revision_that_was_only_compared_is_not_applied() -> None:
    its = seen(APPLICATION, application("OutOfSync", NEW_COMMIT))
    assert its is not None
    assert its.applied == (OLD_COMMIT,)


def test_a_finished_sync_is_applied_before_the_next_comparison() -> None:
    its = seen(APPLICATION, application("OutOfSync", operationState=operation(revision=NEW_COMMIT)))
    assert its is not None
    assert its.applied == (NEW_COMMIT,)


@pytest.mark.parametrize(
    "doing",
    [
        operation("Running", NEW_COMMIT),
        operation("Failed", NEW_COMMIT),
        operation(revision=NEW_COMMIT, operation={"sync": {"dryRun": True}}),
        operation(revision=NEW_COMMIT, operation={"sync": {"resources": [{"kind": "Service", "name": "x"}]}}),
        operation(revision=NEW_COMMIT, syncResult={"revision": NEW_COMMIT, "source": {"repoURL": "https://x/charts"}}),
        operation(revision="1.2.3"),
    ],
)
def test_what_is_not_applied_as_a_whole_is_not_applied(doing: Json) -> None:
    its = seen(APPLICATION, application("OutOfSync", NEW_COMMIT, operationState=doing))
    assert its is not None
    assert its.applied == ()


def test_rendered_manifests_have_revisions_of_their_own() -> None:
    its = seen(APPLICATION, application(spec={"sourceHydrator": {"drySource": {}}}))
    assert its is not None
    assert its.applied == ()


@pytest.mark.parametrize("url", ["git@github.com:acme/models.git", "https://github.com/ACME/models/"])
def test_of_several_sources_the_one_of_our_repository_counts(url: str) -> None:
    sources = [{"repoURL": "https://charts.example"}, {"repoURL": url}]
    result = {"revision": "", "revisions": ["1.2.3", NEW_COMMIT], "sources": sources}
    its = seen(APPLICATION, application("Unknown", operationState=operation(syncResult=result)))
    assert its is not None
    assert its.applied == (NEW_COMMIT,)


def test_an_application_that_does_not_manage_the_workload_says_nothing() -> None:
    assert seen(APPLICATION, application(resources=[])) is None
    assert seen(APPLICATION, None) is None


def test_an_application_that_somebody_must_sync_says_so() -> None:
    manual = application("OutOfSync", NEW_COMMIT, spec={"syncPolicy": {}})
    assert says(APPLICATION, manual) == (
        "Application argocd/iris is out of sync; it does not sync automatically, so somebody has to sync it"
    )
    switched_off = {"syncPolicy": {"automated": {"enabled": False}}}
    assert "somebody has to" in says(APPLICATION, application("OutOfSync", NEW_COMMIT, spec=switched_off))
    assert says(APPLICATION, application("OutOfSync", NEW_COMMIT)) == "Application argocd/iris is out of sync"


def test_a_failed_sync_is_told_in_argo_cds_own_words() -> None:
    failed = operation("Failed", NEW_COMMIT, "one or more objects failed to apply, token=abcdef0123456789abcdef")
    told = says(APPLICATION, application("OutOfSync", NEW_COMMIT, operationState=failed))
    assert told.startswith("the sync of Application argocd/iris failed at 2026-05-04 11:59 UTC: one or more objects")
    assert "abcdef0123456789" not in told


def test_a_failure_of_an_older_revision_says_nothing_of_the_change() -> None:
    failed = operation("Failed", OLD_COMMIT, "boom")
    assert "boom" not in says(APPLICATION, application("OutOfSync", NEW_COMMIT, operationState=failed))


def test_a_commit_that_is_not_tried_again_is_a_failed_sync() -> None:
    given_up = [{"type": "SyncError", "message": "Failed last sync attempt to 00b: boom (retried 5 times)."}]
    told = says(APPLICATION, application("OutOfSync", NEW_COMMIT, conditions=given_up))
    assert (
        told == "the sync of Application argocd/iris failed: Failed last sync attempt to 00b: boom (retried 5 times)."
    )


def test_manifests_that_cannot_be_rendered_are_told() -> None:
    broken = [{"type": "ComparisonError", "message": "kustomize build failed"}]
    told = says(APPLICATION, application("Unknown", conditions=broken))
    assert told == "Application argocd/iris cannot be compared with Git: kustomize build failed"


def test_a_running_sync_says_what_it_waits_for() -> None:
    waits = operation("Running", NEW_COMMIT, "waiting for completion of hook batch/Job/migrate")
    told = says(APPLICATION, application("OutOfSync", NEW_COMMIT, operationState=waits))
    assert told == "Application argocd/iris: waiting for completion of hook batch/Job/migrate"


def test_an_application_that_is_not_reconciled_is_suspended() -> None:
    its = application()
    its["metadata"]["annotations"] = {"argocd.argoproj.io/skip-reconcile": "true"}
    assert says(APPLICATION, its).startswith("Application argocd/iris is suspended")


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        ([NIGHT], "waits for a sync window, until 2026-05-04 18:00 UTC"),
        ([NIGHT | {"timeZone": "America/New_York", "schedule": "0 7 * * *"}], "until 2026-05-04 21:00 UTC"),
        ([NIGHT | {"timeZone": "America/New_York", "schedule": "0 22 * * *"}], "is out of sync"),
        ([NIGHT | {"kind": "allow", "schedule": "30 22 * * 1-5"}], "until 2026-05-04 22:30 UTC"),
        ([NIGHT | {"kind": "allow", "schedule": "0 6 1 jan *"}], "until 2027-01-01 06:00 UTC"),
        ([NIGHT | {"applications": ["other-*"]}], "is out of sync"),
        ([NIGHT | {"schedule": "0 20 * * *", "duration": "1h"}], "is out of sync"),
        ([NIGHT | {"kind": "allow"}], "is out of sync"),
        ([NIGHT | {"schedule": "whenever"}], "is out of sync"),
        ([NIGHT | {"duration": "long"}], "is out of sync"),
        ([NIGHT | {"namespaces": ["other"], "andOperator": True}], "is out of sync"),
        ([NIGHT | {"applications": [], "namespaces": ["models"]}], "until 2026-05-04 18:00 UTC"),
        ([NIGHT, NIGHT | {"schedule": "0 17 * * *", "duration": "2h"}], "until 2026-05-04 19:00 UTC"),
        ([NIGHT | {"schedule": "* * * * *", "duration": "1h"}], "Argo CD's project says when it opens"),
        ([], "is out of sync"),
    ],
)
def test_a_sync_window_is_named_with_its_end(windows: list[Json], told: str) -> None:
    words = says(APPLICATION, application("OutOfSync", NEW_COMMIT), (PROJECT, project(*windows)))
    assert told in words


def test_a_sync_that_somebody_started_waits_for_the_window_too() -> None:
    held = operation("Running", NEW_COMMIT, "Sync operation blocked by sync window")
    its = application("OutOfSync", NEW_COMMIT, operationState=held)
    assert says(APPLICATION, its, (PROJECT, project(NIGHT))).endswith("until 2026-05-04 18:00 UTC")
    assert "Argo CD's project says when" in says(APPLICATION, its)


# ── Flux ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("found", "applied"),
    [
        (kustomization(), (OLD_COMMIT,)),
        (kustomization(lastAppliedRevision=f"main/{NEW_COMMIT}"), (NEW_COMMIT,)),
        (kustomization(lastAttemptedRevision=f"main@sha1:{NEW_COMMIT}"), (OLD_COMMIT,)),
        (
            kustomization(
                condition("Ready", "False", "HealthCheckFailed", "timeout"),
                lastAttemptedRevision=f"main@sha1:{NEW_COMMIT}",
            ),
            (NEW_COMMIT, OLD_COMMIT),
        ),
        (
            kustomization(
                condition("Ready", "Unknown", "Progressing"),
                condition(
                    "Healthy", "Unknown", "Progressing", f"Running health checks for revision main@sha1:{NEW_COMMIT}"
                ),
                lastAttemptedRevision=f"main@sha1:{NEW_COMMIT}",
            ),
            (NEW_COMMIT, OLD_COMMIT),
        ),
        (
            kustomization(condition("Ready", "False", "BuildFailed"), lastAttemptedRevision=f"main@sha1:{NEW_COMMIT}"),
            (OLD_COMMIT,),
        ),
        (
            kustomization(
                lastAppliedRevision=f"latest@sha256:{'0' * 64}", lastAppliedOriginRevision=f"main@sha1:{NEW_COMMIT}"
            ),
            (NEW_COMMIT,),
        ),
    ],
)
def test_a_kustomization_names_what_it_applied(found: Json, applied: tuple[str, ...]) -> None:
    its = seen(KUSTOMIZATION, found)
    assert its is not None
    assert its.applied == applied


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (kustomization(suspend=True), "Kustomization flux-system/apps is suspended"),
        (
            kustomization(condition("Ready", "False", "BuildFailed", "kustomize build failed: no such file")),
            "the reconciliation of Kustomization flux-system/apps failed at 2026-05-04 11:59 UTC with BuildFailed: "
            "kustomize build failed: no such file",
        ),
        (
            kustomization(condition("Ready", "False", "DependencyNotReady", "dependency 'x/y' is not ready")),
            "Kustomization flux-system/apps: dependency 'x/y' is not ready",
        ),
        (
            kustomization(
                condition("Ready", "Unknown", "Progressing"),
                condition("Reconciling", "True", "Progressing", "Building manifests for revision main@sha1:1"),
            ),
            "Kustomization flux-system/apps: Building manifests for revision main@sha1:1",
        ),
        (kustomization(), "Kustomization flux-system/apps last applied revision 0000000"),
    ],
)
def test_a_kustomization_says_why_it_waits(found: Json, told: str) -> None:
    assert says(KUSTOMIZATION, found).startswith(told)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (helm_release(), ""),
        (helm_release(suspend=True), "HelmRelease models/iris is suspended"),
        (
            helm_release(
                condition("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 3 attempt(s)"),
                condition("Ready", "Unknown", "Progressing"),
            ),
            "the reconciliation of HelmRelease models/iris failed at 2026-05-04 11:59 UTC with RetriesExceeded: Failed",
        ),
        (
            helm_release(
                condition("Remediated", "True", "RollbackSucceeded", "Helm rollback to previous release succeeded"),
                condition("Ready", "False", "RollbackSucceeded"),
            ),
            "Flux rolled HelmRelease models/iris back: Helm rollback to previous release succeeded",
        ),
    ],
)
def test_a_helm_release_says_why_it_waits_and_names_no_commit(found: Json, told: str) -> None:
    its = seen(HELM_RELEASE, found)
    assert its is not None
    assert its.applied == ()
    assert says(HELM_RELEASE, found).startswith(told)


# ── odd objects ──────────────────────────────────────────────────────────────────────────────────────


@given(seed=SEEDS)
def test_an_odd_object_raises_nothing(seed: int) -> None:
    by = Random(seed)
    failed = operation("Failed", NEW_COMMIT, "boom")
    objects: dict[AgentObject, Any] = {
        APPLICATION: application("OutOfSync", NEW_COMMIT, operationState=failed, conditions=[]),
        PROJECT: project(NIGHT),
        KUSTOMIZATION: kustomization(),
        HELM_RELEASE: helm_release(condition("Ready", "False", "UpgradeFailed")),
    }
    odd = {its: mutated(by, obj) for its, obj in objects.items()}
    its = mutated(by, workload(FLUX, ARGO))
    owner_of(its)
    for owner in (APPLICATION, KUSTOMIZATION, HELM_RELEASE):
        found = read(owner, workload(), odd.get, repository=REPOSITORY, now=NOON)
        assert found is None or found.waits is None or plain(found.waits)
        kept(owner.resource, odd[owner])
