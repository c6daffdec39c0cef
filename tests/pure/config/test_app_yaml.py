"""app.yaml: valid settings are read, and all mistakes are reported at once, each with its line."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import app_yaml, policies
from bot.config.app_yaml import Config, load, parse
from bot.domain.errors import Permanent, UserError
from bot.domain.policy import ANYONE, OnFailure, Policy, Window
from bot.domain.reason import Name
from bot.domain.reasons.configuration import ModelNotConfigured, NotPartOfAPath, StageNotConfigured
from bot.domain.target import Target, Written
from tests.fixtures.raising import raising
from tests.paths import ROOT

FULL = """\
repository: acme/models-gitops
manifests: manifests/{model}/{stage}
channel: "#ml-releases"
stages:
  staging: {auto: true, approvals: 0}
  canary:
  production:
    after: {stage: staging, healthy_for: 1h}
    approvals: 2
    approvers: ["@ml-release-captains", U024BE7LH]
    requester_may_approve: true
    expires: 3d
    watch: 90s
    timeout: 10m
    rollback: {automatic: false, approvals: 0}
models:
  iris-classifier: {}
  "fraud-*":
    channel: "#fraud-ml"
    manifests: fraud/{model}.yaml
    stages:
      canary: false
      production: {approvers: ["@fraud-leads"]}
  fraud-eu: {stages: {production: {after: none, approvals: 1}}}
  "fraud-eu-*": {channel: C0FRAUDEU}
"""


def target(model: str, stage: str = "production") -> Target:
    return Target(model=model, stage=stage)


def mistakes(text: str) -> list[str]:
    with pytest.raises(UserError) as raised:
        parse(text)
    return str(raised.value).splitlines()


def test_a_short_file_goes_a_long_way() -> None:
    app = parse("repository: acme/models-gitops\n")
    assert app.stages == ("staging", "production")
    assert app.has("whatever")
    assert app.policy(target("whatever", "staging")) == Policy(auto=True, approvals=0)
    assert app.policy(target("whatever")) == Policy(after="staging", approvals=1)
    assert app.folder(target("whatever")) == "manifests/whatever/production"
    assert app.channel_of("whatever") == "#ml-releases"


def test_the_requirements_of_a_stage_are_read() -> None:
    assert parse(FULL).policy(target("iris-classifier")) == Policy(
        approvals=2,
        approvers=("@ml-release-captains", "U024BE7LH"),
        requester_may_approve=True,
        after="staging",
        healthy_for=timedelta(hours=1),
        expires=timedelta(days=3),
        watch=timedelta(seconds=90),
        timeout=timedelta(minutes=10),
        on_failure=OnFailure.NOTHING,
        rollback_approvals=0,
    )


WHO = """\
repository: a/b
stages:
  staging:
  production:
    approvers: ["@captains"]
    requesters: ["@science", U024BE7LH]
    rollback: {requesters: "@on-call"}
    may_freeze: anyone
    may_override: [U024BE7LH]
    freeze:
      - {cron: "0 16  * * FRI", for: 64h, timezone: Europe/Berlin}
      - {cron: "0 0 24 12 *", for: 9d}
models:
  iris: {}
  fraud: {stages: {production: {requesters: anyone, may_override: "@fraud-leads", freeze: []}}}
"""


def test_permissions_and_freeze_windows_are_read() -> None:
    policy = parse(WHO).policy(target("iris"))
    assert policy.requesters == ("@science", "U024BE7LH")
    assert policy.rollback_requesters == ("@on-call",)
    assert policy.may_freeze == (ANYONE,)
    assert policy.may_override == ("U024BE7LH",)
    assert policy.freeze == (
        Window(cron="0 16 * * FRI", length=timedelta(hours=64), timezone="Europe/Berlin"),
        Window(cron="0 0 24 12 *", length=timedelta(days=9), timezone="UTC"),
    )


def test_a_model_may_be_free_of_what_holds_for_its_stage() -> None:
    app = parse(WHO)
    assert app.policy(target("fraud")).requesters == ()
    assert app.policy(target("fraud")).freeze == ()
    assert app.policies["production"] == app.policy(target("iris")), "what holds where a model says nothing"


def test_every_group_that_is_named_anywhere_is_known() -> None:
    assert parse(WHO).groups == {"@captains", "@science", "@on-call", "@fraud-leads"}
    assert parse("repository: a/b").groups == frozenset()


def test_a_pattern_says_only_what_differs() -> None:
    app = parse(FULL)
    assert app.policy(target("fraud-us")).approvers == ("@fraud-leads",)
    assert app.policy(target("fraud-us")).approvals == 2
    assert app.channel_of("fraud-us") == "#fraud-ml"
    assert app.folder(target("fraud-us")) == "fraud/fraud-us.yaml"
    assert app.stages_of("fraud-us") == ("staging", "production")
    assert app.stages_of("iris-classifier") == ("staging", "canary", "production")


def test_the_most_specific_match_is_the_one_that_holds() -> None:
    app = parse(FULL)
    assert app.policy(target("fraud-eu")).approvals == 1
    assert app.channel_of("fraud-eu") == "#ml-releases", "an exact name takes nothing from a pattern"
    assert app.channel_of("fraud-eu-cards") == "C0FRAUDEU"
    assert app.channel_of("fraud-us") == "#fraud-ml"


def test_a_name_with_brackets_is_itself_too() -> None:
    assert parse('repository: a/b\nmodels: {"m[1]": {}}').has("m[1]")


def test_a_model_that_is_not_named_is_not_served() -> None:
    app = parse(FULL)
    assert not app.has("churn")
    assert app.stages_of("churn") == ()
    with raising(Permanent, ModelNotConfigured(model=Name("churn"))):
        app.policy(target("churn"))
    with raising(Permanent, StageNotConfigured):
        app.policy(target("fraud-us", "canary"))


def test_a_version_comes_from_the_stage_before_or_from_the_one_named() -> None:
    app = parse(FULL)
    assert app.previous_stage(target("iris-classifier", "staging")) is None
    assert app.previous_stage(target("iris-classifier", "canary")) == "staging"
    assert app.previous_stage(target("iris-classifier", "production")) == "staging"
    assert app.previous_stage(target("fraud-eu", "production")) == "canary"


@pytest.mark.parametrize("model", ["..", ".", "a/b", "../../x", "a\\b", "a\nb", "", "a:b", "/"])
def test_no_name_of_a_model_names_another_path(model: str) -> None:
    with raising(Permanent, NotPartOfAPath(model=Name(model), stage=Name("production"))):
        parse("repository: a/b").folder(target(model))
    assert not parse("repository: a/b").has(model), "so nobody asks for its folder"


@pytest.mark.parametrize("model", ["{stage}", "iris classifier", "été", "a..b", "-x", "x.lock"])
def test_a_strange_name_is_one_folder(model: str) -> None:
    assert parse("repository: a/b").folder(target(model)) == f"manifests/{model}/production"


def test_one_repository_holds_all_manifests() -> None:
    assert parse(FULL).repository_of("fraud-us") == "acme/models-gitops"
    assert parse("repository: a/b\nmodels: {m: {repository: a/b}}").repository_of("m") == "a/b"
    (told,) = mistakes("repository: a/b\nmodels:\n  m: {repository: a/c}")
    assert told == "app.yaml:3: this release supports a single repository for all manifests; expected a/b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: `repository` is missing"),
        ("stages: {s: {}}", "1: `repository` is missing"),
        ("- a", "1: expected `key: value` lines, found a list"),
        ("repository: acme", "1: expected owner/name, such as acme/models-gitops, found `acme`"),
        ("repository: a/..", "1: expected owner/name"),
        ("repository: a/b\nchanel: x", "2: there is no key `chanel` here; did you mean `channel`?"),
        ("repository: a/b\nxyzzy: x", "2: there is no key `xyzzy` here; expected one of: repository, manifests"),
        ("repository: a/b\nrepository: a/c", "2: `repository` is here twice; remove one"),
        ("repository: a/b\nchannel: #x", "2: expected a channel"),
        ("repository: a/b\nchannel: ml", "2: expected a channel"),
        ("repository: a/b\nmanifests: /etc", "2: expected a path inside"),
        ("repository: a/b\nmanifests: a/../b", "2: expected a path without `..`"),
        ("repository: a/b\nmanifests: a/{env}", "2: expected a path without `..`, and with no braces except {model}"),
        ("repository: a/b\nmanifests: 'a/{model'", "2: expected a path without `..`, and with no braces"),
        ("repository: a/b\nstages:", "2: `stages` is empty"),
        ("repository: a/b\nstages: {Prod: {}}", "2: `Prod` is not a valid stage; expected lower-case letters"),
        ("repository: a/b\nstages:\n  s:\n    auto: yes", "4: expected true or false, found `yes`"),
        ("repository: a/b\nstages: {s: {auto: 'true'}}", "2: expected true or false"),
        ("repository: a/b\nstages: {s: {approvals: two}}", "2: expected a number of people, found `two`"),
        ("repository: a/b\nstages: {s: {approvals: -1}}", "2: expected a number of people"),
        ("repository: a/b\nstages: {s: {watch: 10}}", "2: expected a duration such as 10s, 2m, 1h or 3d, found `10`"),
        ("repository: a/b\nstages: {s: {watch: 999999d}}", "2: expected a duration of at most a year"),
        ("repository: a/b\nstages: {s: {approvers: [bob]}}", "2: expected a user id (U024BE7LH) or a user group"),
        (
            "repository: a/b\nstages: {s: {approvers: [U024BE7LH], approvals: 2}}",
            "2: `s` needs 2 approvals, but `approvers` lists only 1",
        ),
        ("repository: a/b\nstages:\n  s: {}\n  p: {after: t}", "4: `after: t` is not a stage listed above `p`"),
        ("repository: a/b\nstages:\n  s: {after: p}\n  p: {}", "3: `after: p` is not a stage listed above `s`"),
        ("repository: a/b\nstages:\n  s: {after: {}}", "3: `after` has no `stage`"),
        ("repository: a/b\nstages:\n  s:\n    freeze:\n    - x", "5: expected `key: value` lines, found `x`"),
        ("repository: a/b\nstages: {s: {requesters: all}}", "2: expected a user id (U024BE7LH) or a user group"),
        ("repository: a/b\nstages: {s: {may_freeze: [anyone]}}", "2: expected a user id (U024BE7LH) or a user group"),
        ("repository: a/b\nstages: {s: {rollback: {requesters: bob}}}", "2: expected a user id (U024BE7LH) or a"),
        ("repository: a/b\nstages: {s: {namespace: ML}}", "2: expected a namespace such as models or {model}-{stage}"),
        ("repository: a/b\nstages: {s: {namespace: '{env}'}}", "2: expected a namespace"),
        ("repository: a/b\nstages: {s: {namespace: ../x}}", "2: expected a namespace"),
        ("repository: a/b\nstages: {s: {namespace: }}", "2: expected a namespace"),
        ("repository: a/b\nstages: {s: {namespace: [a]}}", "2: expected a namespace"),
        ("repository: a/b\nstages: {s: {workload: 'a b'}}", "2: expected a workload's name such as {model}-{stage}"),
        ("repository: a/b\nstages: {s: {gates: {}}}", "2: `gates` is not enforced yet"),
        ("repository: a/b\nstages: {s: {rollback: {aproval: 1}}}", "2: there is no key `aproval` here; did"),
        ("repository: a/b\nmodels:", "2: `models` is empty; add a model, or remove"),
        ("repository: a/b\nmodels: [a]", "2: expected `key: value` lines, found a list"),
        ("repository: a/b\nmodels: {a/b: {}}", "2: `a/b` is not a valid model name"),
        ("repository: a/b\nmodels: {m: {stages: {prod: }}}", "2: there is no stage `prod`; did you mean `production`"),
        (
            "repository: a/b\nmodels:\n  m:\n    stages: {staging: false}",
            "4: `after: staging` is not a stage listed above `production`",
        ),
        ("repository: a/b\nmodels: {m: {stages: {staging: false, production: false}}}", "2: no stage is left"),
        ("repository: a/b\n\tx: 1", "2: not YAML"),
        ("repository: a/b\n---\nx: 1", "2: not YAML"),
        ("repository: \x00", "1: not YAML"),
        ("a: &a {<<: *a}", "1: "),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line_and_what_was_expected(text: str, told: str) -> None:
    assert any(line.startswith(f"app.yaml:{told}") for line in mistakes(text)), mistakes(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: {s: [\n", "2: not YAML: expected the node content, but found the end of the file"),
        ("a: 'b\n", "2: not YAML: found the end of the file in the block that starts on line 1"),
        ("repository: a/b\n\tx: 1", "2: not YAML: found a tab"),
        ("repository: a/b\n x: 1", "2: not YAML: mapping values are not allowed here"),
        ("a: *b", "1: not YAML: found undefined alias 'b'"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_yaml_gets_one_error_only(text: str, line: str) -> None:
    (told,) = mistakes(text)
    assert told == f"app.yaml:{line}; check the brackets, quotes and indentation (spaces, no tabs) here"


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ("", "expected a list, found a mapping"),
        ("- for: 1h", 'this freeze has no `cron`; expected, for example, `{cron: "0 16 * * FRI", for: 64h, timezone: '),
        ("- cron: 0 16 * * FRI", "this freeze has no `for`"),
        ("- {cron: 0 16 * *, for: 1h}", "expected minute, hour, day, month and weekday, such as"),
        ("- {cron: 0 0 16 * * FRI, for: 1h}", "expected minute, hour, day, month and weekday, such as"),
        ("- {cron: 0 16 * * FRY, for: 1h}", 'such as "0 16 * * FRI", found `0 16 * * FRY`: bad day-of-week'),
        ("- {cron: 61 * * * *, for: 1h}", "found `61 * * * *`: bad minute"),
        ("- {cron: 0 0 30 2 *, for: 1h}", "found `0 0 30 2 *`: bad day-of-month"),
        ("- {cron: 0 0 */20 * 1L, for: 1h}", "found `0 0 */20 * 1L`: that time never occurs"),
        ("- {cron: 0 16 * * FRI, for: 64}", "expected a duration such as 10s, 2m, 1h or 3d, found `64`"),
        (
            "- {cron: 0 16 * * FRI, for: 64h, timezone: Europe/Berlim}",
            "expected a time zone such as Europe/Berlin or UTC, found `Europe/Berlim`; did you mean `Europe/Berlin`?",
        ),
        ("- {cron: 0 16 * * FRI, for: 64h, zone: UTC}", "there is no key `zone` here"),
    ],
)
def test_a_freeze_that_would_come_at_another_time_than_meant_is_refused(window: str, told: str) -> None:
    said = mistakes(f"repository: a/b\nstages:\n  s:\n    freeze:\n      {window or '{cron: 0 16 * * FRI}'}\n")
    assert any(line.startswith("app.yaml:5: ") and told in line for line in said), said


def test_all_mistakes_are_reported_at_once_in_line_order() -> None:
    told = mistakes(
        "repository: acme\nchanel: x\nstages:\n  staging: {auto: maybe}\n  prod: {after: stagin, watch: 5}\n"
    )
    assert [line.split(":")[1] for line in told] == ["1", "2", "4", "5", "5"]


def test_a_mistake_in_the_shared_stages_is_reported_once_not_for_every_model() -> None:
    stages = "stages:\n  s: {}\n  p: {after: x}\n"
    assert len(mistakes(f"repository: a/b\n{stages}models:\n  a: {{stages: {{s: {{auto: true}}}}}}\n  b: {{}}\n")) == 1


def test_a_missing_file_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.yaml: cannot be read: No such file .*; set the path with --config"):
        load(tmp_path / "no.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"repository: \xe9")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        load(tmp_path / "latin.yaml")


@pytest.mark.parametrize("path", ["app.yaml", "callboard_demo/app.yaml"])
def test_the_files_that_come_with_callboard_are_right(path: str) -> None:
    app: Config = load(ROOT / path)
    assert app.has("iris-classifier")
    assert app.previous_stage(target("iris-classifier")) == "staging"
    assert len((ROOT / path).read_text().splitlines()) <= 60


def test_the_manual_names_every_key() -> None:
    manual = (ROOT / "docs/configuration.md").read_text()
    keys = {*app_yaml.TOP_KEYS, *app_yaml.MODEL_KEYS, *policies.FIELDS}
    assert not {key for key in keys if f"\n| `{key}` |" not in manual}, "give each a row of docs/configuration.md"


def test_every_field_of_a_policy_can_be_set() -> None:
    written = {
        "auto": "true", "after": "{stage: a, healthy_for: 1h}", "approvals": "2", "approvers": '["@x"]',
        "expires": "9d", "requester_may_approve": "true", "watch": "9m", "timeout": "9m",
        "requesters": '["@x"]', "may_freeze": '["@x"]', "may_override": '["@x"]',
        "rollback": '{approvals: 2, requesters: ["@x"]}', "on_failure": "ask",
        "freeze": '[{cron: "0 16 * * FRI", for: 64h}]', "verify": "rollout",
        "namespace": '"ml-{stage}"', "workload": '"{model}-{stage}"', "cluster": '"{stage}-eu"',
    }  # fmt: skip
    assert set(written) == set(policies.FIELDS), "write a value for each key of FIELDS here; not one of the defaults"
    stage = "\n".join(f"    {key}: {value}" for key, value in written.items())
    policy = parse(f"repository: a/b\nstages:\n  a: {{}}\n  b:\n{stage}\n").policy(Target(model="m", stage="b"))
    unset = [field.name for field in fields(Policy) if getattr(policy, field.name) == getattr(Policy(), field.name)]
    assert not unset, "name a key for each in FIELDS of bot/config/policies.py"


def test_where_a_workload_runs_is_a_key_of_a_stage_with_its_line() -> None:
    app = parse(
        "repository: a/b\nstages:\n  staging:\n    namespace: ml-{stage}\n    workload: '{model}'\n"
        "models:\n  iris: {}\n  churn: {stages: {staging: {namespace: churn}}}\n"
    )
    policy = app.policy(target("iris", "staging"))
    assert policy.namespace == Written(value="ml-{stage}", file="app.yaml", line=4)
    assert policy.workload == Written(value="{model}", file="app.yaml", line=5)
    own = app.policy(target("churn", "staging"))
    assert own.namespace == Written(value="churn", file="app.yaml", line=8)
    assert own.workload == policy.workload


def test_which_targets_read_a_file_is_known() -> None:
    app = parse(
        "repository: a/b\nmodels: {iris: {}, churn: {manifests: manifests/iris/staging/d.yaml}, 'fraud-*': "
        "{manifests: all}}"
    )
    both = {target("churn"), target("churn", "staging")}
    assert set(app.readers("manifests/iris/staging/d.yaml")) == {target("iris", "staging"), *both}
    assert app.readers("manifests/iris/staging/other.yaml") == (target("iris", "staging"),)
    assert app.readers("all/d.yaml") == (), "a pattern names no model"
    assert app.reads(target("fraud-eu"), "all/d.yaml")
    assert not app.reads(target("fraud-eu"), "all/below/d.yaml")
    assert not app.reads(target("fraud-eu", "canary"), "all/d.yaml")
    assert not app.reads(target("unknown"), "all/d.yaml")


def test_deep_nesting_is_reported_in_a_sentence() -> None:
    with pytest.raises(UserError, match="nested too deeply"):
        parse("a: " + "[" * 3_000)
