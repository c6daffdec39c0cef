"""Real models that a server looks at twice: each is refused with an exit code of its own, or served where told so."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.model_server import ModelServer, ended, environment, serving
from tests.ports import free_port

pytestmark = pytest.mark.slow


def pod(url: str, model: str, **more: str) -> dict[str, str]:
    return environment(url, MODEL_NAME=model, MODEL_VERSION="1", PORT=str(free_port())) | more


OTHER = "sha256:" + 64 * "0"


@pytest.mark.parametrize(
    ("model", "told", "code", "says"),
    [
        ("forest", {"MODEL_DIGEST": OTHER}, 65, f"but MODEL_DIGEST is {OTHER}: the files have changed in the registry"),
        ("older", {}, 78, "it was made with scikit-learn 1.2.2, but here it is"),
        ("demanding", {"MODEL_STRICT": "1"}, 78, "it requires no-such-project==1.0, but here it is not installed"),
        ("pickled", {}, 79, "the model needs sklearn:cloudpickle, but MODEL_FLAVORS allows only lightgbm, sklearn:"),
        (
            "forest",
            {"MODEL_FLAVORS": "lightgbm"},
            79,
            "the model needs sklearn, but MODEL_FLAVORS allows only lightgbm:",
        ),
        ("untrusted", {}, 79, "untrusted types: numpy.nan_to_num; review"),
        ("forgetful", {}, 79, "the model needs python_function, but MODEL_FLAVORS allows only"),
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


SERVED: dict[str, tuple[str, dict[str, str]]] = {
    "forest": ("sklearn", {}),
    "booster": ("lightgbm", {}),
    "demanding": ("sklearn", {}),
    "untrusted": ("sklearn", {"MODEL_TRUSTED_TYPES": "numpy.nan_to_num"}),
    "pickled": ("sklearn", {"MODEL_FLAVORS": "sklearn:cloudpickle"}),
}
"""The flavor of each, and what has to be told."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a server said of its model, and what it answered to two rows."""

    model: dict[str, str]
    status: int
    answer: bytes


@pytest.fixture(scope="module")
def served(odd_models: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Serve each of them for a moment, two at the same time."""
    rows = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.0, 1.0], [2.0, 0.0]]}}).encode()
    folders = {model: tmp_path_factory.mktemp(model) for model in SERVED}

    def serve(model: str) -> Seen:
        told = pod(odd_models, model, TMPDIR=str(folders[model]), **SERVED[model][1])
        with serving(folders[model], told) as server:
            status, answer = server.ask("POST", "/invocations", rows, "application/json")
            return Seen(model=json.loads(server.get("/model")[1]), status=status, answer=answer)

    with ThreadPoolExecutor(2) as threads:
        return dict(zip(SERVED, threads.map(serve, SERVED), strict=True))


@pytest.mark.parametrize("model", SERVED)
def test_what_is_data_is_served_by_itself_and_what_is_code_once_it_is_named(
    served: dict[str, Seen], model: str
) -> None:
    seen = served[model]
    assert (seen.model["name"], seen.model["flavor"], seen.status) == (model, SERVED[model][0], 200)
    assert len(json.loads(seen.answer)["predictions"]) == 2
    assert seen.model["digest"].startswith("sha256:")


def test_a_digest_that_is_pinned_as_the_server_says_it_is_served(
    odd_models: str, served: dict[str, Seen], tmp_path: Path
) -> None:
    digest = served["forest"].model["digest"]
    with serving(tmp_path, pod(odd_models, "forest", MODEL_DIGEST=digest)) as server:
        assert json.loads(server.get("/model")[1])["digest"] == digest


@pytest.fixture(scope="module")
def slow(odd_models: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """A server of a model that takes as long as it is told, with one thread and little patience."""
    told = pod(odd_models, "slow", MODEL_FLAVORS="python_function", MODEL_TIMEOUT="1", MODEL_MAX_WAITING="1")
    with serving(tmp_path_factory.mktemp("slow"), told) as server:
        yield server


def wait(seconds: float) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["seconds"], "data": [[seconds]]}}).encode()


def asked(server: ModelServer, seconds: float) -> tuple[int, bytes]:
    return server.ask("POST", "/invocations", wait(seconds), "application/json")


def test_a_prediction_that_takes_too_long_is_given_up_and_probes_fail_as_long_as_it_keeps_the_only_thread(
    slow: ModelServer,
) -> None:
    with ThreadPoolExecutor() as people:
        late = people.submit(asked, slow, 4)
        while b"model_requests_in_progress 1.0" not in slow.get("/metrics")[1]:
            assert not late.done()
        assert slow.get("/readyz")[0] == 200, "the loop answers while a prediction runs"
        status, headers, _ = slow.hear("POST", "/invocations", wait(0), "application/json")
        assert (status, headers["Retry-After"]) == (503, "1"), "another one waits already"
        assert headers["Connection"] is None, "and may ask again on the same connection"
        status, body = late.result()
        assert (status, json.loads(body)["error_code"]) == (504, "DEADLINE_EXCEEDED")
        for path in ("/readyz", "/ping"):
            status, headers, _ = slow.hear("GET", path)
            assert (status, headers["Retry-After"]) == (503, "1")
        while slow.get("/ping")[0] != 200:
            assert slow.process.poll() is None
        assert asked(slow, 0)[0] == 200


def test_a_model_that_would_end_the_program_is_answered_for_and_nothing_of_the_payload_is_logged(
    slow: ModelServer,
) -> None:
    status, body = asked(slow, -71.25)
    assert (status, json.loads(body)["error_code"]) == (500, "INTERNAL_ERROR")
    assert 'model_errors_total{exception="SystemExit"} 1.0' in slow.get("/metrics")[1].decode()
    assert asked(slow, 0)[0] == 200
    assert "71.25" not in slow.log.read_text()
