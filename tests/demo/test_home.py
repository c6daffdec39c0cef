"""The demo's folder and ports: taken only where they are its own and free, and said in one sentence where not."""

import asyncio
import stat
from pathlib import Path

import pytest

from bot.domain.errors import UserError
from bot.domain.json import Json
from bot.domain.policy import Policy
from bot.domain.target import Target
from bot.rules.pins.place import locate
from callboard_demo.bot_process import BotProcess
from callboard_demo.children import bind
from callboard_demo.cluster.runtime import Order, ProcessRuntime
from callboard_demo.gitops import seed
from callboard_demo.home import MARKER, Home
from callboard_demo.ports import NAMES, claim
from callboard_demo.world import registry_at, settled


def test_secrets_are_made_once_and_the_token_anew_at_every_start(tmp_path: Path) -> None:
    first = Home.open(tmp_path / "state")
    first.close()
    second = Home.open(tmp_path / "state")
    second.close()
    assert first.keys == second.keys
    assert len(set(first.keys.values())) == len(first.keys)
    assert first.token != second.token
    assert (tmp_path / "state" / "token").read_text().strip() == second.token


def test_only_the_owner_may_read_secrets(tmp_path: Path) -> None:
    Home.open(tmp_path / "state").close()
    for name in ("keys.json", "token"):
        assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600


def test_fresh_empties_the_folder(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "state")
    (home.part("forge") / "records.json").write_text("{}")
    home.close()
    kept = tmp_path / "elsewhere"
    kept.write_text("not ours")
    (tmp_path / "state" / "link").symlink_to(kept)
    again = Home.open(tmp_path / "state", fresh=True)
    again.close()
    assert sorted(path.name for path in again.folder.iterdir()) == [MARKER, "keys.json", "token"]
    assert again.keys != home.keys
    assert kept.read_text() == "not ours"


@pytest.mark.parametrize("fresh", [True, False])
def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not the demo's"):
        Home.open(tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "state")
    home.part("forge")
    with pytest.raises(UserError, match="another demo is running"):
        Home.open(tmp_path / "state", fresh=True)
    assert (tmp_path / "state" / "forge").exists()
    home.close()
    Home.open(tmp_path / "state").close()


def test_a_taken_port_is_said_in_one_line_and_the_others_are_let_go() -> None:
    with bind(0) as held:
        taken = int(held.getsockname()[1])
        with pytest.raises(UserError) as refusal:
            claim(taken - 2)
    said = str(refusal.value)
    assert f"port {taken} (GitHub) is taken" in said or "is taken" in said
    assert "--port" in said
    assert "\n" not in said


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/state is not writable \(Not a directory\): start elsewhere"):
        Home.open(tmp_path / "file" / "state")


def test_any_free_ports_are_eight_different_ones() -> None:
    ports = claim(None)
    assert list(ports.numbers) == list(NAMES)
    assert len(set(ports.numbers.values())) == len(NAMES)
    ports.close()


async def test_a_bot_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    bot = BotProcess(folder=tmp_path, environ={}, internal="http://127.0.0.1:1")
    with pytest.raises(UserError, match="SLACK_SIGNING_SECRET"):
        await bot.start()
    state = bot.state()
    assert (state["alive"], state["exit"]) == (False, 1)
    assert "MLFLOW_TRACKING_URI" in state["last_words"]
    await bot.close()


@pytest.mark.parametrize("said", ["https://mlflow.mlops.svc:5000", "http://mlflow.mlops.svc.cluster.local:5000"])
def test_where_manifests_say_that_the_registry_is_the_demos_stands(said: str) -> None:
    runtime = ProcessRuntime(hosts=registry_at("http://127.0.0.1:8403"))
    order = Order(
        namespace="models",
        pod="p",
        container="server",
        image="model-server",
        env={"MLFLOW_TRACKING_URI": said},
        address="127.0.0.2",
        write=lambda _: None,
    )
    assert runtime.environment(order)["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:8403"


async def test_killing_a_bot_that_is_not_there_is_no_mistake(tmp_path: Path) -> None:
    bot = BotProcess(folder=tmp_path, environ={}, internal="http://127.0.0.1:1")
    bot.kill()
    assert await bot.promotions() == []
    await asyncio.wait_for(bot.close(), 5)


@pytest.mark.parametrize(
    ("model", "folder", "version"),
    [
        ("iris-classifier", "manifests/iris-classifier/production", 1),
        ("iris-classifier", "manifests/iris-classifier/staging", 2),
        ("churn", "manifests/churn", 1),
        ("fraud", "manifests/fraud/production", 1),
        ("demand", "manifests/demand/production", 1),
    ],
)
def test_the_seeded_repository_holds_what_callboard_edits(model: str, folder: str, version: int) -> None:
    texts = {path: data.decode() for path, data in seed.files().items() if Path(path).parent.as_posix() == folder}
    located = locate(texts, Target(model=model, stage="production"), Policy())
    assert (located.found.pin.version, located.place.namespace) == (version, "models")


def pod(name: str, **more: object) -> Json:
    return {"name": name, "serves": 1, "status": "Running", "restarts": 0} | more


WORKLOAD = {"name": "iris", "replicas": 1}


@pytest.mark.parametrize(
    ("pods", "workloads", "expected"),
    [
        ([pod("iris-1-a")], [WORKLOAD], True),
        ([], [], False),
        ([], [WORKLOAD], False),
        ([], [{"name": "iris", "replicas": 0}], True),
        ([pod("iris-0")], [{"name": "iris", "replicas": 2}], False),
        ([pod("iris-1-a", serves=None)], [WORKLOAD], False),
        ([pod("iris-1-a", serves=None, status="CrashLoopBackOff", restarts=2)], [WORKLOAD], True),
        ([pod("iris-1-a", serves=None, status="CrashLoopBackOff", restarts=1)], [WORKLOAD], False),
    ],
)
def test_the_demo_is_ready_when_every_pod_answers_or_is_past_hoping_for(
    pods: list[Json], workloads: list[Json], *, expected: bool
) -> None:
    assert settled({"pods": pods, "workloads": workloads}) is expected
