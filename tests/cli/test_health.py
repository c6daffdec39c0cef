"""`callboard health` judges the objects of a file together, and prints a line for each."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.main import cli
from bot.domain.errors import UserError
from bot.domain.json import Json
from tests.fixtures.workload import NOON, behind, configmap, ready
from tests.recorded import DATA

ROLLOUTS = DATA / "reported" / "rollouts"
INDEX: list[Json] = json.loads((ROLLOUTS / "index.json").read_text())


def lines(*args: str | Path) -> tuple[int, list[Json]]:
    """Return the exit code, and what was printed."""
    result = CliRunner().invoke(cli, ["health", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("case", INDEX, ids=[case["file"] for case in INDEX])
def test_a_reported_rollout_is_one_line(case: Json) -> None:
    code, [line] = lines(ROLLOUTS / case["file"], "--now", case["now"])
    assert (line["kind"], line["name"]) == ("Deployment", "iris-classifier-production")
    assert line["health"] in case["health"]
    assert all(name in line["cause"] for name in case["cause_names"])
    assert code == (line["health"] == "degraded")


def test_a_lone_pod_has_its_own_line_and_an_unknown_kind_is_unknown(tmp_path: Path) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Succeeded"}}
    file = tmp_path / "list.json"
    file.write_text(json.dumps([pod, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}]))
    code, found = lines(file)
    assert [(line["kind"], line["health"]) for line in found] == [("Pod", "healthy"), ("Secret", "unknown")]
    assert code == 0


@pytest.mark.parametrize(
    ("changed", "cause"), [(600, "3 of 3 pods"), (60, "but the pods started before it: restart them with kubectl")]
)
def test_a_configmap_of_the_file_tells_the_version(changed: float, cause: str, tmp_path: Path) -> None:
    release = configmap("release", changed=changed, MODEL_STAGE="production", MODEL_VERSION="3")
    elsewhere = configmap("release", MODEL_STAGE="production", MODEL_VERSION="9")
    elsewhere["metadata"]["namespace"] = "other"
    state = behind(ready())
    file = tmp_path / "list.json"
    file.write_text(json.dumps([state.workload, *state.replicasets, *state.pods, elsewhere, release]))
    code, [line] = lines(file, "--now", NOON.isoformat())
    assert (code, line["health"], "v9" in line["cause"]) == (0, "healthy", False)
    assert cause in line["cause"]
    assert ("v3" in line["cause"]) is (changed == 600)


@pytest.mark.parametrize("content", ["a: [", "- 1", "{}", "", "&a [*a]", "kind: 3"])
def test_a_malformed_file_is_a_users_mistake(content: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(content)
    assert isinstance(CliRunner().invoke(cli, ["health", str(file)]).exception, UserError)


def test_a_time_that_is_none_is_a_mistake_of_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["health", str(tmp_path), "--now", "noon"]).exit_code == 2
    assert CliRunner().invoke(cli, ["health"]).exit_code == 2
