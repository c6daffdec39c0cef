"""How Callboard sees the objects of GitOps agents: the API server is real, and the tests write what agents write."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot import clock
from bot.domain.cluster import AgentObject, AgentSeen
from bot.domain.json import Json
from bot.domain.target import Place, Target
from bot.engine.agents import see
from bot.rules.kubernetes.agents import PATHS
from bot.rules.kubernetes.kinds import deployment
from bot.rules.wording.reasons import plain
from tests.contract.kubernetes.custom import define_resource
from tests.contract.kubernetes.manifests import NAME, STAGE, workload
from tests.contract.kubernetes.onlooker import Onlooker
from tests.fixtures.agent_objects import (
    NEW_COMMIT,
    OLD_COMMIT,
    REPOSITORY,
    application,
    condition,
    kustomization,
    operation,
)
from tests.fixtures.waiting import until

pytestmark = pytest.mark.real


def seen(onlooker: Onlooker) -> AgentSeen | None:
    place = Place(paths=("a.yaml",), namespace=onlooker.namespace, workload=NAME)
    target = Target(model=NAME, stage=STAGE)
    return see(target, place, onlooker.watch, repository=REPOSITORY, now=clock.now())


async def until_seen(onlooker: Onlooker, test: Callable[[AgentSeen], bool]) -> AgentSeen:
    await until(lambda: (its := seen(onlooker)) is not None and test(its), "what the agent says")
    found = seen(onlooker)
    assert found is not None
    return found


async def until_said(onlooker: Onlooker, words: str) -> AgentSeen:
    return await until_seen(onlooker, lambda its: its.waits is not None and words in plain(its.waits))


async def followed(onlooker: Onlooker, **metadata: Any) -> None:
    """Apply a Deployment as an agent does, and follow it."""
    its = workload(deployment.KIND, 1, replicas=0)
    its["metadata"] |= metadata
    await onlooker.apply("deployments", its)
    await onlooker.follow(deployment.KIND)


async def apply(onlooker: Onlooker, resource: str, its: Json, name: str) -> Callable[[Json], Awaitable[object]]:
    """Create an agent's object in the test's namespace; return what writes its status."""
    await define_resource(onlooker.plane, PATHS[resource], resource)
    its["metadata"] = {"name": name, "namespace": onlooker.namespace}
    path = onlooker.path(resource, name)
    await onlooker.plane.rest.post(onlooker.path(resource), {**its, "status": {}})

    async def write(obj: Json) -> None:
        await onlooker.plane.rest.patch(f"{path}/status", {"status": obj["status"]})

    await write(its)
    return write


async def test_an_application_is_followed_from_out_of_sync_to_synced(onlooker: Onlooker) -> None:
    tracking = f"{onlooker.namespace}_iris:apps/Deployment:{onlooker.namespace}/{NAME}"
    await followed(onlooker, annotations={"argocd.argoproj.io/tracking-id": tracking})
    managed = [{"group": "apps", "kind": "Deployment", "namespace": onlooker.namespace, "name": NAME}]
    other = application(resources=managed)
    await apply(onlooker, "applications", other, "other")
    write = await apply(onlooker, "applications", application(resources=managed), "iris")
    first = await until_said(onlooker, "last applied revision 0000000")
    assert first.applied == (OLD_COMMIT,)
    await write(application("OutOfSync", NEW_COMMIT, resources=managed))
    await until_said(onlooker, f"Application {onlooker.namespace}/iris is out of sync")
    failed = operation("Failed", NEW_COMMIT, "Deployment is invalid")
    await write(application("OutOfSync", NEW_COMMIT, resources=managed, operationState=failed))
    await until_said(onlooker, "Deployment is invalid")
    done = operation(revision=NEW_COMMIT)
    await write(application("Synced", NEW_COMMIT, resources=managed, operationState=done))
    last = await until_seen(onlooker, lambda its: its.applied == (NEW_COMMIT,))
    assert last.waits is not None
    assert "last applied revision 0000000" in plain(last.waits)


async def test_a_kustomization_is_followed_from_a_failed_build_to_applied(onlooker: Onlooker) -> None:
    group = "kustomize.toolkit.fluxcd.io"
    await followed(onlooker, labels={f"{group}/name": "apps", f"{group}/namespace": onlooker.namespace})
    write = await apply(onlooker, "kustomizations", kustomization(), "apps")
    assert (await until_said(onlooker, "last applied revision")).applied == (OLD_COMMIT,)
    attempted = f"main@sha1:{NEW_COMMIT}"
    broken = condition("Ready", "False", "BuildFailed", "no such file")
    await write(kustomization(broken, lastAttemptedRevision=attempted))
    assert (await until_said(onlooker, "with BuildFailed: no such file")).applied == (OLD_COMMIT,)
    await write(kustomization(applied=NEW_COMMIT))
    assert (await until_said(onlooker, "last applied revision")).applied == (NEW_COMMIT,)


async def test_an_agent_that_the_cluster_does_not_have_changes_nothing(onlooker: Onlooker) -> None:
    group = "helm.toolkit.fluxcd.io"
    await followed(onlooker, labels={f"{group}/name": "iris", f"{group}/namespace": onlooker.namespace})
    await until(lambda: onlooker.watch.fresh(onlooker.namespace, deployment.KIND), "the Deployment")
    assert seen(onlooker) is None
    owner = AgentObject(resource="helmreleases", namespace=onlooker.namespace, name="iris")
    await until(lambda: onlooker.watch.listed(owner), "the refusal")
    assert seen(onlooker) is None
    assert onlooker.watch.trouble(onlooker.namespace, deployment.KIND) is None
