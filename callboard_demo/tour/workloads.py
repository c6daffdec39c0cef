"""The tour's steps with the team's other models: a StatefulSet, and a pin in a ConfigMap.

Both are served by a server that is not Callboard's, so that `auto` has to choose how their releases are verified.
"""

from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.tour.observer import NotObserved, is_ready
from callboard_demo.tour.story import Story

STATEFUL: Final = "fraud"
CONFIGURED: Final = "demand"
KUSTOMIZATION: Final = f"manifests/{CONFIGURED}/production/kustomization.yaml"
REVISION: Final = "controller-revision-hash"


async def _released(story: Story, model: str) -> int:
    """Train a version and promote it to production; return it once the channel reports how it was verified."""
    version = await story.world.registry.train(model, "better")
    await story.send("alice", f"/promote {model} production v{version}")
    told = (f"{model} v{version}", "production")

    async def waiting() -> Any:
        found = story.observer.messages(*told, "approval")
        return found[0]["ts"] if found else None

    ts = await story.wait_for(f"the message about {model} that waits for approvals", waiting)
    await story.react("bob", ts)
    await story.react("carol", ts)

    async def in_channel() -> Any:
        return (
            story.observer.messages(*told, "Released", f"very new pod names v{version} (Open Inference Protocol)")
            or None
        )

    await story.wait_for(f"the channel reports the release of {model} v{version}, verified by its server", in_channel)
    if await story.observer.alias("production", model) != version:
        raise NotObserved(f"expected the alias production of {model} to point to v{version}")
    if (diff := _changed(story, model)) != [f"-{version - 1}", f"+{version}"]:
        raise NotObserved(f"expected a diff of only the pinned version of {model}, but it is: {diff}")
    return version


def _changed(story: Story, model: str) -> list[str]:
    """Return the lines that the newest pull request changes, each as its sign and the digits in it."""
    number = story.observer.pulls(f"callboard/{model}/production")[0]["number"]
    lines = [x for x in story.world.forge.diff(number).splitlines() if x[:1] in "+-" and x[:3] not in {"+++", "---"}]
    return [line[:1] + "".join(filter(str.isdigit, line)) for line in lines]


async def _every_pod_names(story: Story, model: str, version: int, pods: list[Json]) -> None:
    for pod in pods:
        if not is_ready(pod) or not await story.observer.names(pod, model, version):
            raise NotObserved(f"expected the pod {pod['metadata']['name']} to answer for {model} v{version}")


# ── a StatefulSet ─────────────────────────────────────────────────────────────────────────────────────


async def stateful(story: Story) -> None:
    """The pods keep their names, the last one is replaced first, and all are of the revision that is current."""
    version = await _released(story, STATEFUL)
    pods = await story.observer.pods_of(STATEFUL)
    names = [pod["metadata"]["name"] for pod in pods]
    if names != ["fraud-0", "fraud-1"]:
        raise NotObserved(f"expected the pods fraud-0 and fraud-1, but there are {names}")
    first, last = (pod["metadata"]["creationTimestamp"] for pod in pods)
    if first < last:
        raise NotObserved(f"expected fraud-1 to be replaced before fraud-0, but they are of {last} and {first}")
    status = (await story.observer.kubernetes(f"apis/apps/v1/…/statefulsets/{STATEFUL}"))["status"]
    found = {status["currentRevision"], status["updateRevision"], *(p["metadata"]["labels"][REVISION] for p in pods)}
    if len(found) != 1:
        raise NotObserved(f"expected one revision, but there are {sorted(found)}")
    await _every_pod_names(story, STATEFUL, version, pods)


async def on_delete(story: Story) -> None:
    """Somebody sets the update strategy to OnDelete in the cluster: no pod is replaced."""
    await story.observer.patch(f"apis/apps/v1/…/statefulsets/{STATEFUL}", {"spec": {"updateStrategy": ON_DELETE}})


ON_DELETE: Final[Json] = {"type": "OnDelete", "rollingUpdate": None}


# ── a pin in a ConfigMap ──────────────────────────────────────────────────────────────────────────────


async def configured(story: Story) -> None:
    """The pin gets a ConfigMap with another name, and the Deployment's new pod takes its version from it."""
    before = await _configmap(story)
    version = await _released(story, CONFIGURED)
    after = await _configmap(story)
    if after == before:
        raise NotObserved(f"expected a new ConfigMap, but the Deployment still names {before}")
    data = (await story.observer.kubernetes(f"api/v1/…/configmaps/{after}"))["data"]
    if data["MODEL_VERSION"] != str(version):
        raise NotObserved(f"expected {after} to pin v{version}, but it holds {data}")
    pods = [pod for pod in await story.observer.pods_of(CONFIGURED) if "deletionTimestamp" not in pod["metadata"]]
    if len(pods) != 1:
        raise NotObserved(f"expected one pod of {CONFIGURED}, but there are {len(pods)}")
    await _every_pod_names(story, CONFIGURED, version, pods)


async def _configmap(story: Story) -> str:
    """Return the name of the ConfigMap that the Deployment's pods take their environment from."""
    deployment = await story.observer.kubernetes(f"apis/apps/v1/…/deployments/{CONFIGURED}")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return str(container["envFrom"][0]["configMapRef"]["name"])


async def no_hash(story: Story) -> None:
    """Somebody tells kustomize to leave the hash out of the name: a new pin then restarts no pod."""
    text = story.world.forge.files()[KUSTOMIZATION].decode()
    story.world.forge.commit({KUSTOMIZATION: f"generatorOptions: {{disableNameSuffixHash: true}}\n{text}"}, "No hash")
