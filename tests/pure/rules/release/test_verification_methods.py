"""What servers that are not Callboard's answer, as seen on real ones, and what each method makes of it.

MLServer 1.7.1, Triton 2.51.0 and KServe's SDK 0.21.0 answered so; v3 of iris is released, unless a case says otherwise.
"""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cluster import Image, ModelStatus, PodSeen
from bot.domain.reason import Name
from bot.domain.reasons.verification import (
    AlsoServes,
    AnswerWithoutVersion,
    ImageUnknown,
    ModelNotLoaded,
    NoModelStatus,
    NoSuchField,
)
from bot.domain.target import Target
from bot.domain.verification import Answer, Confirms, Differs, Method, Question, Reply, Verify
from bot.rules.release.templates import Unknown, Values, fill, from_registry
from bot.rules.release.verification import CHECKS
from bot.rules.release.verification.check import Subject

VALUES: Final = Values(target=Target(model="iris", stage="production"), version=3, run="ab12", tags={"image": "v3"})
POD: Final = PodSeen(name="p", address="1.2.3.4:8080", ready=True)


def subject(verify: Verify, **more: Any) -> Subject:
    return Subject(**{"verify": verify, "values": VALUES, "pod": POD, **more})


def read(verify: Verify, *replies: Reply, **more: Any) -> Answer | None:
    return CHECKS[verify.method].read(subject(verify, **more), replies)


def ok(content: Any) -> Reply:
    return Reply(status=200, content=content)


# ── Open Inference Protocol ──────────────────────────────────────────────────────────────────────────

V2: Final = Verify(method=Method.OPEN_INFERENCE)
NOT_FOUND: Final = Reply(status=404, content={"error": "Model iris with version 3 not found"})
NO_VERSIONS: Final = Reply(status=501, content={"error": "Model versions not supported yet."})


def indexed(*versions: str, state: str = "READY", name: str = "iris") -> Reply:
    return ok([{"name": name, "version": version, "state": state, "reason": ""} for version in versions])


def described(*versions: str) -> Reply:
    return ok({"name": "iris", "versions": list(versions), "platform": "", "inputs": []})


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param((indexed("3"),), Confirms(), id="index-names-it"),
        pytest.param((indexed("1", "3"),), Confirms(), id="index-names-an-older-one-too"),
        pytest.param((indexed("3", "10"),), AlsoServes(version=Name("10")), id="index-names-a-newer-one-too"),
        pytest.param((indexed("1"),), Differs(found=Name("1")), id="index-names-another"),
        pytest.param((indexed("3", state="UNAVAILABLE"),), None, id="not-loaded"),
        pytest.param((indexed("3", name="churn"),), None, id="of-another-model"),
        pytest.param(
            (ok([{"name": "iris", "state": "READY", "reason": ""}]),),
            AnswerWithoutVersion(path=Name("/v2/repository/index"), status=200),
            id="mlserver-without-versions",
        ),
        pytest.param((NOT_FOUND,), None, id="no-index"),
        pytest.param((NOT_FOUND, described("3")), Confirms(), id="metadata-names-it"),
        pytest.param((NOT_FOUND, described("2")), Differs(found=Name("2")), id="metadata-names-another"),
        pytest.param((NOT_FOUND, described()), None, id="metadata-names-none"),
        pytest.param((NOT_FOUND, ok({"name": "iris", "versions": None})), None, id="kserve-names-none"),
        pytest.param((NOT_FOUND, described(), described()), Confirms(), id="has-that-version"),
        pytest.param((NOT_FOUND, described(), NOT_FOUND), None, id="404-says-nothing"),
        pytest.param((NOT_FOUND, described(), NO_VERSIONS), None, id="501-says-nothing"),
        pytest.param((ok("hello"), ok([]), ok({"name": "other"})), None, id="something-else"),
    ],
)
def test_the_open_inference_protocol(replies: tuple[Reply, ...], expected: Answer | None) -> None:
    assert read(V2, *replies) == expected


def test_what_a_server_of_that_protocol_is_asked() -> None:
    named = Verify(method=Method.OPEN_INFERENCE, model="{model}/a b")
    assert CHECKS[Method.OPEN_INFERENCE].questions(subject(named)) == (
        Question(path="/v2/repository/index", post=True),
        Question(path="/v2/models/iris%2Fa%20b"),
        Question(path="/v2/models/iris%2Fa%20b/versions/3"),
    )


# ── a field ──────────────────────────────────────────────────────────────────────────────────────────


def a_field(pointer: str, equals: str = "{version}") -> Verify:
    return Verify(method=Method.FIELD, named=True, path="/info", field=pointer, equals=equals)


@pytest.mark.parametrize(
    ("content", "verify", "expected"),
    [
        ({"version": 3}, a_field("/version"), Confirms()),
        ({"version": "3"}, a_field("/version"), Confirms()),
        ({"version": "v3"}, a_field("/version", "v{version}"), Confirms()),
        ({"run": "ab12"}, a_field("/run", "{run_id}"), Confirms()),
        ({"models": [{"a/b": {"~v": 3}}]}, a_field("/models/0/a~1b/~0v"), Confirms()),
        ("3", a_field(""), Confirms()),
        ({"version": 2}, a_field("/version"), Differs(found=Name("2"))),
        ({"version": True}, a_field("/version"), Differs(found=Name("true"))),
        ({}, a_field("/version"), NoSuchField(path=Name("/info"), field=Name("/version"))),
        (None, a_field("/version"), NoSuchField(path=Name("/info"), field=Name("/version"))),
        ({"version": None}, a_field("/version"), NoSuchField(path=Name("/info"), field=Name("/version"))),
        ({"version": [3]}, a_field("/version"), NoSuchField(path=Name("/info"), field=Name("/version"))),
        ([1], a_field("/7"), NoSuchField(path=Name("/info"), field=Name("/7"))),
        ([1], a_field("/-"), NoSuchField(path=Name("/info"), field=Name("/-"))),
        ("x", a_field("/a/b"), NoSuchField(path=Name("/info"), field=Name("/a/b"))),
    ],
)
def test_a_field_of_an_answer(content: Any, verify: Verify, expected: Answer) -> None:
    assert read(verify, ok(content)) == expected


@pytest.mark.parametrize("status", [301, 403, 404, 500, 501])
def test_what_is_not_an_answer_says_nothing(status: int) -> None:
    reply = Reply(status=status, content={"version": 2})
    assert read(a_field("/version"), reply) == AnswerWithoutVersion(path=Name("/info"), status=status)


def test_values_in_a_path_are_quoted() -> None:
    verify = Verify(method=Method.FIELD, path="/m/{model}?v={version}", field="", equals="x")
    values = Values(target=Target(model="a/b?c", stage="s"), version=3)
    assert CHECKS[Method.FIELD].questions(subject(verify, values=values)) == (Question(path="/m/a%2Fb%3Fc?v=3"),)


# ── the image ────────────────────────────────────────────────────────────────────────────────────────

ONE, OTHER = (f"sha256:{digit * 64}" for digit in "12")


@pytest.mark.parametrize(
    ("equals", "image", "expected"),
    [
        ("{version}", Image(name="host:5000/team/iris:3"), Confirms()),
        ("{tag.image}", Image(name="iris:v3"), Confirms()),
        ("{version}", Image(name=f"iris:3@{ONE}"), Confirms()),
        ("{version}", Image(name="iris:2"), Differs(found=Name("2"))),
        ("{version}", Image(name="host:5000/iris"), ImageUnknown(image=Name("host:5000/iris"))),
        ("{version}", None, ImageUnknown(image=Name(""))),
        (ONE, Image(name="iris:3", id=f"docker-pullable://iris@{ONE}"), Confirms()),
        (ONE, Image(name=f"iris@{ONE}", id=f"iris@{OTHER}"), Confirms()),
        (ONE, Image(name=f"iris@{OTHER}", id=f"iris@{OTHER}"), Differs(found=Name(OTHER))),
        pytest.param(ONE, Image(name="iris:3", id=f"iris@{OTHER}"), ImageUnknown(image=Name("iris:3")), id="platform"),
        pytest.param(ONE, Image(name="iris:3", id=OTHER), ImageUnknown(image=Name("iris:3")), id="config-digest"),
    ],
)
def test_an_image_by_its_tag_or_digest(equals: str, image: Image | None, expected: Answer) -> None:
    pod = PodSeen(name="p", address=None, ready=True, image=image)
    assert read(Verify(method=Method.IMAGE, named=True, equals=equals), pod=pod) == expected


# ── KServe ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ModelStatus(transition="UpToDate", active="Loaded", target="Loaded"), Confirms()),
        (ModelStatus(transition="UpToDate", active="Loaded", target=""), Confirms()),
        (None, NoModelStatus()),
        (
            ModelStatus(transition="InProgress", active="Loaded", target="Loading"),
            ModelNotLoaded(transition=Name("InProgress"), state=Name("Loading")),
        ),
        (
            ModelStatus(transition="BlockedByFailedLoad", active="Loaded", target="FailedToLoad"),
            ModelNotLoaded(transition=Name("BlockedByFailedLoad"), state=Name("FailedToLoad")),
        ),
        (
            ModelStatus(transition="UpToDate", active="", target=""),
            ModelNotLoaded(transition=Name("UpToDate"), state=Name("")),
        ),
    ],
)
def test_kserve_confirms_a_model_that_is_loaded(status: ModelStatus | None, expected: Answer) -> None:
    assert read(Verify(method=Method.KSERVE), model_status=status) == expected


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "versions", "v"]), inner),
    max_leaves=12,
)
REPLIES: Final = st.builds(Reply, status=st.sampled_from([200, 200, 404, 501]), content=JSON)


@given(st.tuples(REPLIES, REPLIES, REPLIES), st.sampled_from([V2, a_field("/v/0/name"), a_field("")]))
def test_whatever_a_server_answers_is_judged_and_quoted_shortly(replies: tuple[Reply, ...], verify: Verify) -> None:
    answer = read(verify, *replies[: 3 if verify is V2 else 1])
    if isinstance(answer, Differs):
        assert len(answer.found) <= 300


# ── placeholders ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{model}-{stage}-{version}", "iris-production-3"),
        ("{run_id}", "ab12"),
        ("{tag.image}", "v3"),
        ("3", "3"),
    ],
)
def test_placeholders_are_values_of_the_version(template: str, expected: str) -> None:
    assert fill(template, VALUES) == expected


@pytest.mark.parametrize("template", ["{digest}", "{tag.missing}"])
def test_a_placeholder_without_a_value_is_no_empty_text(template: str) -> None:
    with pytest.raises(Unknown, match=template.strip("{}")):
        fill(template, VALUES)


def test_the_registry_is_read_only_for_what_it_alone_knows() -> None:
    assert from_registry("/info", "{run_id}")
    assert from_registry("{tag.image}")
    assert not from_registry("/{model}", "{version}", "{digest}")
