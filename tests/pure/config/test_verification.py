"""`verify` in app.yaml: each form is read as it is meant, and what cannot be meant is told with its line."""

import pytest

from bot.config.app_yaml import parse
from bot.domain.errors import UserError
from bot.domain.target import Target
from bot.domain.verification import Method, Verify


def read(value: str) -> Verify:
    text = f"repository: a/b\nstages:\n  s:\n    verify: {value}\n"
    return parse(text).policy(Target(model="iris", stage="s")).verify


def mistakes(value: str) -> list[str]:
    with pytest.raises(UserError) as raised:
        read(value)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("auto", Verify()),
        ("callboard", Verify(method=Method.CALLBOARD, named=True)),
        ("open-inference", Verify(method=Method.OPEN_INFERENCE, named=True)),
        ("{open-inference: iris}", Verify(method=Method.OPEN_INFERENCE, named=True, model="iris")),
        ("kserve", Verify(method=Method.KSERVE, named=True)),
        ("rollout", Verify(method=Method.ROLLOUT, named=True)),
        ("image", Verify(method=Method.IMAGE, named=True)),
        ('{image: "{tag.image}"}', Verify(method=Method.IMAGE, named=True, equals="{tag.image}")),
        (
            '{path: /info, field: /model/version, equals: "v{version}"}',
            Verify(method=Method.FIELD, named=True, path="/info", field="/model/version", equals="v{version}"),
        ),
        (
            '{path: "/{model}", field: "", equals: "{run_id}"}',
            Verify(method=Method.FIELD, named=True, path="/{model}", field="", equals="{run_id}"),
        ),
        (
            "{path: /info, field: /v, equals: x, port: 8443, scheme: https}",
            Verify(method=Method.FIELD, named=True, path="/info", field="/v", equals="x", port="8443", https=True),
        ),
        (
            "{open-inference: iris, port: http-v2, scheme: http}",
            Verify(method=Method.OPEN_INFERENCE, named=True, model="iris", port="http-v2"),
        ),
    ],
)
def test_each_method_is_written_so(value: str, expected: Verify) -> None:
    assert read(value) == expected


def test_what_is_not_named_is_chosen_by_what_the_pods_answer() -> None:
    assert parse("repository: a/b").policy(Target(model="iris", stage="production")).verify == Verify()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("rolout", "found `rolout`; did you mean `rollout`?"),
        ("", "found nothing"),
        ("[rollout]", "found a list"),
        ("field", "expected `auto`, `callboard`, `open-inference`, `kserve`, `image`, `rollout` or `{path: /info"),
        ("{path: /info, equals: 3}", "this `verify` has no `field`; expected, for example, `{path: /info, field: "),
        ("{field: /version, equals: 3}", "this `verify` has no `path`"),
        ("{path: info, field: /v, equals: 3}", "expected a path on the server, such as /info, found `info`"),
        ('{path: "/a b", field: /v, equals: 3}', "expected a path on the server"),
        ("{path: /info, field: version, equals: 3}", "expected a JSON pointer such as /model/version, found `version`"),
        ("{path: /info, field: /a~2, equals: 3}", "expected a JSON pointer"),
        ('{path: /info, field: /v, equals: ""}', 'expected a value such as "{version}", found nothing'),
        ('{path: /info, field: /v, equals: "{vesion}"}', "there is no placeholder `{vesion}`; expected {model}, "),
        ('{path: /info, field: /v, equals: "{tag.}"}', "there is no placeholder `{tag.}`"),
        ("{path: /info, field: /v, equal: 3}", "there is no key `equal` here; did you mean `equals`?"),
        ("{image: x, path: /info}", "there is no key `image` here"),
        ("{open-inference: iris, port: 0}", "expected a port such as 8443, or its name in the pod, found `0`"),
        ("{open-inference: iris, port: 65536}", "expected a port such as 8443"),
        ("{open-inference: iris, port: '{model}'}", "expected a port such as 8443"),
        ("{open-inference: iris, scheme: tls}", "expected `http` or `https`, found `tls`"),
        ("{image: x, port: 80}", "there is no key `port` here"),
        ("{open-inference: [iris]}", "expected the name of the model on the server"),
    ],
)
def test_a_mistake_is_told_with_its_line(value: str, told: str) -> None:
    assert any(line.startswith("app.yaml:4: ") and told in line for line in mistakes(value)), mistakes(value)


MERGED = """\
repository: a/b
stages:
  staging: {verify: rollout}
  production: {after: staging}
models:
  iris: {}
  triton: {verify: open-inference}
  mixed: {verify: kserve, stages: {staging: {verify: auto}}}
"""


@pytest.mark.parametrize(
    ("model", "staging", "production"),
    [
        ("iris", Method.ROLLOUT, Method.AUTO),
        ("triton", Method.OPEN_INFERENCE, Method.OPEN_INFERENCE),
        ("mixed", Method.AUTO, Method.KSERVE),
    ],
)
def test_a_model_overrides_its_stages_and_its_own_stages_override_it(
    model: str, staging: Method, production: Method
) -> None:
    app = parse(MERGED)
    found = [app.policy(Target(model=model, stage=stage)).verify.method for stage in ("staging", "production")]
    assert found == [staging, production]
