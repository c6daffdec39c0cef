"""What manifests/callboard-postgresql asks of PostgreSQL: TLS, and the certificate of the right server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from bot.domain.errors import Temporary
from bot.domain.reasons.database import Unreachable
from bot.engine.leadership import lead
from bot.rules.wording.reasons import plain
from bot.store.store import Store
from tests.fixtures.certificates import Authority
from tests.fixtures.postgres import Server, running
from tests.fixtures.raising import raising
from tests.manifests.rendered import env


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    with running() as found:
        found.encrypt(*authority.sign("localhost"))
        yield found


def as_shipped(server: Server, host: str, authority: Path) -> str:
    """Return the manifest's address, but for where the server and the authority's certificate are."""
    shipped = make_url(env("callboard-postgresql")["DATABASE_URL"])
    assert (shipped.query["sslmode"], shipped.query["sslrootcert"]) == ("verify-full", "/etc/postgresql-ca/ca.crt")
    here = shipped.set(host=host, port=server.port, database="postgres")
    return here.update_query_dict({"sslrootcert": str(authority)}).render_as_string(hide_password=False)


async def test_the_right_certificate_is_accepted(server: Server, authority: Authority) -> None:
    url = as_shipped(server, "localhost", authority.file)
    store = await Store.open(url)
    assert await store.promotions() == ()
    await store.close()
    async with asyncio.timeout(10), lead(url):
        pass


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("another authority", "certificate verify failed"),
        ("another host", 'does not match host name "127.0.0.1"'),
        ("no file", 'missing.crt" does not exist'),
    ],
)
async def test_any_other_certificate_is_refused_and_reported(
    server: Server, authority: Authority, tmp_path: Path, what: str, says: str
) -> None:
    host = "127.0.0.1" if what == "another host" else "localhost"
    other = {"another authority": Authority(tmp_path, "theirs").file, "no file": tmp_path / "missing.crt"}
    url = as_shipped(server, host, other.get(what, authority.file))
    with raising(Temporary, Unreachable) as raised:
        await Store.open(url)
    assert says in plain(raised.value.reason)
    told = asyncio.Queue[str]()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1), lead(url, None, told.put_nowait):
            pass
    assert says in told.get_nowait()


async def test_a_server_without_tls_is_refused(authority: Authority) -> None:
    with running() as plain, pytest.raises(Temporary, match="server does not support SSL"):
        await Store.open(as_shipped(plain, "localhost", authority.file))
