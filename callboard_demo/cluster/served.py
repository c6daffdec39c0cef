"""Which version a pod reports, by its server's own protocol: Callboard's `/model`, or the Open Inference Protocol.

For the page only; Callboard asks the pods itself.
"""

from typing import Any

import aiohttp

from bot.domain.json import Json


def port(pod: Json) -> int | None:
    """Return the first port that a pod declares."""
    ports = [p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
    return ports[0] if ports else None


async def version(session: aiohttp.ClientSession, pod: Json) -> int | None:
    """Return the version that a pod reports; None if it reports none."""
    number = port(pod)
    if number is None:
        return None
    url = f"http://{pod['status']['podIP']}:{number}"
    try:
        reply = await _json(session, "GET", f"{url}/model") or await _json(
            session, "POST", f"{url}/v2/repository/index"
        )
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    models = reply if isinstance(reply, list) else [reply]
    found = next((str(model["version"]) for model in models if isinstance(model, dict) and "version" in model), "")
    return int(found) if found.isdigit() else None


async def _json(session: aiohttp.ClientSession, method: str, url: str) -> Any:
    """Return a JSON answer; None for an error status."""
    async with session.request(method, url, json=None if method == "GET" else {}) as answer:
        return await answer.json(content_type=None) if answer.ok else None
