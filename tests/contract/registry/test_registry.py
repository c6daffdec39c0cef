"""The demo's registry: what it is seeded with, what each training brings, and what its webhook really delivers."""

import base64
import hashlib
import hmac
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bot.domain.errors import UserError
from bot.domain.json import Json
from callboard_demo.faults import Faults
from callboard_demo.registry.proxy import proxy
from callboard_demo.registry.server import Server
from tests.fixtures.registry import SECRET, MLflowServer
from tests.fixtures.waiting import until
from tests.paths import ROOT

pytestmark = pytest.mark.slow

MODEL = "iris-classifier"


# ── what is there ──


async def test_a_seeding_that_was_killed_half_way_is_taken_up_where_it_was(mlflow_server: MLflowServer) -> None:
    state = await mlflow_server.do(mlflow_server.registry.state())
    models = {model["name"]: model for model in state["models"]}
    iris = [v for v in models[MODEL]["versions"] if v["quality"] == "seed"]
    assert sorted(v["version"] for v in iris) == [1, 2]
    assert [v["version"] for v in models["churn"]["versions"] if v["quality"] == "seed"] == [1]
    assert (models[MODEL]["aliases"], models["churn"]["aliases"]) == (
        {"production": 1, "staging": 2},
        {"production": 1},
    )
    assert all(0 < v["metrics"]["accuracy"] < 1 for v in (*iris, *models["churn"]["versions"]))


async def test_seeding_again_changes_nothing(mlflow_server: MLflowServer) -> None:
    before = await mlflow_server.versions("churn")
    await mlflow_server.do(mlflow_server.registry.seed())
    assert await mlflow_server.versions("churn") == before


async def test_the_first_two_versions_can_be_told_apart_by_their_answer(mlflow_server: MLflowServer) -> None:
    assert await mlflow_server.answer(MODEL, 1) != await mlflow_server.answer(MODEL, 2)


async def test_the_picture_has_the_shape_that_the_page_shows(mlflow_server: MLflowServer) -> None:
    version = (await mlflow_server.versions(MODEL))[1]
    assert version.keys() == {"version", "created_at", "metrics", "tags", "run_id", "aliases", "quality"}
    assert version["tags"]["trained_by"] == "alice"
    assert version["aliases"] == ["production"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT.+\+00:00", version["created_at"])


# ── training ──


async def test_a_better_version_is_more_accurate_than_what_is_released_and_answers_otherwise(
    mlflow_server: MLflowServer,
) -> None:
    number = await mlflow_server.do(mlflow_server.registry.train(MODEL, "better"))
    versions = await mlflow_server.versions(MODEL)
    released = [v for v in versions.values() if v["aliases"]]
    assert versions[number]["metrics"]["accuracy"] > max(v["metrics"]["accuracy"] for v in released)
    answers = [await mlflow_server.answer(MODEL, v["version"]) for v in released]
    assert await mlflow_server.answer(MODEL, number) not in answers


async def test_a_worse_version_is_less_accurate_and_answers_otherwise(mlflow_server: MLflowServer) -> None:
    number = await mlflow_server.do(mlflow_server.registry.train("churn", "worse"))
    versions = await mlflow_server.versions("churn")
    assert versions[number]["metrics"]["accuracy"] < versions[1]["metrics"]["accuracy"]
    assert await mlflow_server.answer("churn", number) != await mlflow_server.answer("churn", 1)


async def test_every_broken_version_has_a_word_of_its_own(mlflow_server: MLflowServer) -> None:
    registry, said = mlflow_server.registry, list[str]()
    numbers = [await mlflow_server.do(registry.train(MODEL, "broken", said.append)) for _ in range(2)]
    words = [await mlflow_server.do(registry.word(MODEL, number)) for number in numbers]
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[0-9a-f]{2}", word) for word in words)
    assert words[0] != words[1]
    assert f"registered {MODEL} v{numbers[0]}" in said


async def test_a_model_that_is_not_there_cannot_be_trained_and_the_next_order_is_obeyed(
    mlflow_server: MLflowServer,
) -> None:
    registry = mlflow_server.registry
    with pytest.raises(UserError, match="no-such-model not found"):
        await mlflow_server.do(registry.train("no-such-model", "better"))
    assert await mlflow_server.do(registry.train("churn", "better")) > 1


async def test_the_input_example_is_one_that_every_version_understands(mlflow_server: MLflowServer) -> None:
    example = json.loads(await mlflow_server.do(mlflow_server.registry.input_example(MODEL)))
    rows = example["dataframe_split"]["data"]
    assert len(rows) == 8
    assert all(isinstance(value, int) for row in rows for value in row)


async def test_whoever_watches_is_told_of_a_training(mlflow_server: MLflowServer) -> None:
    told = list[str]()
    mlflow_server.registry.on_change.append(lambda: told.append("changed"))
    await mlflow_server.do(mlflow_server.registry.train("churn", "better"))
    mlflow_server.registry.on_change.pop()
    assert told


# ── the webhook ──


@dataclass
class Ear:
    """What MLflow delivered, and what was known of the version's run at that moment."""

    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    metrics: dict[str, Json] = field(default_factory=dict)
    url: str = ""


@pytest.fixture
async def ear(mlflow_server: MLflowServer) -> AsyncIterator[Ear]:
    ear = Ear()

    async def hear(request: web.Request) -> web.Response:
        body = await request.read()
        data = json.loads(body)["data"]
        versions = await mlflow_server.versions(data["name"])
        version = versions.get(int(data["version"]))
        ear.metrics.setdefault(data["version"], version["metrics"] if version else {})
        ear.heard.append((dict(request.headers), body))
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/mlflow", hear)
    async with TestServer(app) as server:
        ear.url = str(server.make_url("/webhooks/mlflow"))
        await mlflow_server.do(mlflow_server.registry.connect(ear.url, SECRET))
        yield ear


def signed(headers: dict[str, str], body: bytes) -> bool:
    """https://mlflow.org/docs/latest/ml/webhooks/#signature-verification."""
    text = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(f"v1,{mac}", headers["X-MLflow-Signature"])


async def test_a_new_version_is_told_signed_and_before_its_metrics_are_known(
    mlflow_server: MLflowServer, ear: Ear
) -> None:
    number = await mlflow_server.do(mlflow_server.registry.train(MODEL, "better"))

    async def created() -> Any:
        return [d for d in ear.heard if b'"action": "created"' in d[1] and f'"version": "{number}"'.encode() in d[1]]

    headers, body = (await until(created, f"the delivery of version {number}"))[0]
    said = json.loads(body)
    assert signed(headers, body)
    assert not signed(headers, body + b" ")
    assert (said["entity"], said["data"]["name"]) == ("model_version", MODEL)
    assert ear.metrics[str(number)] == {}
    assert (await mlflow_server.versions(MODEL))[number]["metrics"].keys() == {"accuracy", "log_loss"}


async def test_a_tag_and_an_alias_are_told_too(mlflow_server: MLflowServer, ear: Ear) -> None:
    async with aiohttp.ClientSession(mlflow_server.url, raise_for_status=True) as http:
        tag = {"name": "churn", "version": "1", "key": "seen", "value": "yes"}
        alias = {"name": "churn", "version": "1", "alias": "watched"}
        async with http.post("/api/2.0/mlflow/model-versions/set-tag", json=tag):
            pass
        async with http.post("/api/2.0/mlflow/registered-models/alias", json=alias):
            pass
        wanted = {("model_version_tag", "set"), ("model_version_alias", "created")}

        async def both() -> bool:
            return wanted <= {(json.loads(b)["entity"], json.loads(b)["action"]) for _, b in ear.heard}

        await until(both, "the deliveries of the tag and the alias")
        async with http.delete("/api/2.0/mlflow/registered-models/alias", json={"name": "churn", "alias": "watched"}):
            pass


async def test_connecting_again_moves_the_one_webhook(mlflow_server: MLflowServer, ear: Ear) -> None:
    await mlflow_server.do(mlflow_server.registry.connect(f"{ear.url}/elsewhere", SECRET))
    async with aiohttp.ClientSession(mlflow_server.url) as http, http.get("/api/2.0/mlflow/webhooks") as answer:
        hooks = (await answer.json())["webhooks"]
    assert [(hook["name"], hook["url"]) for hook in hooks] == [("callboard", f"{ear.url}/elsewhere")]


# ── the proxy ──


async def test_a_lost_answer_is_a_write_that_took_effect(mlflow_server: MLflowServer) -> None:
    faults, written = Faults(), list[str]()
    app = proxy(mlflow_server.url, middlewares=[faults.middleware("mlflow")], written=lambda: written.append("once"))
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as http:
        faults.set("mlflow", "lost_answer", 60)
        tag = {"name": "churn", "version": "1", "key": "lost", "value": "answer"}
        with pytest.raises(aiohttp.ClientError):
            await http.post("/api/2.0/mlflow/model-versions/set-tag", json=tag)
        async with http.get("/api/2.0/mlflow/model-versions/get", params={"name": "churn", "version": "1"}) as answer:
            assert {"key": "lost", "value": "answer"} in (await answer.json())["model_version"]["tags"]
        assert written == ["once"]


async def test_a_web_page_under_a_name_of_its_own_reads_nothing_through_the_proxy(mlflow_server: MLflowServer) -> None:
    app = proxy(mlflow_server.url, middlewares=[], written=lambda: None)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        url = server.make_url("/api/2.0/mlflow/registered-models/search")
        for host, status in (
            (f"127.0.0.1:{server.port}", 200),
            (f"localhost:{server.port}", 200),
            ("evil.example", 403),
        ):
            async with http.get(url, headers={"Host": host}) as answer:
                assert answer.status == status, host


async def test_what_passes_through_the_proxy_arrives_as_it_was_sent() -> None:
    seen = list[tuple[str, str, bytes]]()

    async def upstream(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, await request.read()))
        return web.Response(status=418, body=b"\x1f\x8b\x00", headers={"Content-Encoding": "gzip", "X-Other": "yes"})

    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", upstream)
    large = b"x" * (5 << 20)
    async with TestServer(app) as behind:
        front = proxy(str(behind.make_url("")).rstrip("/"), middlewares=[], written=lambda: None)
        async with TestServer(front) as server, aiohttp.ClientSession(auto_decompress=False) as http:
            url = URL(f"{server.make_url('/')}a%2Fb/c%20d?q=x%26y&q=%C3%BC", encoded=True)
            async with http.put(url, data=io.BytesIO(large)) as answer:
                got = (answer.status, answer.headers["X-Other"], await answer.read())
    assert seen == [("PUT", "/a%2Fb/c%20d?q=x%26y&q=%C3%BC", large)]
    assert got == (418, "yes", b"\x1f\x8b\x00")


async def test_a_server_that_is_gone_is_a_bad_gateway() -> None:
    app = proxy("http://127.0.0.1:9", middlewares=[], written=lambda: None)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as http,
        http.get(server.make_url("/api/2.0/mlflow/runs/get")) as answer,
    ):
        assert answer.status == 502


# ── the server as a process ──


async def test_a_taken_port_is_said(tmp_path: Path, mlflow_server: MLflowServer) -> None:
    port = int(mlflow_server.url.rpartition(":")[2])
    with pytest.raises(UserError, match=f"port {port}.*is taken"):
        await Server(folder=tmp_path, port=port).start()


async def test_a_server_that_does_not_start_says_what_its_log_ends_with(tmp_path: Path, unused_tcp_port: int) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    server = Server(folder=tmp_path, port=unused_tcp_port)
    with pytest.raises(UserError, match="file is not a database"):
        await server.start()
    await server.close()


SCRIPT = """
import asyncio, sys
from pathlib import Path
from callboard_demo.registry.server import Server

async def main():
    server = Server(folder=Path(sys.argv[1]), port=int(sys.argv[2]))
    await server.start()
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_no_process_of_it_outlives_a_parent_that_was_killed(tmp_path: Path, unused_tcp_port: int) -> None:
    told = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "registry"), str(unused_tcp_port)]
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=60)
    assert len(children) >= 2  # `mlflow server`, and what it started
    assert alive == []
