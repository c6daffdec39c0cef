"""A registry that fails or lies: a reason each time, nothing believed, no password given away."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer

from bot.cli.images import Verified, verify
from bot.clients.oci.login import Login
from bot.domain.errors import Explained, Permanent, Temporary, UserError
from bot.domain.reason import Name, Reason
from bot.domain.reasons import oci as reasons
from bot.domain.reasons import systems
from bot.rules.parsing.images import INDEXES, MANIFESTS, Demands, Platform, reference
from bot.rules.wording.reasons import plain
from tests.fixtures.oci import Image, digest, index
from tests.fixtures.raising import raising
from tests.ports import silent_port

Answer = Callable[[web.Request], web.StreamResponse]
DEMANDS = Demands(platform=Platform(os="linux", architecture="amd64"), ports=frozenset({8080}))
PASSWORD = "pl4nted-passw0rd"


@dataclass(slots=True, kw_only=True)
class Registry:
    """A registry of one image, in which each answer may be replaced."""

    image: Image = field(default_factory=Image)
    instead: dict[str, Answer] = field(default_factory=dict)
    """By what the path ends in."""
    login: str | None = None
    """The challenge; then only `Bearer good` or the right Basic comes in."""
    top: tuple[bytes, str] | None = None
    asked: list[web.Request] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as Docker's registry does."""
        self.asked.append(request)
        for end, answer in self.instead.items():
            if request.path.endswith(end):
                return answer(request)
        if self.login is not None and request.headers.get("Authorization") not in {"Bearer good", basic()}:
            return web.Response(status=401, headers={"WWW-Authenticate": self.login})
        name = request.path.rpartition("/")[2]
        kept = {digest(each): (each, "application/octet-stream") for each in self.image.blobs}
        manifest = self.image.manifest
        kept |= {digest(manifest): (manifest, self.image.kind), "1": self.top or (manifest, self.image.kind)}
        if name not in kept:
            return web.json_response({"errors": [{"code": "BLOB_UNKNOWN"}]}, status=404)
        body, kind = kept[name]
        return web.Response(body=body, content_type=kind, headers={"Docker-Content-Digest": digest(body)})

    async def verify(self, login: Login | None = None) -> Verified:
        """Ask it as `pin-image` does."""
        image = reference(f"127.0.0.1:{self.port}/ml/model-server:1")
        return await verify(image, DEMANDS, login or Login(files=[]))


def basic() -> str:
    return encode_basic_auth("bot", PASSWORD)


@asynccontextmanager
async def registry() -> AsyncIterator[Registry]:
    made, app = Registry(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        made.port = int(server.port or 0)
        yield made


def kept(folder: Path, entry: dict[str, str], port: int) -> Login:
    """Return a login as `docker login` keeps it."""
    (folder / "config.json").write_text(json.dumps({"auths": {f"127.0.0.1:{port}": entry}}))
    return Login(files=[folder / "absent.json", folder / "config.json"])


def account(folder: Path, port: int) -> Login:
    return kept(folder, {"auth": basic().removeprefix("Basic ")}, port)


@pytest.mark.parametrize("kind", MANIFESTS)
async def test_an_image_of_either_format_is_found(kind: str) -> None:
    async with registry() as there:
        there.image.kind = kind
        found = await there.verify()
    assert (found.digest, len(found.layers), found.user) == (digest(there.image.manifest), 2, "10001:10001")
    accept = there.asked[0].headers["Accept"]
    assert all(each in accept for each in (*INDEXES, *MANIFESTS))


@pytest.mark.parametrize("kind", INDEXES)
async def test_an_index_leads_to_the_platforms_image_and_is_what_gets_pinned(kind: str) -> None:
    async with registry() as there:
        body = index({"linux/arm64": Image(layers=[b"arm"]), "linux/amd64": there.image}, kind)
        there.top = body, kind
        assert (await there.verify()).digest == digest(body)


def text(status: int, body: bytes = b"", kind: str = MANIFESTS[1], **headers: str) -> Answer:
    return lambda _: web.Response(
        status=status, body=body, content_type=kind, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def of_other_digests() -> bytes:
    manifest = json.loads(Image().manifest)
    manifest["layers"][0]["digest"] = "sha512:" + "0" * 128
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("end", "answer", "error", "why"),
    [
        ("/manifests/1", text(404), Permanent, reasons.Absent),
        ("/manifests/1", text(403), Permanent, reasons.LoginRefused),
        ("/manifests/1", text(503), Temporary, systems.Failing),
        ("/manifests/1", text(429), Temporary, systems.Failing),
        ("/manifests/1", text(418, b"a teapot"), Permanent, reasons.Refused),
        ("/manifests/1", text(200, b"{}"), Permanent, "its manifest does not follow the image specification"),
        ("/manifests/1", text(200, b"<html>", kind="text/html"), Permanent, "not an image that Kubernetes can run"),
        ("/manifests/1", text(200, b"x" * (5 << 20)), Permanent, systems.AnswerTooLarge),
        (
            "/manifests/1",
            text(200, b"{}", Docker_Content_Digest="sha256:" + "0" * 64),
            Permanent,
            reasons.DigestMismatch,
        ),
        ("/manifests/1", text(200, of_other_digests()), Permanent, reasons.DigestUnknown),
        ("/manifests/1", text(302, Location="http://["), Temporary, systems.Malformed),
        ("/blobs/" + digest(Image().config_blob), text(200, b"{}"), Permanent, reasons.DigestMismatch),
        ("/blobs/" + digest(Image().config_blob), text(404), Permanent, reasons.Absent),
        (
            "/blobs/" + digest(b"two"),
            text(404),
            UserError,
            f"its layer {digest(b'two')} is missing; push the image again",
        ),
        ("/blobs/" + digest(b"two"), text(500), Temporary, systems.Failing),
    ],
)
async def test_what_is_wrong_is_said(
    end: str, answer: Answer, error: type[Permanent | Temporary | UserError], why: type[Reason] | str
) -> None:
    async with registry() as there:
        there.instead[end] = answer
        with pytest.raises(error) as caught:
            await there.verify()
        refused = caught.value
        if isinstance(why, str):  # of `pin-image`, which judges what the registry returned
            assert why in (plain(refused.reason) if isinstance(refused, Explained) else str(refused))
        else:
            assert isinstance(refused, Explained)
            assert isinstance(refused.reason, why)
            at = f"http://127.0.0.1:{there.port}/v2/ml/model-server{end}"
            assert getattr(refused.reason, "address", getattr(refused.reason, "at", at)) == at


async def test_a_manifest_of_another_digest_than_the_index_says_is_not_believed() -> None:
    async with registry() as there:
        there.top = index({"linux/amd64": there.image}), INDEXES[1]
        there.instead["/manifests/" + digest(there.image.manifest)] = text(200, b"{}")
        with raising(Permanent, reasons.DigestMismatch):
            await there.verify()


async def test_nobody_there_is_a_reason() -> None:
    with silent_port() as port, raising(Temporary, systems.Unreachable):
        await Registry(port=port).verify()


async def test_all_that_keeps_it_from_running_is_said_at_once() -> None:
    async with registry() as there:
        there.image.config = {"os": "linux", "architecture": "arm64"}
        with pytest.raises(UserError, match=r"cannot be used:\n(- .*\n){4}- "):
            await there.verify()


# ── logging in ───────────────────────────────────────────────────────────────────────────────────────


async def test_basic_is_answered_with_the_account_of_this_machine(tmp_path: Path) -> None:
    async with registry() as there:
        there.login = 'Basic realm="Registry Realm"'
        assert await there.verify(account(tmp_path, there.port))
        with raising(Permanent, reasons.LoginMissing(host=Name(f"127.0.0.1:{there.port}"))):
            await there.verify()


async def test_a_token_is_bought_with_the_account_for_reading_this_image_alone(tmp_path: Path) -> None:
    async with registry() as there:
        there.login = f'Bearer realm="http://127.0.0.1:{there.port}/token",service="reg",scope="repository:x:pull"'
        bought = list[tuple[str | None, str]]()

        def token(request: web.Request) -> web.Response:
            bought.append((request.headers.get("Authorization"), request.query_string))
            return web.json_response({"token": "good"})

        there.instead["/token"] = token
        assert await there.verify(account(tmp_path, there.port))
        assert await there.verify()
    assert bought == [(basic(), "service=reg&scope=repository:x:pull"), (None, "service=reg&scope=repository:x:pull")]


async def test_a_token_that_comes_in_pieces_is_read_whole(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"token": '
        await asyncio.sleep(0.1)
        yield b'"good"}'

    async with registry() as there:
        there.login = f'Bearer realm="http://127.0.0.1:{there.port}/token"'
        there.instead["/token"] = lambda _: web.Response(body=pieces())
        assert await there.verify(account(tmp_path, there.port))


async def test_an_identity_token_buys_others(tmp_path: Path) -> None:
    async with registry() as there:
        there.login = f'Bearer realm="http://127.0.0.1:{there.port}/token",service="reg"'
        there.instead["/token"] = lambda request: web.json_response(
            {"access_token": "good"} if request.method == "POST" else {}
        )
        assert await there.verify(kept(tmp_path, {"identitytoken": "refresh"}, there.port))


@pytest.mark.parametrize(
    ("challenge", "why", "realm"),
    [
        ('Bearer realm="http://evil.example/token"', reasons.TokensInsecure, "http://evil.example/token"),
        ("Bearer realm=", reasons.TokensInsecure, None),
        ("Bearer", reasons.TokensInsecure, None),
        ('Digest realm="x"', reasons.LoginUnsupported, None),
        ("", reasons.LoginUnsupported, None),
    ],
)
async def test_no_password_goes_where_it_could_be_read(
    tmp_path: Path, challenge: str, why: type[Reason], realm: str | None
) -> None:
    async with registry() as there:
        there.login = challenge
        with raising(Permanent, why) as caught:
            await there.verify(account(tmp_path, there.port))
        assert getattr(caught.value.reason, "realm", None) == realm
        assert not [each for each in there.asked if "Authorization" in each.headers]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (text(401), reasons.TokenRefused),
        (text(302, Location="http://localhost:1/"), reasons.TokenRefused),
        (text(200, b"<html>"), reasons.TokenMalformed),
        (text(200, b"[]"), reasons.TokenMalformed),
        (text(200, b'{"token": "a\\r\\nX-Evil: b"}'), reasons.TokenMalformed),
        (text(200, b"[" * 100_000), reasons.TokenMalformed),
        (text(200, b'{"token": "bad"}'), reasons.LoginRefused),
    ],
)
async def test_a_token_that_is_none_is_not_used(tmp_path: Path, answer: Answer, why: type[Reason]) -> None:
    async with registry() as there:
        there.login = f'Bearer realm="http://127.0.0.1:{there.port}/token"'
        there.instead["/token"] = answer
        with raising(Permanent, why) as raised:
            await there.verify(account(tmp_path, there.port))
        shown = f"{raised.value}{plain(raised.value.reason)}"
        assert PASSWORD not in shown
        assert basic().removeprefix("Basic ") not in shown
        assert not getattr(raised.value.reason, "anonymous", False)


async def test_storage_elsewhere_gets_no_login_and_is_not_believed(tmp_path: Path) -> None:
    async with registry() as there, registry() as storage:
        there.login = 'Basic realm="r"'
        config = digest(there.image.config_blob)
        away = f"http://localhost:{storage.port}/blobs/{config}"
        there.instead[f"/blobs/{config}"] = text(307, Location=away)
        there.instead[f"/blobs/{digest(b'two')}"] = text(307, Location=away)
        assert await there.verify(account(tmp_path, there.port))
        assert [(each.method, each.headers.get("Authorization")) for each in storage.asked] == [("GET", None)]
        storage.instead[config] = text(200, b"{}")
        with raising(Permanent, reasons.DigestMismatch):
            await there.verify(account(tmp_path, there.port))


async def test_a_credential_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f'#!/bin/sh\nread host\necho "{{\\"Username\\": \\"bot\\", \\"Secret\\": \\"{PASSWORD}\\"}}"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    async with registry() as there:
        there.login = 'Basic realm="r"'
        for said in ({"credsStore": "test"}, {"credHelpers": {f"127.0.0.1:{there.port}": "test"}}):
            (tmp_path / "config.json").write_text(json.dumps(said))
            assert await there.verify(Login(files=[tmp_path / "config.json"]))
        (tmp_path / "config.json").write_text('{"credsStore": "absent"}')
        with raising(Permanent, reasons.HelperMissing) as caught:
            await there.verify(Login(files=[tmp_path / "config.json"]))
        assert isinstance(caught.value.reason, reasons.HelperMissing)
        assert caught.value.reason.helper == "docker-credential-absent"


@pytest.mark.parametrize(
    "content", ["{", "\xff", '{"auths": {"127.0.0.1": {"auth": "%%%"}}}', '{"auths": {"127.0.0.1": {"auth": "/w=="}}}']
)
async def test_a_file_of_logins_that_is_broken_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, "latin-1")
    with pytest.raises(Permanent, match=r"(LoginsUnreadable|LoginInvalid).*config\.json") as caught:
        await Login(files=[tmp_path / "config.json"]).account(reference("127.0.0.1/a:1"))
    assert plain(caught.value.reason).endswith("log in again")
