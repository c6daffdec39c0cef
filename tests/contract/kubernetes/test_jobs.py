"""How Callboard judges Jobs and CronJobs that a real control plane runs.

Kubernetes 1.20 has CronJobs only in batch/v1beta1, with the same fields: the client is pointed there.
"""

from datetime import timedelta

import pytest

from bot.clients.kubernetes.client import PATHS
from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds import cron_job, job
from bot.rules.wording.reasons import plain
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.manifests import NAME, owner, template
from tests.contract.kubernetes.onlooker import Onlooker

pytestmark = pytest.mark.real

WORKS = Behaviour(crash_after=timedelta(seconds=1.1), exit_code=0)
"""Longer than a second, the precision of the time by which the last run is known."""
FAILS = Behaviour(crash_after=timedelta(seconds=1.1), exit_code=3)


@pytest.fixture
def runtime() -> ScriptedRuntime:
    return ScriptedRuntime({"1": WORKS, "2": FAILS, "3": WORKS})


def run(version: int, name: str = NAME) -> Json:
    """Return a Job that tries once."""
    spec = {"backoffLimit": 0, "template": template(version, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("version", "status"), [(1, HealthStatus.HEALTHY), (2, HealthStatus.DEGRADED)])
async def test_a_job_is_judged_by_how_it_ends(onlooker: Onlooker, version: int, status: HealthStatus) -> None:
    await onlooker.follow(job.KIND)
    await onlooker.apply("jobs", run(version))
    running = await onlooker.until_told(HealthStatus.PROGRESSING)
    assert running.pin is not None
    assert running.pin.version == version
    await onlooker.until_told(status)
    assert {v.status for v in onlooker.verdicts} == {HealthStatus.PROGRESSING, status}


@pytest.fixture
async def cron(onlooker: Onlooker, monkeypatch: pytest.MonkeyPatch) -> Json:
    """A CronJob of version 1 that is not due for long."""
    monkeypatch.setitem(PATHS, "cronjobs", "/apis/batch/v1beta1")
    spec = {"schedule": "0 0 29 2 *", "jobTemplate": {"spec": run(1)["spec"]}}
    head = {"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": NAME}}
    made = await onlooker.apply("cronjobs", {**head, "spec": spec})
    await onlooker.follow(cron_job.KIND)
    return made


async def triggered(onlooker: Onlooker, cron: Json, version: int) -> None:
    """Create a Job as `kubectl create job --from=cronjob/model` does."""
    made = run(version, f"model-{version}")
    made["metadata"] |= {"annotations": {"cronjob.kubernetes.io/instantiate": "manual"}, "ownerReferences": owner(cron)}
    await onlooker.apply("jobs", made)


async def test_a_cron_job_is_judged_by_its_first_run_of_the_new_version(onlooker: Onlooker, cron: Json) -> None:
    await onlooker.until_told(HealthStatus.PROGRESSING, "with its next run")
    await triggered(onlooker, cron, 1)
    await onlooker.until_healthy(1)
    await onlooker.change({"jobTemplate": {"spec": {"template": template(2, restartPolicy="Never")}}})
    await onlooker.until_told(HealthStatus.PROGRESSING, "with its next run, of the schedule 0 0 29 2 *")
    await triggered(onlooker, cron, 2)
    failed = await onlooker.until_told(HealthStatus.DEGRADED)
    assert (failed.culprit or "").startswith("model-2-")


async def test_a_suspended_cron_job_names_the_command_that_resumes_it(onlooker: Onlooker, cron: Json) -> None:
    await onlooker.change({"suspend": True})
    paused = await onlooker.until_told(HealthStatus.SUSPENDED)
    assert f"kubectl patch cronjob/model -n {onlooker.namespace}" in plain(paused.reason)
    await onlooker.change({"suspend": False})
    await onlooker.until_told(HealthStatus.PROGRESSING, "with its next run")
