"""The official Kubernetes client as the tests of the cluster's API use it: every answer is raw JSON."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.exceptions import ApiException

from bot.clients.kubernetes.access import access, disconnect
from bot.domain.json import Json
from tests.contract.control_plane import ControlPlane

Query = Sequence[tuple[str, str]]


class Client:
    """The official client in one namespace of a cluster; every answer is raw JSON."""

    def __init__(self, api: ApiClient, plane: ControlPlane) -> None:
        self.api, self.path = api, plane.path

    async def open(self, verb: str, path: str, query: Query = (), body: Any = None, **more: Any) -> Any:
        """Return the open answer to a request.

        Raises:
            ApiException: the server said no; its body is the Status object.
        """
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = more.get("kind", "application/json")
        call = await self.api.param_serialize(
            verb, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=more.get("silence", 20))
        answer = (await self.api.call_api(*call, _request_timeout=timeout)).response
        if answer.status >= 300:
            raise ApiException(status=answer.status, reason=answer.reason, body=await answer.text())
        return answer

    async def ask(self, verb: str, path: str, body: Any = None, query: Query = (), **more: Any) -> Json:
        """Return what the server answers."""
        answer = await self.open(verb, path, query, body, **more)
        found: Json = await answer.json(content_type=None)
        return found

    async def names(self, plural: str, *query: tuple[str, str]) -> list[str]:
        """Return the names of a list."""
        return [item["metadata"]["name"] for item in (await self.ask("GET", self.path(plural), query=query))["items"]]

    async def watch(self, plural: str, revision: str, *query: tuple[str, str], **more: Any) -> AsyncGenerator[Json]:
        """Give the events of a watch until the server ends it."""
        asked = [("watch", "true"), ("resourceVersion", revision), *query]
        answer = await self.open("GET", self.path(plural), asked, **more)
        try:
            async for line in answer.content:
                yield json.loads(line)
        finally:
            hang_up(answer)

    async def settings(self, name: str, colour: str = "red", **labels: str) -> Json:
        """Make a ConfigMap."""
        body = {"metadata": {"name": name, "labels": labels}, "data": {"colour": colour}}
        return await self.ask("POST", self.path("configmaps"), body)


def hang_up(answer: aiohttp.ClientResponse) -> None:
    """Drop the connection of an answer that is not read to its end: over TLS, a polite goodbye outlasts the test."""
    if answer.connection is not None and answer.connection.transport is not None:
        answer.connection.transport.abort()
    answer.close()


@asynccontextmanager
async def connected(plane: ControlPlane) -> AsyncIterator[Client]:
    """Give the client at a cluster."""
    api, _ = await access(str(plane.kubeconfig))
    yield Client(api, plane)
    await disconnect(api)


def said(error: pytest.ExceptionInfo[ApiException]) -> Json:
    """Return the Status object of a refusal."""
    found: Json = json.loads(error.value.body)
    assert (found["kind"], found["status"], found["code"]) == ("Status", "Failure", error.value.status)
    return found
