"""What an image is called, and what keeps it from running."""

from dataclasses import replace

import msgspec
import pytest

from bot.domain.errors import Misunderstood, Permanent
from bot.domain.reason import Name, Reason
from bot.domain.reasons.images import (
    ImageMalformed,
    NoCommand,
    NoHealthcheck,
    OtherRevision,
    PlatformMissing,
    PortsNotExposed,
)
from bot.rules.parsing.images import (
    INDEXES,
    MANIFESTS,
    Demands,
    Descriptor,
    Healthcheck,
    ImageConfig,
    Index,
    Platform,
    Run,
    chosen,
    decoded,
    platform,
    problems,
    reference,
)
from bot.rules.wording.reasons import plain

AMD = Platform(os="linux", architecture="amd64")
GOOD = Run(
    user="10001:10001",
    ports={"8080/tcp": {}},
    healthcheck=Healthcheck(test=["CMD", "true"]),
    entrypoint=["python", "-m", "callboard_model_server"],
    labels={"org.opencontainers.image.revision": "ab" * 20},
)
DEMANDS = Demands(platform=AMD, ports=frozenset({8080}), revision="ab" * 20)


def wrong(run: Run | None, demands: Demands = DEMANDS, system: str = "linux") -> list[Reason]:
    return list(problems(ImageConfig(os=system, architecture="amd64", config=run), demands))


@pytest.mark.parametrize(
    ("text", "host", "path", "tag"),
    [
        ("ghcr.io/acme/model-server:0.1.0-gabc", "ghcr.io", "acme/model-server", "0.1.0-gabc"),
        ("127.0.0.1:5000/a:x", "127.0.0.1:5000", "a", "x"),
        ("[::1]:5000/a__b/c-d.e:1", "[::1]:5000", "a__b/c-d.e", "1"),
        ("localhost/a:x", "localhost", "a", "x"),
        ("docker.io/library/python:3.11", "docker.io", "library/python", "3.11"),
    ],
)
def test_a_reference_names_registry_repository_and_tag(text: str, host: str, path: str, tag: str) -> None:
    found = reference(text)
    assert (found.host, found.path, found.tag, str(found)) == (host, path, tag, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "model-server", "model-server:1", "acme/model-server:1", "ghcr.io/acme/model-server", "ghcr.io/A:1",
        "ghcr.io/a:1@sha256:" + "0" * 64, "ghcr.io/../a:1", "ghcr.io/a/:1", "https://ghcr.io/a:1", "ghcr.io/a:-x",
        "ghcr.io/a:" + "x" * 129, "ghcr.io/a b:1", "ghcr.io/a:1\n", "user@ghcr.io/a:1",
    ],
)  # fmt: skip
def test_an_ambiguous_reference_is_refused(text: str) -> None:
    with pytest.raises(Misunderstood):
        reference(text)


def test_an_image_that_can_run_has_no_troubles() -> None:
    assert wrong(GOOD) == []
    assert wrong(GOOD, replace(DEMANDS, ports=frozenset(), revision=None)) == []


@pytest.mark.parametrize("user", ["", "0", "00", "root", "0:0", "root:10001", "0:10001", None])
def test_root_by_any_name_is_root(user: str | None) -> None:
    assert len(wrong(msgspec.structs.replace(GOOD, user=user))) == 1


@pytest.mark.parametrize("user", ["10001", "callboard", "10001:0"])
def test_anybody_else_is_not(user: str) -> None:
    assert wrong(msgspec.structs.replace(GOOD, user=user)) == []


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({"ports": None}, PortsNotExposed(ports=(8080,), exposed=())),
        (
            {"ports": {"8080/udp": {}, "9090/tcp": {}}},
            PortsNotExposed(ports=(8080,), exposed=(Name("8080/udp"), Name("9090/tcp"))),
        ),
        ({"healthcheck": None}, NoHealthcheck()),
        ({"healthcheck": Healthcheck(test=["NONE"])}, NoHealthcheck()),
        ({"healthcheck": Healthcheck(test=[])}, NoHealthcheck()),
        ({"entrypoint": None}, NoCommand()),
        ({"labels": None}, OtherRevision(built=None, wanted=Name("ab" * 20))),
        (
            {"labels": {"org.opencontainers.image.revision": "cd" * 20}},
            OtherRevision(built=Name("cd" * 20), wanted=Name("ab" * 20)),
        ),
    ],
)
def test_each_problem_has_its_reason(run: dict[str, object], why: Reason) -> None:
    assert wrong(msgspec.structs.replace(GOOD, **run)) == [why]


def test_a_problem_is_put_into_words() -> None:
    (said,) = map(plain, wrong(msgspec.structs.replace(GOOD, ports={"8080/udp": {}, "9090/tcp": {}})))
    assert said == "the manifest's container has port 8080, but the image exposes only 8080/udp, 9090/tcp"
    (said,) = map(plain, wrong(msgspec.structs.replace(GOOD, ports=None)))
    assert said == "the manifest's container has port 8080, but the image exposes none"
    (said,) = map(plain, wrong(msgspec.structs.replace(GOOD, labels=None)))
    assert said == f"it was built from an unknown commit, not from {'ab' * 20}: the tag was moved"


def test_all_problems_are_reported_at_once() -> None:
    assert len(wrong(None, system="windows")) == 6


def manifest(letter: str, system: Platform | None, kind: str = MANIFESTS[0]) -> Descriptor:
    return Descriptor(digest=f"sha256:{letter * 64}", media_type=kind, platform=system)


def test_of_an_index_the_platforms_own_manifest_is_chosen_and_never_an_attestation() -> None:
    unknown = Platform(os="unknown", architecture="unknown")
    arm = Platform(os="linux", architecture="arm64")
    index = Index(manifests=[manifest("a", unknown), manifest("b", arm), manifest("c", AMD), manifest("d", None)])
    assert chosen(index, AMD).digest[7] == "c"
    assert chosen(index, arm).digest[7] == "b"
    with pytest.raises(Permanent) as refused:
        chosen(index, Platform(os="linux", architecture="s390x"))
    built = (Name("linux/amd64"), Name("linux/arm64"))
    assert refused.value.reason == PlatformMissing(wanted=Name("linux/s390x"), built=built)
    assert "not built for linux/s390x (only for: linux/amd64, linux/arm64)" in plain(refused.value.reason)


def test_an_index_within_an_index_is_not_followed() -> None:
    with pytest.raises(Permanent) as refused:
        chosen(Index(manifests=[manifest("a", AMD, INDEXES[0])]), AMD)
    assert isinstance(refused.value.reason, PlatformMissing)


DEEP = b'{"x": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff", b'{"manifests": 1}', b'{"manifests": [{"digest": 1}]}', DEEP]
)
def test_what_is_no_index_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(Permanent) as refused:
        decoded(content, Index, "ghcr.io/a/b:1", "index")
    assert isinstance(refused.value.reason, ImageMalformed)
    assert plain(refused.value.reason).startswith("ghcr.io/a/b:1: its index does not follow the image specification: ")


@pytest.mark.parametrize("text", ["linux", "linux/", "/amd64", "linux/arm/v7", ""])
def test_a_platform_is_a_system_and_an_architecture(text: str) -> None:
    with pytest.raises(Misunderstood):
        platform(text)
