"""`git clone` and `git push` of the forge's repository, by git's own http-backend.

Source: https://git-scm.com/docs/git-http-backend
"""

import asyncio
import os
from pathlib import Path

from aiohttp import web

from callboard_demo.forge.access import Access
from callboard_demo.forge.hub import Hub


async def git(hub: Hub, access: Access, root: Path, request: web.Request) -> web.Response:
    """Serve git's smart HTTP; the token is the password of basic authentication."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    login = access.login(scheme, token) if token else None
    if login is None:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
    before = hub.git.refs("refs/heads/")
    response = await _backend(root, request, login)
    hub.pushed(before, by=login)
    return response


async def _backend(root: Path, request: web.Request, login: str) -> web.Response:
    body = await request.read()
    environment = {
        **os.environ, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": login,
        "PATH_INFO": f"/repository.git/{request.match_info['rest']}", "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method, "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)), "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }  # fmt: skip
    if request.headers.get("Content-Encoding") == "gzip":
        environment["HTTP_CONTENT_ENCODING"] = "gzip"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("git", "http-backend", env=environment, stdin=pipe, stdout=pipe)
    answer, _ = await process.communicate(body)
    head, _, content = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    return web.Response(status=int(headers.pop("Status", "200").split()[0]), body=content, headers=headers)
