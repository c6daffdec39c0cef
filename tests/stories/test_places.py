"""What Callboard could not see take effect is refused before there is a pull request."""

from pathlib import Path

import pytest
import yaml

from tests.fixtures.story_world import everything, manifests, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


async def test_a_target_without_a_namespace_is_refused_before_there_is_a_pull_request(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    files = manifests(model)
    path = f"manifests/{model}/production/deployment.yaml"
    files[path] = files[path].replace(", namespace: models", "")
    async with story_world(tmp_path, model=model, mlflow=registry.url, files=files) as world:
        await world.type("alice", f"/promote {model} production")
        refused = await world.message(f"{model} v2", "do not say in which namespace the workload runs")
        assert "for `production` in app.yaml" in everything(refused)
        assert [world.pulls(state) for state in ("open", "closed", "merged")] == [[], [], []]
        assert '"1"' in world.pinned(path)


async def test_a_model_cannot_take_the_pin_of_another(tmp_path: Path, registry: Models) -> None:
    iris = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    churn = await registry.model(versions=1, aliases={})
    files = {path: text.replace(f"value: {iris}\n", "value: x\n") for path, text in manifests(iris).items()}
    files = {path: text.replace("- name: MODEL_NAME\n", "- name: NAME\n") for path, text in files.items()}
    text = (
        'repository: acme/models-gitops\nchannel: "#ml-releases"\nstages: {staging: {approvals: 0}, production: {}}\n'
        f"models: {{{iris}: {{}}, {churn}: {{manifests: 'manifests/{iris}/{{stage}}'}}}}\n"
    )
    async with story_world(tmp_path, model=iris, mlflow=registry.url, files=files, text=text) as world:
        await world.type("alice", f"/promote {churn} staging 1")
        await world.message(f"{churn} v1", f"releasing `{churn}` would change its version too")
        assert [world.pulls(state) for state in ("open", "closed", "merged")] == [[], [], []]
        assert '"2"' in world.pinned(f"manifests/{iris}/staging/deployment.yaml")


async def test_a_pin_in_a_configmap_is_picked_up_once_the_pods_name_the_version(
    tmp_path: Path, registry: Models
) -> None:
    """A plain ConfigMap restarts no pods: somebody has to."""
    model = await registry.model(versions=2, aliases={"production": 1})
    files, folder = manifests(model), f"manifests/{model}/production"
    files[f"{folder}/deployment.yaml"], config = behind_a_configmap(files[f"{folder}/deployment.yaml"], model)
    files[f"{folder}/release.yaml"] = config
    text = (
        'repository: acme/models-gitops\nchannel: "#ml-releases"\n'
        "stages: {staging: {approvals: 0}, production: {approvals: 0, watch: 0s, timeout: 3s}}\n"
        f"models: {{{model}: {{}}}}\n"
    )
    async with story_world(tmp_path, model=model, mlflow=registry.url, files=files, text=text) as world:
        await world.type("alice", f"/promote {model} production 2")
        await world.message(f"{model} v2", "Stalled", "Keep waiting")
        again = (world.forge.read(f"{folder}/deployment.yaml") or "").replace("restarted: never", "restarted: today")
        world.forge.commit({f"{folder}/deployment.yaml": again}, "Restart")
        await world.message("Released v2 to production", "Every new pod serves v2")
        assert await world.alias("production") == 2


def behind_a_configmap(deployment: str, model: str) -> tuple[str, str]:
    """Return a Deployment that takes its pin from a ConfigMap, and that ConfigMap."""
    workload = yaml.safe_load(deployment)
    pods = workload["spec"]["template"]
    pods["metadata"]["annotations"] = {"restarted": "never"}
    (container,) = pods["spec"]["containers"]
    pinned = {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("MODEL_")}
    container["env"] = [each for each in container["env"] if each["name"] not in pinned]
    container["envFrom"] = [{"configMapRef": {"name": f"{model}-release"}}]
    meta = {"name": f"{model}-release", "namespace": workload["metadata"]["namespace"]}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": pinned}
    return yaml.safe_dump(workload), yaml.safe_dump(config)
