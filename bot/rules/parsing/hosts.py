"""Which names a request to the internal listener may have as its Host.

A web page can make its own name resolve to a private address (DNS rebinding) and then read what a listener without a
login answers there.  The browser still sends the page's name as Host, so a name that anyone can register is refused.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from bot.domain.reason import Name
from bot.domain.reasons.inbound import HostNotPrivate

PRIVATE: Final = (".svc", ".svc.cluster.local", ".local", ".internal")
"""Endings that nobody can register: Kubernetes' own, RFC 6762's, and the one that ICANN reserved for private use."""
REFUSED: Final = HostNotPrivate(endings=tuple(map(Name, PRIVATE)))

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")


def may_answer(hosts: Sequence[str]) -> bool:
    """Return whether a request with these Host headers may be answered; exactly one is needed.

    A name of two labels, such as `callboard.monitoring`, is refused although a cluster resolves it: some namespaces are
    also top-level domains (`app`, `dev`).
    """
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        return False
    if found["v6"] is not None:
        return _is_address(found["v6"], version=6)
    name = found["name"].lower().removesuffix(".")
    return _is_address(name, version=4) or (
        _NAME.fullmatch(name) is not None and ("." not in name or name.endswith(PRIVATE))
    )


def _is_address(text: str, *, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False
