"""Why a request brought no usable answer: the exceptions of the HTTP libraries, as reasons.

One place for all clients.  No exception's class and no address that a library put into its text gets further.
"""

import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from bot.clients.limits import Malformed, Oversized
from bot.clients.redirects import Redirected
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import systems
from bot.rules.wording.redaction import excerpt


def unanswered(error: BaseException, *, system: Name, at: str | None = None, during: Reason | None = None) -> Reason:
    """Return what an exception of `FAILURES` means.  `at` is an address without credentials."""
    place = Name(at) if at is not None else None
    match error:
        case TimeoutError():
            return systems.TimedOut(system=system, at=place, during=during)
        case Oversized():
            return systems.AnswerTooLarge(system=system, at=place, during=during, cause=cause(error))
        case RecursionError():
            return systems.Malformed(system=system, at=place, during=during, cause=cause(error))
        case OSError() | aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | EOFError() | RuntimeError():
            return systems.Unreachable(system=system, at=place, during=during, cause=cause(error))
        case _:
            return systems.Malformed(system=system, at=place, during=during, cause=cause(error))


def cause(error: BaseException) -> Reason:
    """Return what an exception says went wrong."""
    return next((explain(error) for kinds, explain in CAUSES if isinstance(error, kinds)), systems.UnexpectedForm())


def certificate(error: aiohttp.ClientConnectorCertificateError) -> Said | None:
    """Return OpenSSL's objection to a certificate."""
    why = getattr(error.certificate_error, "verify_message", "")
    return Said(excerpt(str(why))) if why else None


def _tls(error: aiohttp.ClientSSLError | ssl.SSLError) -> Said | None:
    """Return OpenSSL's reason, such as `WRONG_VERSION_NUMBER`, in lower case."""
    why = getattr(error.os_error if isinstance(error, aiohttp.ClientSSLError) else error, "reason", None)
    return Said(excerpt(why.replace("_", " ").lower())) if isinstance(why, str) else None


def _system(error: OSError) -> Said | None:
    """Return the operating system's words for the number of an error, such as "Connection refused"."""
    number = error.errno
    return Said(os.strerror(number)) if number is not None and number in errno.errorcode else None


CAUSES: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[[Any], Reason]], ...]] = (
    (TimeoutError, lambda _: systems.NoAnswer()),
    (Oversized, lambda error: systems.TooLarge(bytes=error.most, line=error.line)),
    (Malformed, lambda error: systems.Unreadable(said=Said(excerpt(str(error))))),
    (Redirected, lambda error: systems.Redirect(status=error.status)),
    (aiohttp.ClientResponseError, lambda _: systems.NotHTTP()),
    ((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, EOFError), lambda _: systems.ConnectionClosed()),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), lambda _: systems.HostUnknown()),
    (aiohttp.ClientConnectorCertificateError, lambda error: systems.TLSFailed(said=certificate(error))),
    ((aiohttp.ClientSSLError, ssl.SSLError), lambda error: systems.TLSFailed(said=_tls(error))),
    (OSError, lambda error: systems.ConnectionFailed(said=_system(error))),
    (RecursionError, lambda _: systems.UnexpectedForm()),
    ((aiohttp.ClientConnectionError, RuntimeError), lambda _: systems.ConnectionClosed()),
)
"""What exceptions mean: the first line that matches counts."""
