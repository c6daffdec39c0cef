"""MLflow must show a certificate that is trusted; with an authority of one's own, one that it has signed."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clients.mlflow.client import MLflow
from bot.domain.errors import Temporary
from bot.domain.reasons.registry import CertificateUntrusted
from tests.fixtures.certificates import Authority
from tests.fixtures.raising import raising


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
async def url(ours: Authority) -> AsyncIterator[str]:
    """Serve a registry without models, with a certificate for `localhost`."""

    async def nothing(_: web.Request) -> web.Response:
        return web.json_response({})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*ours.sign("localhost"))
    app = web.Application()
    app.router.add_get("/{path:.*}", nothing)
    server = TestServer(app, scheme="https", host="localhost")
    await server.start_server(ssl=context)
    yield str(server.make_url("/"))
    await server.close()


async def models(url: str, trusted: Path | None) -> int:
    mlflow = MLflow.connect(url, trusted=str(trusted) if trusted else None)
    try:
        return len(await mlflow.models())
    finally:
        await mlflow.close()


async def test_a_certificate_of_ones_own_authority_is_accepted(url: str, ours: Authority) -> None:
    assert await models(url, ours.file) == 0


@pytest.mark.parametrize("what", ["another authority", "another host", "only the public ones"])
async def test_any_other_certificate_is_refused_and_reported(
    url: str, ours: Authority, tmp_path: Path, what: str
) -> None:
    trusted = {"another authority": Authority(tmp_path, "theirs").file, "another host": ours.file}.get(what)
    with raising(Temporary, CertificateUntrusted) as caught:
        await models(url.replace("localhost", "127.0.0.1") if what == "another host" else url, trusted)
    assert isinstance(caught.value.reason, CertificateUntrusted)
    assert caught.value.reason.said
