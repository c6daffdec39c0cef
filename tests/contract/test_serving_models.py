"""Real models that a server looks at twice: each is refused with an exit code of its own, or served where told so."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model_server import ModelServer, ended, environment, free_port, serving


def pod(url: str, model: str, **more: str) -> dict[str, str]:
    return environment(url, MODEL_NAME=model, MODEL_VERSION="1", PORT=str(free_port())) | more


OTHER = "sha256:" + 64 * "0"


@pytest.mark.parametrize(
    ("model", "told", "code", "says"),
    [
        ("forest", {"MODEL_DIGEST": OTHER}, 65, f"and MODEL_DIGEST is {OTHER}: they changed in the registry"),
        ("older", {}, 78, "it was made with scikit-learn 1.2.2, and here is"),
        ("demanding", {"MODEL_STRICT": "1"}, 78, "it requires no-such-project==1.0, and here is none"),
        ("pickled", {}, 79, "the model is of sklearn:cloudpickle, and MODEL_FLAVORS allows lightgbm, sklearn:"),
        ("forest", {"MODEL_FLAVORS": "lightgbm"}, 79, "the model is of sklearn, and MODEL_FLAVORS allows lightgbm:"),
        ("untrusted", {}, 79, "trusted with numpy.nan_to_num: look"),
        ("forgetful", {}, 79, "the model is of python_function,"),
        (
            "forgetful",
            {"MODEL_FLAVORS": "python_function"},
            80,
            "model failed to predict its own input example: KeyError: 'a column that nobody sends'",
        ),
    ],
)
def test_a_model_that_is_not_what_it_must_be_is_refused_in_one_line_with_its_own_code(
    odd_models: str, model: str, told: dict[str, str], code: int, says: str
) -> None:
    ended_with, lines = ended(pod(odd_models, model, **told))
    assert ended_with == code
    assert says in lines[-1]


@pytest.mark.parametrize(
    ("model", "told", "flavor"),
    [
        ("forest", {}, "sklearn"),
        ("booster", {}, "lightgbm"),
        ("demanding", {}, "sklearn"),
        ("untrusted", {"MODEL_TRUSTED_TYPES": "numpy.nan_to_num"}, "sklearn"),
        ("pickled", {"MODEL_FLAVORS": "sklearn:cloudpickle"}, "sklearn"),
    ],
)
def test_what_is_data_is_served_by_itself_and_what_is_code_once_it_is_named(
    odd_models: str, tmp_path: Path, model: str, told: dict[str, str], flavor: str
) -> None:
    with serving(tmp_path, pod(odd_models, model, TMPDIR=str(tmp_path), **told)) as server:
        said = json.loads(server.get("/model")[1])
        rows = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.0, 1.0], [2.0, 0.0]]}}).encode()
        status, answer = server.ask("POST", "/invocations", rows, "application/json")
    assert (said["name"], said["flavor"], status) == (model, flavor, 200)
    assert len(json.loads(answer)["predictions"]) == 2
    assert said["digest"].startswith("sha256:")


def wait(seconds: float) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["seconds"], "data": [[seconds]]}}).encode()


def asked(server: ModelServer, seconds: float) -> tuple[int, bytes]:
    return server.ask("POST", "/invocations", wait(seconds), "application/json")


def test_a_prediction_that_takes_too_long_is_given_up_and_probes_fail_as_long_as_it_keeps_the_only_thread(
    odd_models: str, tmp_path: Path
) -> None:
    told = pod(odd_models, "slow", MODEL_FLAVORS="python_function", MODEL_TIMEOUT="1", MODEL_MAX_WAITING="1")
    with serving(tmp_path, told) as server, ThreadPoolExecutor() as people:
        late = people.submit(asked, server, 4)
        while b"model_requests_in_progress 1.0" not in server.get("/metrics")[1]:
            assert not late.done()
        assert server.get("/readyz")[0] == 200, "the loop answers while a prediction runs"
        status, headers, _ = server.hear("POST", "/invocations", wait(0), "application/json")
        assert (status, headers["Retry-After"]) == (503, "1"), "another one waits already"
        assert headers["Connection"] is None, "and may ask again on the same connection"
        status, body = late.result()
        assert (status, json.loads(body)["error_code"]) == (504, "DEADLINE_EXCEEDED")
        for path in ("/readyz", "/ping"):
            status, headers, _ = server.hear("GET", path)
            assert (status, headers["Retry-After"]) == (503, "1")
        while server.get("/ping")[0] != 200:
            assert server.process.poll() is None
        assert asked(server, 0)[0] == 200


def test_a_model_that_would_end_the_program_is_answered_for_and_nothing_of_the_payload_is_logged(
    odd_models: str, tmp_path: Path
) -> None:
    with serving(tmp_path, pod(odd_models, "slow", MODEL_FLAVORS="python_function")) as server:
        status, body = asked(server, -71.25)
        assert (status, json.loads(body)["error_code"]) == (500, "INTERNAL_ERROR")
        assert 'model_errors_total{exception="SystemExit"} 1.0' in server.get("/metrics")[1].decode()
        assert asked(server, 0)[0] == 200
        assert "71.25" not in server.log.read_text()


def test_a_digest_that_is_pinned_as_the_server_says_it_is_served(odd_models: str, tmp_path: Path) -> None:
    with serving(tmp_path, pod(odd_models, "forest")) as server:
        digest = json.loads(server.get("/model")[1])["digest"]
    with serving(tmp_path, pod(odd_models, "forest", MODEL_DIGEST=digest)) as server:
        assert json.loads(server.get("/model")[1])["digest"] == digest
