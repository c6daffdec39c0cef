"""The command line: what it prints, what it does not touch, and that a mistake is one line and never a traceback."""

import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

import bot.cli
from bot.cli.main import COMMANDS, cli, main
from bot.cli.slack_app import SCOPES, manifest
from handlers import COMMANDS as SLASH_COMMANDS
from handlers import EVENTS
from tests.paths import ROOT

HEAVY = {"aiohttp", "alembic", "asyncio", "github", "kubernetes", "mlflow", "rich", "slack_sdk", "sqlalchemy", "yaml"}
DEPLOYMENT = """\
kind: Deployment\r
metadata: {name: iris}\r
env:  # é\r
- name: MODEL_STAGE\r
  value: staging\r
- name: MODEL_VERSION\r
  value: '2'\r
"""


def call(*args: str | Path) -> int:
    """Call the command line as a shell would; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    return int(ended.value.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "deployment.yaml"
    file.write_bytes(DEPLOYMENT.encode())
    return file


def test_help_imports_nothing_heavy() -> None:
    ask = "import sys, bot.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "Release machine-learning models" in said
    assert not [line for line in said.splitlines() if line.startswith("  ") and line.endswith("...")], "none is cut"
    assert not HEAVY & set(said.splitlines()[-1].split())


def test_every_command_that_a_file_defines_is_listed() -> None:
    modules = [import_module(f"bot.cli.{found.name}") for found in pkgutil.iter_modules(bot.cli.__path__)]
    defined = {value for module in modules for value in vars(module).values() if isinstance(value, click.Command)}
    assert defined - {cli} == set(COMMANDS), "name each command in COMMANDS of bot/cli/main.py"


@pytest.mark.parametrize("command", cli.commands)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(command, "--help") == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) >= 8
    assert "\b" not in said


def test_pin_shows_the_change_and_makes_none(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("pin", file, "--stage", "production", "--version", "3") == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[0] in "+-"][2:] == [
        "-  value: staging",
        "+  value: production",
        "-  value: '2'",
        "+  value: '3'",
    ]
    assert file.read_bytes() == DEPLOYMENT.encode()


def test_pin_writes_to_the_byte(file: Path) -> None:
    assert call("pin", file, "--stage", "production", "--version", "3", "--write") == 0
    assert file.read_bytes() == DEPLOYMENT.replace("staging", "production").replace("'2'", "'3'").encode()


def test_the_file_with_the_stage_is_written(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "service.yaml"
    other.write_text("kind: Service\n")
    assert call("pin", other, file, "--stage", "production", "--version", "3", "--write") == 0
    assert other.read_text() == "kind: Service\n"
    assert b"production" in file.read_bytes()


def test_an_existing_pin_is_reported_without_a_diff(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("pin", file, "--stage", "staging", "--version", "2", "--write") == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{file} already pins staging v2\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"kind: Service\n", "no manifest carries MODEL_STAGE"),
        (b"\xff", "is not UTF-8 text"),
        (b"# MODEL_STAGE\n{{ x\n", ":3: a template"),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(
    content: bytes, told: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(content)
    assert call("pin", file, "--stage", "production", "--version", "3", "--write") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("callboard: ")
    assert told in said.err
    assert said.err.count("\n") == 1
    assert file.read_bytes() == content


@pytest.mark.parametrize("digest", ["abc", "sha256:abc", f"sha256:{'G' * 64}", f"sha512:{'a' * 64}"])
def test_a_digest_that_is_none_is_not_pinned(digest: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("pin", file, "--stage", "production", "--version", "3", "--digest", digest, "--write") == 1
    said = capsys.readouterr().err
    assert said.startswith(
        f"callboard: `{digest}` is not a digest: expected sha256: and 64 lower-case hexadecimal digits"
    )
    assert said.count("\n") == 1
    assert file.read_bytes() == DEPLOYMENT.encode()


def test_a_digest_is_refused_where_the_manifest_has_none(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = f"sha256:{'a' * 64}"
    assert call("pin", file, "--stage", "production", "--version", "3", "--digest", digest, "--write") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"callboard: {file}:4: this manifest has no MODEL_DIGEST, so --digest cannot be written")
    assert said.err.count("\n") == 1
    assert file.read_bytes() == DEPLOYMENT.encode()


def test_a_digest_is_written_where_the_manifest_has_one(file: Path) -> None:
    old, new = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    entry = "- name: MODEL_DIGEST\r\n  value: {}\r\n"
    file.write_bytes((DEPLOYMENT + entry.format(old)).encode())
    assert call("pin", file, "--stage", "staging", "--version", "3", "--digest", new, "--write") == 0
    assert file.read_bytes() == (DEPLOYMENT.replace("'2'", "'3'") + entry.format(new)).encode()


def test_a_stage_that_is_none_is_not_pinned(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("pin", file, "--stage", "pro d", "--version", "3", "--write") == 1
    assert capsys.readouterr().err.startswith("callboard: cannot pin the stage pro d: expected letters and digits")
    assert file.read_bytes() == DEPLOYMENT.encode()


def test_check_tells_where_each_pin_stands_and_takes_effect(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "--config", ROOT / "app.yaml", "--root", ROOT) == 0
    told = []
    for stage, version in (("staging", 2), ("production", 1)):
        folder, name = f"manifests/iris-classifier/{stage}", f"Deployment iris-classifier-{stage}"
        told += [
            f"iris-classifier  {stage}  {folder}/release.yaml:13: {stage}, v{version}",
            f"  namespace: models (the kustomization, {folder}/kustomization.yaml:4)",
            f"  workload: {name}",
            "  picked up when: the pod template holds the new value",
            f"  only the cluster can tell: whether {name} exists in models, and whether Callboard may read it",
        ]
    assert capsys.readouterr().out.splitlines() == told


def repository(root: Path, app: str, **files: str) -> Path:
    (root / "app.yaml").write_text(f"repository: a/b\n{app}")
    for path, text in files.items():
        (root / "manifests" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "manifests" / path).write_text(text)
    return root


ENV = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: server, namespace: {}}}
env:
- {{name: MODEL_STAGE, value: {}}}
- {{name: MODEL_VERSION, value: '{}'}}
"""


def pins(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """Return what `check` prints of each target, without what is indented below; and its last line."""
    said = capsys.readouterr()
    return [line for line in said.out.splitlines() if not line.startswith(" ")], said.err


def test_check_finds_the_models_of_a_pattern_and_tells_every_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "fraud-eu/staging/a.yaml": ENV.format("a", "staging", 1),
        "fraud-eu/production/a.yaml": ENV.format("b", "staging", 1),
        "churn/staging/a.yaml": ENV.format("a", "staging", 1),
    }
    root = repository(tmp_path, "models: {'fraud-*': {}, iris: {}}", **files)
    assert call("check", "--config", root / "app.yaml", "--root", root) == 1
    out, err = pins(capsys)
    assert out == [
        "fraud-eu  staging  manifests/fraud-eu/staging/a.yaml:5: staging, v1",
        "fraud-eu  production  manifests/fraud-eu/production/a.yaml:5: pins the stage staging, expected production",
        "iris  staging  manifests/iris/staging: no manifest found",
        "iris  production  manifests/iris/production: no manifest found",
    ]
    assert err == "4 model/stage pairs checked, 3 problems\n"


def test_check_knows_a_manifest_whose_stage_itself_moves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"churn.yaml": ENV.format("ml", "staging", "x")}
    root = repository(tmp_path, "manifests: 'manifests/{model}.yaml'", **files)
    assert call("check", "--config", root / "app.yaml", "--root", root) == 0
    assert pins(capsys)[0] == [
        "churn  staging  manifests/churn.yaml:5: staging, no version yet; the first promotion adds it",
        "churn  production  manifests/churn.yaml:5: staging, no version yet; the first promotion adds it",
    ]


def test_check_that_finds_nothing_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = repository(tmp_path, "models: {'fraud-*': {}}", **{"churn/staging/a.yaml": ENV.format("a", "staging", 1)})
    assert call("check", "--config", root / "app.yaml", "--root", root) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(
        f"callboard: no manifests found in {root} at manifests/{{model}}/{{stage}}, for any model of "
    )
    assert said.err.count("\n") == 1


def test_app_yaml_that_is_not_yaml_is_blamed_for_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("repository: a/b\nstages: {s: [\n")
    assert call("check", "--config", file) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"callboard: {file}:3: not YAML: ")


def test_mistakes_in_app_yaml_are_reported_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("repository: acme\nstages: {s: {gates: []}}\n")
    assert call("check", "--config", file) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{file}:").split(":")[0] for line in lines] == ["1", "2"]


def test_run_tells_all_that_is_missing_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "GITHUB_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    assert call("run", "--config", tmp_path / "no.yaml") == 1
    said = capsys.readouterr().err
    assert "no.yaml: cannot be read" in said
    assert "MLFLOW_TRACKING_URI is not set: the model registry's address" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "args",
    [
        ["pin", "x.yaml", "--stage", "production", "--version", "0"],
        ["pin", "--stage", "production", "--version", "1"],
        ["demo", "--port", "65530"],
        ["demo", "--sabotage", "announced"],
        ["promote"],
    ],
)
def test_an_unknown_command_is_answered_with_the_known_ones(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*args) == 2
    assert "Usage: callboard" in capsys.readouterr().err


def test_the_slack_manifest_is_made_from_the_table_of_contents(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("slack-manifest", "--url", "https://callboard.acme.io/") == 0
    made = yaml.safe_load(capsys.readouterr().out)
    assert [each["command"] for each in made["features"]["slash_commands"]] == list(SLASH_COMMANDS)
    assert {each["url"] for each in made["features"]["slash_commands"]} == {"https://callboard.acme.io/slack/events"}
    assert set(made["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    assert set(made["oauth_config"]["scopes"]["bot"]) == {*SCOPES, *(event.scope for event in EVENTS.values())}
    assert made["settings"]["socket_mode_enabled"] is False
    assert call("slack-manifest", "--url", "https://callboard.acme.io/", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == made


def test_in_socket_mode_the_manifest_names_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("slack-manifest", "--socket-mode") == 0
    said = capsys.readouterr().out
    made = yaml.safe_load(said)
    assert made["settings"]["socket_mode_enabled"] is True
    assert [each["command"] for each in made["features"]["slash_commands"]] == list(SLASH_COMMANDS)
    assert set(made["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    assert "http" not in said


def test_slack_calls_https_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("slack-manifest", "--url", "http://callboard.acme.io") == 1
    assert capsys.readouterr().err == "callboard: http://callboard.acme.io: Slack accepts only https URLs\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://", "https:///x", "https://exa mple", "https://a.example?b=c", "https://a.example#b",
        "https://bob:secret@a.example", "https://a.example:99999",
    ],
)  # fmt: skip
def test_an_address_that_slack_cannot_call_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("slack-manifest", "--url", url) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"callboard: {url}: not a URL that Slack can call; expected https://host")


def test_the_exit_codes_of_the_manual_are_those_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    manual = (ROOT / "docs/configuration.md").read_text().partition("## Exit codes")[2]
    assert call("--help") == 0
    told = capsys.readouterr().out.partition("Exit codes: ")[2].partition("Options:")[0]
    codes = re.findall(r"^\| (\d+) \|", manual, re.MULTILINE)
    assert re.findall(r"(?:^|, |,\s+)(\d+) ", told) == codes == ["0", "1", "2", "3", "130"]


def test_the_slack_manifest_keeps_slacks_limits() -> None:
    """As https://docs.slack.dev/reference/app-manifest has them, in characters."""
    made = manifest("https://x")
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    for command in made["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
