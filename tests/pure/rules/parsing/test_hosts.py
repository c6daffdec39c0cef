"""Which host names the internal listener answers to: those that no web page can have."""

import pytest

from bot.rules.parsing.hosts import PRIVATE, REFUSED, may_answer
from bot.rules.wording.reasons import plain


@pytest.mark.parametrize(
    "host",
    [
        "10.0.3.17:8081",  # the kubelet's probes
        "10.0.3.17",
        "127.0.0.1:8081",
        "[::1]",
        "[::1]:8081",
        "[fd00:10:244::5]:8081",
        "[::ffff:10.0.3.17]:8081",
        "localhost",
        "localhost:8081",
        "LOCALHOST:8081",
        "callboard",
        "callboard:8081",
        "callboard-internal",
        "callboard.callboard.svc",
        "callboard.callboard.svc:8081",
        "callboard.callboard.svc.cluster.local",
        "callboard.callboard.svc.cluster.local.:8081",  # fully qualified
        "printer.local",
        "bot.corp.internal:8081",
    ],
)
def test_an_address_and_a_private_name_are_answered(host: str) -> None:
    assert may_answer([host])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8081",
        "evil.example.:8081",
        "rebind.attacker.com",
        "127.0.0.1.nip.io",
        "127.0.0.1.evil.example:8081",
        "localhost.evil.example",
        "callboard.callboard.svc.evil.example",
        "evilsvc.example",
        "xn--localhost-9za.example",
        "callboard.dev",  # a namespace, and a top-level domain
        "callboard.notlocal",
    ],
)
def test_a_name_that_a_web_page_can_have_is_refused(host: str) -> None:
    assert not may_answer([host])


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        ":8081",
        ".",
        ".local",
        ".svc",
        "..svc",
        "a..svc",
        "-a.svc",
        "a-.svc",
        "localhost:",
        "localhost:port",
        "localhost:123456",
        "localhost ",
        "localhost\n",
        "localhost,evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "http://localhost",
        "::1",
        "[::1",
        "[localhost]",
        "[127.0.0.1]",
        "[::1%eth0]",
        "[v1.x]",
        "ⓛocalhost",
        "evil。local",
    ],
)
def test_an_invalid_host_is_refused(host: str) -> None:
    assert not may_answer([host])


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_exactly_one_host_is_needed(hosts: list[str]) -> None:
    assert not may_answer(hosts)


def test_the_refusal_names_the_alternative() -> None:
    said = plain(REFUSED)
    assert all(ending in said for ending in PRIVATE)
    assert "an IP address, localhost, a Service's short name" in said
