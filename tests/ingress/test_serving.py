"""If the bot cannot listen, one sentence says why, and which variables set the address."""

import re

import pytest
from aiohttp import web

from bot.domain.errors import UserError
from bot.ingress.serving import serve


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address|this machine has no such address"),
        ("a..b", "that is not the name of a host"),
        ("nowhere.invalid", ".+"),
    ],
)
async def test_an_address_that_cannot_be_used_is_reported(host: str, why: str) -> None:
    async with serve(web.Application(), "127.0.0.1", 0) as port:
        with pytest.raises(UserError) as raised:
            async with serve(web.Application(), host, port, named="INTERNAL_HOST and INTERNAL_PORT"):
                raise AssertionError("it serves")
    told = "choose another place with INTERNAL_HOST and INTERNAL_PORT, or stop what listens there"
    assert re.fullmatch(f"cannot listen on {re.escape(host)}, port {port}: ({why}); {told}", str(raised.value))
    assert "(" not in str(raised.value)
