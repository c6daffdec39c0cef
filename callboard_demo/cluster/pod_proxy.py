"""The API server's proxy of pods: a request is passed on to a port of a pod, and its answer is returned as it is.

https://kubernetes.io/docs/reference/kubernetes-api/core/pod-v1/#get-connect-proxy-path

The messages are those of a real server (1.20).  Unlike that, this one connects to loopback addresses, which the pods of
the demo have.  Not here: TLS to the pod, WebSockets, rewritten links, named ports.
"""

from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web

from callboard_demo.cluster import refusals
from callboard_demo.cluster.objects import Objects
from callboard_demo.cluster.resources import PODS, Target

ROUTE: Final = "/api/v1/namespaces/{namespace}/pods/{pod}/proxy{path:(/.*)?}"
TIMEOUT: Final = aiohttp.ClientTimeout(total=45)
"""A real server waits for a slow pod as long."""
_HOP: Final = {"authorization", "connection", "content-length", "host", "transfer-encoding"}
"""Headers that are about this connection; the credentials are for the API server alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The pod and the port that a path names."""

    namespace: str
    pod: str
    port: str

    @property
    def target(self) -> Target:
        """Return the place as an object, for authorization."""
        return Target(resource=PODS, namespace=self.namespace, name=self.pod, subresource="proxy")


def place(request: web.Request) -> Place:
    """Return where a request goes: `POD:PORT`, or `POD` for the first port that it declares."""
    pod, _, port = request.match_info["pod"].partition(":")
    return Place(namespace=request.match_info["namespace"], pod=pod, port=port)


async def forward(request: web.Request, objects: Objects) -> web.Response:
    """Pass a request on.

    Raises:
        Refusal: there is no such pod, or it cannot be connected to.
    """
    where = place(request)
    address = _address(objects, where)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
    headers["X-Forwarded-Uri"] = request.path
    _, _, rest = request.rel_url.raw_path_qs.partition("/proxy")
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False) as session,
            session.request(
                request.method,
                f"http://{address}{rest or '/'}",
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise refusals.Refusal(500, "", f"error trying to reach service: {error}") from error


def _address(objects: Objects, where: Place) -> str:
    pod = objects.get(PODS, where.namespace, where.pod)
    ip = (pod.get("status") or {}).get("podIP")
    if not ip:
        raise refusals.bad_request("address not allowed")
    ports = [each["containerPort"] for c in pod["spec"]["containers"] for each in c.get("ports") or ()]
    port = where.port or str(next(iter(ports), 80))
    return f"{ip}:{port}"
