"""How Callboard judges KServe's InferenceServices: the API server, the predictor's Deployments and pods are real.

The test writes what KServe's controller writes, with the fields of
https://github.com/kserve/kserve/blob/master/pkg/apis/serving/v1beta1/inference_service_status.go.
"""

from datetime import timedelta
from functools import partial

import pytest

from bot.domain.cluster import Health, HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds import inference_service
from bot.rules.kubernetes.kinds.inference_service import LABEL
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.custom import define, of_template
from tests.contract.kubernetes.manifests import NAME, STAGE, owner, template
from tests.contract.kubernetes.onlooker import Onlooker, names

pytestmark = pytest.mark.real

PREDICTOR = f"{NAME}-predictor"
REVISION = "serving.knative.dev/revision"
LOADED: Json = {"transitionStatus": "UpToDate", "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"}}
STARTING: Json = {"transitionStatus": "InProgress", "states": {"activeModelState": "", "targetModelState": "Pending"}}
FAILED: Json = {
    "transitionStatus": "BlockedByFailedLoad",
    "states": {"activeModelState": "Loaded", "targetModelState": "FailedToLoad"},
    "lastFailureInfo": {"reason": "ModelLoadFailed", "exitCode": 1, "message": "no file model.joblib"},
}


def pinned(version: int) -> Json:
    """Return a spec whose predictor has a pin in its environment."""
    pins = {"MODEL_NAME": NAME, "MODEL_STAGE": STAGE, "MODEL_VERSION": str(version)}
    env = [{"name": name, "value": value} for name, value in pins.items()]
    return {"predictor": {"model": {"modelFormat": {"name": "mlflow"}, "env": env}}}


def ready(status: str = "True", **model: object) -> Json:
    conditions = [{"type": kind, "status": status} for kind in ("PredictorReady", "IngressReady", "Ready")]
    return {"conditions": conditions, "modelStatus": model}


def revisions(created: str, ready_: str) -> Json:
    traffic = [{"revisionName": ready_, "percent": 100, "latestRevision": created == ready_}]
    predictor = {"latestCreatedRevision": created, "latestReadyRevision": ready_, "traffic": traffic}
    return {"components": {"predictor": predictor}}


def runs(revision: str, health: Health) -> bool:
    """Say whether the pod that counts is ready and of this revision."""
    return health.ready == 1 and names(health)[0].startswith(revision)


async def created(onlooker: Onlooker) -> Json:
    await define(onlooker.plane, inference_service.KIND)
    await onlooker.follow(inference_service.KIND)
    head = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": NAME}}
    its = await onlooker.apply("inferenceservices", {**head, "spec": pinned(1)})
    await onlooker.until_told(HealthStatus.PROGRESSING, "not processed the latest change")
    return its


async def standard(onlooker: Onlooker) -> None:
    """Roll out version 1 in the mode Standard: KServe makes a Deployment."""
    its = await created(onlooker)
    deployment = of_template("Deployment", PREDICTOR, 1, {LABEL: NAME, "component": "predictor"})
    deployment["metadata"]["ownerReferences"] = owner(its)
    await onlooker.apply("deployments", deployment)
    await onlooker.until(lambda v: v.ready == 0)
    await onlooker.write_status(ready("False", **STARTING))
    await onlooker.until(lambda v: v.ready == 1 and v.status is HealthStatus.PROGRESSING)
    await onlooker.write_status(ready(**LOADED))
    await onlooker.until_healthy(1)


async def changed(onlooker: Onlooker, version: int) -> None:
    """Change the version, as KServe does: the template of its Deployment follows."""
    await onlooker.change(pinned(version))
    pods = template(version)
    await onlooker.plane.rest.patch(onlooker.path("deployments", PREDICTOR), {"spec": {"template": pods}})


async def test_standard_counts_the_pods_of_the_newest_revision_of_the_deployment(onlooker: Onlooker) -> None:
    await standard(onlooker)
    [old] = names(onlooker.verdicts[-1])
    await changed(onlooker, 2)
    new = await onlooker.until(lambda v: v.status is HealthStatus.HEALTHY and v.ready == 1 and old not in names(v))
    assert (new.pin and new.pin.version, len(new.pods)) == (2, 1)


async def test_standard_fails_with_its_new_pod_while_its_conditions_stay_true(
    onlooker: Onlooker, runtime: ScriptedRuntime
) -> None:
    """https://github.com/kserve/kserve/issues/4626."""
    runtime.behaviours["2"] = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.1))
    await standard(onlooker)
    [old] = names(onlooker.verdicts[-1])
    await changed(onlooker, 2)
    broken = await onlooker.until_told(HealthStatus.DEGRADED, "CrashLoopBackOff")
    assert (len(broken.pods), old in names(broken)) == (1, False)


async def test_a_model_that_cannot_be_loaded_fails_in_the_words_of_kserve(onlooker: Onlooker) -> None:
    await standard(onlooker)
    await onlooker.write_status(ready(**FAILED))
    await onlooker.until_told(HealthStatus.DEGRADED, "BlockedByFailedLoad: no file model.joblib")
    await onlooker.write_status(ready(**LOADED))  # the last failure stays, and says nothing more
    await onlooker.until_healthy(1)


async def test_knative_counts_the_pods_of_its_newest_revision_and_may_sleep(onlooker: Onlooker) -> None:
    await created(onlooker)
    for number in (1, 2):
        revision = f"{PREDICTOR}-0000{number}"
        labels = {LABEL: NAME, REVISION: revision}
        await onlooker.change(pinned(number))
        await onlooker.until_told(HealthStatus.PROGRESSING, "not processed the latest change")
        await onlooker.apply("deployments", of_template("Deployment", f"{revision}-deployment", number, labels))
        before = f"{PREDICTOR}-00001" if number == 2 else ""
        await onlooker.write_status({**revisions(revision, before), **ready("Unknown", **STARTING)})
        await onlooker.until(partial(runs, revision))
        await onlooker.write_status({**revisions(revision, revision), **ready(**LOADED)})
        done = await onlooker.until_healthy(number)
        assert [name.startswith(revision) for name in names(done)] == [True]
    await onlooker.plane.rest.patch(onlooker.path("deployments", f"{revision}-deployment"), {"spec": {"replicas": 0}})
    await onlooker.write_status(ready(**STARTING))
    asleep = await onlooker.until(lambda v: not v.pods)
    assert asleep.status is HealthStatus.HEALTHY
