"""The page of a pull request, at the URL that messages link to.  Plain HTML, read-only."""

from html import escape

from aiohttp import web

from callboard_demo.forge.hub import Hub
from callboard_demo.forge.merging import mergeability, outcomes
from callboard_demo.forge.records import PullRecord
from callboard_demo.forge.refused import not_found

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h1 small { opacity: .6; font-weight: 400; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; padding: 1rem; }
pre { border: 1px solid #8884; border-radius: 8px; }
pre.text { font: inherit; white-space: pre-wrap; }
.badge { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; color: #fff; }
.open { background: #1a7f37; } .merged { background: #8250df; } .closed { background: #cf222e; }
.add { background: #2da44e33; } .cut { background: #cf222e33; } .at { opacity: .6; }
pre span { display: block; min-height: 1.45em; }
"""


def diff_text(hub: Hub, pull: PullRecord) -> str:
    """Return the unified diff that a reviewer sees: the head against its merge base."""
    return hub.git.patch(pull.base_sha, pull.head_sha)


def state_of(pull: PullRecord) -> str:
    """Return `open`, `merged` or `closed`."""
    return "merged" if pull.merged else "open" if pull.open else "closed"


async def pull_page(hub: Hub, request: web.Request) -> web.Response:
    """Return the page; all text that people wrote is escaped."""
    number = request.match_info["number"]
    if "/".join((request.match_info["owner"], request.match_info["repo"])) != hub.name or not number.isdecimal():
        raise not_found()
    return web.Response(text=render(hub, hub.pull(int(number))), content_type="text/html", headers=HEADERS)


def render(hub: Hub, pull: PullRecord) -> str:
    """Return the HTML."""
    state, title = state_of(pull), escape(pull.title)
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>",
        f"<title>{title} · #{pull.number}</title><style>{STYLE}</style>",
        f"<h1>{title} <small>#{pull.number}</small></h1>",
        f"<p><span class='badge {state}'>{state}</span> {_line(pull)}</p>",
        f"<pre class='text'>{escape(pull.body or 'No description.')}</pre>",
        "<h2>Checks</h2>", _checks(hub, pull),
        "<h2>Changes</h2>", f"<pre>{''.join(map(_row, diff_text(hub, pull).splitlines()))}</pre>",
        "<h2>Comments</h2>", _comments(pull),
    ]  # fmt: skip
    return "\n".join(parts)


def _line(pull: PullRecord) -> str:
    branch, base, author = escape(pull.head), escape(pull.base), escape(pull.author)
    return f"{author} wants to merge <code>{branch}</code> into <code>{base}</code>"


def _checks(hub: Hub, pull: PullRecord) -> str:
    marks = {True: "✅", False: "❌", None: "🟡"}
    rows = [f"<li>{marks[passed]} {escape(name)}</li>" for name, passed in outcomes(hub, pull.head_sha).items()]
    because = mergeability(hub, pull).because if pull.open else None
    rows += [f"<li>{escape(because)}</li>"] if because else []
    return f"<ul>{''.join(rows) or '<li>None.</li>'}</ul>"


def _comments(pull: PullRecord) -> str:
    comments = [f"<p><b>{escape(c.user)}</b></p><pre class='text'>{escape(c.body)}</pre>" for c in pull.comments]
    return "".join(comments) or "<p>None.</p>"


def _row(line: str) -> str:
    kinds = {"+": "add", "-": "cut", "@": "at"}
    return f"<span class='{kinds.get(line[:1], '')}'>{escape(line)}</span>"
