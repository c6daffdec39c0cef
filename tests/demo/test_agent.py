"""The agent follows the main branch and applies what it means, rendered by the real kubectl."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from bot.domain.json import Json
from callboard_demo.forge import Forge
from callboard_demo.gitops.agent import Agent
from callboard_demo.gitops.rendering import kustomized, plain
from tests.fixtures.forge_world import listening

BASE = "manifests/iris/base"
PRODUCTION = "manifests/iris/production"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris, namespace: models}
spec:
  template:
    spec:
      containers: [{name: server, env: [{name: MODEL_VERSION, value: "1"}]}]
"""
FILES = {
    f"{BASE}/kustomization.yaml": "resources: [deployment.yaml]\n",
    f"{BASE}/deployment.yaml": DEPLOYMENT,
    f"{PRODUCTION}/kustomization.yaml": "resources: [../base]\nnameSuffix: -production\n"
    "patches: [{path: release.yaml}]\n",
    f"{PRODUCTION}/release.yaml": DEPLOYMENT.replace('"1"', '"2"'),
    "manifests/iris-plain/all.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: plain, namespace: models}\n---\n"
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: models}\n",
    "README.md": "kind: not for the cluster\n",
}
IRIS = "/apis/apps/v1/namespaces/models/deployments/iris-production"
PLAIN = "/api/v1/namespaces/models/services/plain"
NAMESPACE = "/api/v1/namespaces/models"


@dataclass
class Recorder:
    """As much of a Kubernetes API as the agent uses: it takes what is applied, or refuses it."""

    applied: list[tuple[str, Json]] = field(default_factory=list)
    managers: set[str] = field(default_factory=set)
    refusing: str | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_patch("/{path:.+}", self._apply)
        return app

    async def _apply(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer t0ken" or request.content_type != "application/apply-patch+yaml":
            return web.Response(status=401)
        if request.path == self.refusing:
            return web.Response(status=422, text="spec is invalid")
        self.managers.add(request.query["fieldManager"])
        self.applied.append((request.path, yaml.safe_load(await request.text())))
        return web.json_response({})

    def paths(self) -> list[str]:
        return [path for path, _ in self.applied]


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    made = Forge(folder=tmp_path, token="t", webhook_secret="s")
    made.seed(FILES)
    return made


@asynccontextmanager
async def following(forge: Forge, api: Recorder) -> AsyncIterator[Agent]:
    async with listening(api.app()) as url:
        agent = Agent(head=forge.head, files=lambda: forge.files(under="manifests"), apply_url=url, token="t0ken")
        await agent.start()
        try:
            yield agent
        finally:
            await agent.close()


async def until(agent: Agent, holds: Callable[[Json], Any]) -> None:
    """Wait, for ten seconds at most, until the agent's status is so."""
    changed = asyncio.Event()
    agent.on_change.append(changed.set)
    async with asyncio.timeout(10):
        while not holds(agent.status):
            await changed.wait()
            changed.clear()


async def test_what_main_means_is_applied_namespaces_first(forge: Forge) -> None:
    api = Recorder()
    async with following(forge, api) as agent:
        await until(agent, lambda status: status["applied"] == forge.head())
    assert (api.paths()[0], set(api.paths()), api.managers) == (NAMESPACE, {NAMESPACE, PLAIN, IRIS}, {"argocd-demo"})
    [iris] = [thing for path, thing in api.applied if path == IRIS]
    assert iris["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "MODEL_VERSION", "value": "2"}]


async def test_only_what_changed_is_applied_again(forge: Forge) -> None:
    api = Recorder()
    async with following(forge, api) as agent:
        await until(agent, lambda status: status["applied"])
        api.applied.clear()
        head = forge.commit({f"{PRODUCTION}/release.yaml": DEPLOYMENT.replace('"1"', '"3"')}, "Release 3")
        agent.wake()
        await until(agent, lambda status: status["applied"] == head)
    assert api.paths() == [IRIS]


async def test_a_folder_that_cannot_be_rendered_holds_up_no_other(forge: Forge) -> None:
    api = Recorder()
    forge.commit({f"{PRODUCTION}/kustomization.yaml": "resources: [missing.yaml]\n"}, "Break it")
    async with following(forge, api) as agent:
        await until(agent, lambda status: status["error"])
        assert agent.status["applied"] is None
        assert f"kubectl kustomize {PRODUCTION}" in agent.status["error"]
        assert set(api.paths()) == {NAMESPACE, PLAIN}
        head = forge.commit({f"{PRODUCTION}/kustomization.yaml": FILES[f"{PRODUCTION}/kustomization.yaml"]}, "Mend it")
        agent.wake()
        await until(agent, lambda status: status["applied"] == head)
    assert agent.status["error"] is None


async def test_a_plain_file_that_is_not_yaml_is_named(forge: Forge) -> None:
    forge.commit({"manifests/iris-plain/all.yaml": "a: [\n"}, "Break it")
    async with following(forge, Recorder()) as agent:
        await until(agent, lambda status: status["error"])
    assert "manifests/iris-plain/all.yaml: not YAML" in agent.status["error"]


async def test_what_the_cluster_refuses_is_said_and_tried_again(forge: Forge) -> None:
    api = Recorder(refusing=IRIS)
    async with following(forge, api) as agent:
        await until(agent, lambda status: status["error"])
        assert f"{IRIS}: 422 spec is invalid" in agent.status["error"]
        api.refusing = None
        await until(agent, lambda status: status["applied"] == forge.head())
    assert (agent.status["error"], api.paths().count(PLAIN), api.paths().count(IRIS)) == (None, 1, 1)


async def test_an_empty_repository_is_waited_for(tmp_path: Path) -> None:
    forge, api = Forge(folder=tmp_path, token="t", webhook_secret="s"), Recorder()
    async with following(forge, api) as agent:
        agent.wake()
        forge.seed(FILES)
        await until(agent, lambda status: status["applied"] == forge.head())
    assert IRIS in api.paths()


def test_bases_and_components_are_not_built_by_themselves() -> None:
    component = "manifests/iris/with-gpu/kustomization.yaml"
    files = {path: text.encode() for path, text in {**FILES, component: "kind: Component\n"}.items()}
    assert kustomized(files) == [PRODUCTION]


def test_a_model_with_a_kustomization_has_no_plain_files() -> None:
    assert plain({path: text.encode() for path, text in FILES.items()}) == ["manifests/iris-plain/all.yaml"]
