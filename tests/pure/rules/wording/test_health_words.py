"""How the reasons of a rollout's health read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.reason import Command, Name, Reason, Said
from bot.domain.reasons.health import (
    ChangeNotObserved,
    Deleting,
    NoProgress,
    Paused,
    PodFailing,
    PodsNotCreated,
    Progress,
    QuotaExceeded,
    ReplicaSetMissing,
    UnexpectedValue,
)
from bot.domain.reasons.pods import (
    ContainerWaiting,
    CrashLoop,
    ExitCode,
    ExitUnknown,
    ImageNotPulled,
    ImageUnusable,
    InContainer,
    ModelRegistrySilent,
    NotScheduled,
    OutOfMemory,
    PodNotReady,
    PodWarning,
    Restarted,
    Terminated,
    VersionNotRegistered,
)
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import (
    Condition,
    LastRun,
    ModelTransition,
    NoHealthRule,
    OldPodsLeft,
    OnDelete,
    Phase,
    PodsAvailable,
    PodsUpdated,
)
from bot.rules.wording.reasons import plain, slack

EXIT = ExitCode(exit_code=1, meaning=None)
CRASH = CrashLoop(exit=EXIT, restarts=3)
IMAGE = Name("registry.example/iris:1")
MESSAGE = Said('secret "a" not found')
ONE_OF_THREE = Progress(ready=1, wanted=3, version=3)
FAILING = PodFailing(pod=Name("iris-7c9"), trouble=CRASH, more=0)
ENDED = PodFailing(pod=Name("p"), trouble=Told(text=Said("ended")), more=0)

ROLLOUT: dict[str, Reason] = {
    "1 of 3 pods on v3": ONE_OF_THREE,
    "0 of 1 pod on the new revision": Progress(ready=0, wanted=1, version=None),
    "3 of 3 pods on v3; waiting for 2 old pods to terminate": Progress(
        ready=3, wanted=3, version=3, detail=OldPodsLeft(count=2)
    ),
    "0 of 3 pods on v3; the ReplicaSet of the new revision has not been created yet": Progress(
        ready=0, wanted=3, version=3, detail=ReplicaSetMissing()
    ),
    "no progress for 10 minutes (1 of 3 pods on v3)": NoProgress(
        deadline=timedelta(minutes=10), progress=ONE_OF_THREE, cause=None
    ),
    "pod p: ended; no progress for 1 minute (1 of 3 pods on v3)": NoProgress(
        deadline=timedelta(minutes=1), progress=ONE_OF_THREE, cause=ENDED
    ),
    "pod iris-7c9: CrashLoopBackOff (exit code 1, 3 restarts)": FAILING,
    "pod p: ended (and 1 more pod)": replace(ENDED, more=1),
    "pod p: ended (and 2 more pods)": replace(ENDED, more=2),
    "iris is paused: nothing new starts until someone resumes it (kubectl rollout resume deployment/iris)": Paused(
        name=Name("iris"), resume=Command("kubectl rollout resume deployment/iris")
    ),
    "iris is paused: nothing new starts until someone resumes it": Paused(name=Name("iris")),
    "iris is being deleted": Deleting(name=Name("iris")),
    "Kubernetes has not processed the latest change yet": ChangeNotObserved(),
    "quota exceeded: small, requested: pods=1": QuotaExceeded(message=Said("small, requested: pods=1")),
    "pods cannot be created: denied": PodsNotCreated(message=Said("denied")),
    "pods cannot be created": PodsNotCreated(message=Said("")),
    'the object is malformed: spec.replicas is "three", expected type integer': UnexpectedValue(
        path=Name("spec.replicas"), found=Said('"three"'), expected=Name("integer")
    ),
    "the object is malformed: it is [], expected type object": UnexpectedValue(
        path=Name(""), found=Said("[]"), expected=Name("object")
    ),
}

PODS: dict[str, Reason] = {
    "CrashLoopBackOff (exit code 1, 1 restart)": CrashLoop(exit=EXIT, restarts=1),
    "CrashLoopBackOff (exit code 66: the model registry has no such version, 1 restart)": CrashLoop(
        exit=ExitCode(exit_code=66, meaning=VersionNotRegistered()), restarts=1
    ),
    "CrashLoopBackOff (exit code 69: the model registry did not answer, 2 restarts)": CrashLoop(
        exit=ExitCode(exit_code=69, meaning=ModelRegistrySilent()), restarts=2
    ),
    "CrashLoopBackOff (OOMKilled: out of memory, limit 1Gi, 2 restarts)": CrashLoop(
        exit=OutOfMemory(limit=Name("1Gi")), restarts=2
    ),
    "CrashLoopBackOff (exit code unknown, 0 restarts)": CrashLoop(exit=ExitUnknown(), restarts=0),
    "restarted once (exit code 1)": Restarted(restarts=1, exit=EXIT),
    "restarted 2 times (OOMKilled: out of memory)": Restarted(restarts=2, exit=OutOfMemory(limit=None)),
    "terminated (exit code 1)": Terminated(exit=EXIT),
    "init container fetch: CrashLoopBackOff (exit code 1, 3 restarts)": InContainer(
        container=Name("fetch"), init=True, trouble=CRASH
    ),
    "container proxy: terminated (exit code 1)": InContainer(
        container=Name("proxy"), init=False, trouble=Terminated(exit=EXIT)
    ),
    "InvalidImageName: image registry.example/iris:1: no such tag": ImageUnusable(
        reason=Name("InvalidImageName"), image=IMAGE, message=Said("no such tag")
    ),
    "ErrImageNeverPull: image registry.example/iris:1": ImageUnusable(
        reason=Name("ErrImageNeverPull"), image=IMAGE, message=Said("")
    ),
    "cannot pull image registry.example/iris:1: 403 Forbidden": ImageNotPulled(
        image=IMAGE, message=Said("403 Forbidden")
    ),
    "cannot pull image registry.example/iris:1": ImageNotPulled(image=IMAGE, message=Said("")),
    'CreateContainerConfigError: secret "a" not found': ContainerWaiting(
        reason=Name("CreateContainerConfigError"), message=MESSAGE
    ),
    'FailedMount: secret "a" not found': PodWarning(reason=Name("FailedMount"), message=MESSAGE),
    "not scheduled: 0/3 nodes are available": NotScheduled(message=Said("0/3 nodes are available")),
    "not scheduled": NotScheduled(message=Said("")),
    "not ready, and restarted before": PodNotReady(restarted=True),
}

WORKLOADS: dict[str, Reason] = {
    "2 of 3 new pods are available": PodsAvailable(count=2, wanted=3, new=True),
    "3 of 3 pods are available": PodsAvailable(count=3, wanted=3),
    "1 of 3 pods are updated": PodsUpdated(count=1, wanted=3),
    "1 of 2 pods are updated (partition 1)": PodsUpdated(count=1, wanted=2, partition=1),
    "waiting for 1 old pod to terminate": OldPodsLeft(count=1),
    "pods are replaced only when someone deletes them (update strategy OnDelete)": OnDelete(),
    "phase Lost": Phase(phase=Name("Lost")),
    "Ready: the predictor is not ready": Condition(type=Name("Ready"), message=Said("the predictor is not ready")),
    "model status BlockedByFailedLoad: no such file": ModelTransition(
        status=Name("BlockedByFailedLoad"), detail=Told(text=Said("no such file"))
    ),
    "the outcome of the last run is not known": LastRun(succeeded=None),
    "the last run succeeded": LastRun(succeeded=True),
    "the last run did not succeed": LastRun(succeeded=False),
    "there is no health rule for Secret x (apiVersion v1)": NoHealthRule(
        kind=Name("Secret"), name=Name("x"), api_version=Name("v1")
    ),
    "there is no health rule for the object (no apiVersion)": NoHealthRule(
        kind=Name(""), name=Name(""), api_version=Name("")
    ),
}


@pytest.mark.parametrize(("words", "reason"), [*ROLLOUT.items(), *PODS.items(), *WORKLOADS.items()])
def test_a_reason_reads_like_this(words: str, reason: Reason) -> None:
    assert plain(reason) == words


def test_names_and_commands_can_be_copied_on_slack() -> None:
    trouble = PodFailing(pod=Name("iris-7c9"), trouble=ImageNotPulled(image=IMAGE, message=Said("*no*")), more=0)
    assert slack(trouble) == "pod `iris-7c9`: cannot pull image `registry.example/iris:1`: ∗no∗"
    paused = Paused(name=Name("iris"), resume=Command("kubectl rollout resume deployment/iris"))
    assert "`kubectl rollout resume deployment/iris`" in slack(paused)
