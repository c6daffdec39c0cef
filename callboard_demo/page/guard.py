"""Access control: only this page and scripts with this run's token may control the demo, not other web pages.

A foreign page can send requests to a loopback port, and can resolve its own host name to 127.0.0.1 (DNS rebinding).  So
every request must have this address as its Host and must not come from another origin, and a write must be JSON (which
a form cannot send) with the token (which another origin cannot read).  This is not a login: anybody with access to the
machine controls the demo.
"""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LONGEST_BODY = 64 * 1024  # bytes
TOKEN_HEADER = "X-Callboard-Token"  # noqa: S105  (a header's name)
HEADERS = {
    # Only this page's own files, no inline code, nothing from elsewhere.  https://www.w3.org/TR/CSP3/
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def guard(token: str) -> Middleware:
    """Return the middleware that refuses requests other than from this page or a script with the token."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = foreign(request) or (None if request.method in {"GET", "HEAD"} else unlike_a_write(request, token))
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return refuse(413, f"A request may have at most {LONGEST_BODY} bytes.")
        except web.HTTPException as known:
            return refuse(known.status, f"{known.reason}: {request.method} {request.path}.")

    return guarded


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every response, including streams (a handler of `on_response_prepare`)."""
    response.headers.update(HEADERS)


def foreign(request: web.Request) -> web.Response | None:
    """Return the refusal of a request with another Host or from another web page."""
    ours = addresses(request)
    if request.headers.get("Host", "").lower() not in ours:
        return refuse(403, f"This page accepts only the Host {' or '.join(ours)}.")
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in ours}:
        return refuse(403, "Requests from other web pages are refused (the Origin is not this page).")
    # Browsers report the source of a request without an Origin.  https://www.w3.org/TR/fetch-metadata/
    if request.path.startswith("/api/") and request.headers.get("Sec-Fetch-Site", "none") not in {
        "same-origin",
        "none",
    }:
        return refuse(403, "Requests from other web pages are refused (Sec-Fetch-Site says cross-site).")
    return None


def unlike_a_write(request: web.Request, token: str) -> web.Response | None:
    """Return the refusal of a write that is not JSON, is too long, or lacks this run's token."""
    if request.content_type != "application/json":
        return refuse(415, "Send JSON: Content-Type must be application/json.")
    given = request.headers.get(TOKEN_HEADER, "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return refuse(403, f"The header {TOKEN_HEADER} must hold this run's token; it is in .callboard/token.")
    if (request.content_length or 0) > LONGEST_BODY:
        return refuse(413, f"A request may have at most {LONGEST_BODY} bytes.")
    return None


def addresses(request: web.Request) -> tuple[str, str]:
    """Return the two addresses of the page, with the port on which the request arrived."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    return f"127.0.0.1:{port}", f"localhost:{port}"


def refuse(status: int, sentence: str) -> web.Response:
    """Return `{"ok": false, "error": sentence}`."""
    return web.json_response({"ok": False, "error": sentence}, status=status)
