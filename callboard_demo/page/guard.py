"""Who may drive the demo: this page and scripts with the run's token; never another web page in the same browser.

A foreign page can send requests to a loopback port, and can point a name of its own at 127.0.0.1 (DNS rebinding).  So
every request must name this address as its Host, must not come from another origin, and a write must be JSON (which a
form cannot send) with the token (which another origin cannot read).  It is no login: who owns the machine owns the
demo.
"""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LONGEST_BODY = 64 * 1024  # bytes
TOKEN_HEADER = "X-Callboard-Token"  # noqa: S105  a header's name
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
    """Return the middleware that refuses what does not come from this page or a script that holds the token."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = foreign(request) or (None if request.method in {"GET", "HEAD"} else unlike_a_write(request, token))
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return refuse(413, f"A request holds at most {LONGEST_BODY} bytes.")
        except web.HTTPException as known:
            return refuse(known.status, f"{known.reason}: {request.method} {request.path}.")

    return guarded


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries, streams included (a handler of `on_response_prepare`)."""
    response.headers.update(HEADERS)


def foreign(request: web.Request) -> web.Response | None:
    """Return the refusal of a request that names another host, or that another web page sends."""
    ours = addresses(request)
    if request.headers.get("Host", "").lower() not in ours:
        return refuse(403, f"This page answers only to the Host {' or '.join(ours)}.")
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in ours}:
        return refuse(403, "Requests from other web pages are refused (the Origin is not this page).")
    # A browser says where a request without an Origin comes from.  https://www.w3.org/TR/fetch-metadata/
    if request.path.startswith("/api/") and request.headers.get("Sec-Fetch-Site", "none") not in {
        "same-origin",
        "none",
    }:
        return refuse(403, "Requests from other web pages are refused (Sec-Fetch-Site says cross-site).")
    return None


def unlike_a_write(request: web.Request, token: str) -> web.Response | None:
    """Return the refusal of a write that is not JSON, is too long, or does not carry the token of this run."""
    if request.content_type != "application/json":
        return refuse(415, "Send JSON: Content-Type must be application/json.")
    given = request.headers.get(TOKEN_HEADER, "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return refuse(403, f"The header {TOKEN_HEADER} must hold this run's token; it is in .callboard/token.")
    if (request.content_length or 0) > LONGEST_BODY:
        return refuse(413, f"A request holds at most {LONGEST_BODY} bytes.")
    return None


def addresses(request: web.Request) -> tuple[str, str]:
    """Return the two names under which the page is reached, with the port that the request really came in on."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    return f"127.0.0.1:{port}", f"localhost:{port}"


def refuse(status: int, sentence: str) -> web.Response:
    """Return `{"ok": false, "error": sentence}`."""
    return web.json_response({"ok": False, "error": sentence}, status=status)
