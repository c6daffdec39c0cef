"""Why a model server does not start: one clear line, and an exit code that shows who can fix it."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.fixtures.model_server import ended, environment
from tests.fixtures.registry import MLflowServer
from tests.ports import free_port, silent_port

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module", autouse=True)
def nowhere() -> Iterator[Future[tuple[int, list[str]]]]:
    """A server that asks a registry which is not there, while the other tests run: it takes its time."""
    with silent_port() as port, ThreadPoolExecutor() as threads:
        url = f"http://user:hunter2@127.0.0.1:{port}"
        yield threads.submit(ended, environment(url, MODEL_VERSION="1", PORT=str(free_port())))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"MODEL_NAME": ""}, ["MODEL_NAME is not set"]),
        ({"MLFLOW_TRACKING_URI": ""}, ["MLFLOW_TRACKING_URI is not set"]),
        ({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, ["MLFLOW_TRACKING_URI", "http"]),
        (
            {"MLFLOW_TRACKING_URI": "https://mlflow", "MLFLOW_TRACKING_SERVER_CERT_PATH": "/none/ca.crt"},
            ["MLFLOW_TRACKING_SERVER_CERT_PATH", "'/none/ca.crt'", "does not exist", "the certificate of MLflow's CA"],
        ),
        ({"MODEL_VERSION": ""}, ["MODEL_VERSION", "MODEL_STAGE"]),
        ({"MODEL_VERSION": "latest"}, ["MODEL_VERSION", "'latest'", "such as 3"]),
        ({"MODEL_VERSION": "0"}, ["MODEL_VERSION"]),
        ({"MODEL_VERSION": "²"}, ["MODEL_VERSION"]),
        ({"PORT": "http"}, ["PORT", "'http'"]),
        ({"PORT": "65536"}, ["PORT"]),
        ({"MODEL_DIGEST": "sha256:0"}, ["MODEL_DIGEST", "64 hexadecimal digits"]),
        ({"MODEL_STRICT": "perhaps"}, ["MODEL_STRICT", "expected 1 or 0"]),
        ({"MODEL_NAME": "", "MODEL_VERSION": "x"}, ["MODEL_NAME", "MODEL_VERSION"]),
    ],
)
def test_a_wrong_environment_is_exit_64_and_every_variable_is_named(wrong: dict[str, str], says: list[str]) -> None:
    code, lines = ended(environment(NOWHERE, MODEL_VERSION="1") | wrong)
    assert code == 64
    assert len(lines) == 1
    assert all(word in lines[0] for word in says)


def test_a_taken_port_is_said_before_anything_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = ended(environment(NOWHERE, MODEL_VERSION="1", PORT=str(port)))
    assert (code, len(lines)) == (71, 1)
    assert f"127.0.0.1:{port}" in lines[0]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"MODEL_VERSION": "99"}, "version 99"),
        ({"MODEL_STAGE": "canary"}, "alias 'canary'"),
        ({"MODEL_VERSION": "1", "MODEL_NAME": "no-such-model"}, "no-such-model"),
        ({"MODEL_STAGE": "production", "MODEL_NAME": "no such/model"}, "no such/model"),
    ],
)
def test_what_the_registry_does_not_have_is_exit_66(
    mlflow_server: MLflowServer, wanted: dict[str, str], says: str
) -> None:
    code, lines = ended(environment(mlflow_server.url, PORT=str(free_port())) | wanted)
    assert (code, len(lines)) == (66, 1)
    assert says in lines[0]


async def test_a_model_that_does_not_load_is_exit_70_and_the_last_line_is_its_exception(
    mlflow_server: MLflowServer,
) -> None:
    version = await mlflow_server.do(mlflow_server.registry.train("iris-classifier", "broken"))
    word = await mlflow_server.do(mlflow_server.registry.word("iris-classifier", version))
    told = environment(mlflow_server.url, MODEL_FLAVORS="python_function", MODEL_VERSION=str(version))
    code, lines = ended(told | {"PORT": str(free_port())})
    assert code == 70
    assert lines[-1] == f"model failed to load: RuntimeError: weights are corrupt: {word}"
    assert "Traceback (most recent call last):" in lines


def test_a_registry_that_does_not_answer_within_15_seconds_is_exit_69(nowhere: Future[tuple[int, list[str]]]) -> None:
    code, lines = nowhere.result()
    assert code == 69
    assert lines[-1].startswith("MLflow registry unreachable: http://127.0.0.1:")
    assert "15 seconds" in lines[-1]
    assert "refused" in lines[-1]
    assert all(line.startswith("{") for line in lines[:-1])
    assert "hunter2" not in "".join(lines)
