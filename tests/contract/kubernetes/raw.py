"""The official client, used as the bot uses it: `kubernetes.aio`'s ApiClient and raw JSON."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException

Json = dict[str, Any]
JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@asynccontextmanager
async def client(url: str, token: str) -> AsyncIterator["Raw"]:
    """Give a client of an API server; any certificate will do."""
    configuration = Configuration(host=url, verify_ssl=False, retries=0)
    configuration.api_key = {"BearerToken": f"Bearer {token}"}
    async with ApiClient(configuration) as api:
        yield Raw(api)


class Raw:
    """Requests and their JSON; an answer of 300 and more is an ApiException."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    async def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        kind: str = JSON,
        read_seconds: float = 30,
    ) -> aiohttp.ClientResponse:
        """Return the response, its body unread."""
        headers = {"Accept": JSON, "Content-Type": kind}
        call = await self.api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=read_seconds)
        answer: aiohttp.ClientResponse = (await self.api.call_api(*call, _request_timeout=timeout)).response
        if answer.status >= 300:
            raise ApiException(status=answer.status, reason=answer.reason, body=await answer.text())
        return answer

    async def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, **more: Any) -> Json:
        """Return the answer's JSON."""
        async with await self.open(method, path, query, **more) as answer:
            value: Json = await answer.json(content_type=None)
            return value

    async def get(self, path: str, **query: str) -> Json:
        return await self.ask("GET", path, query)

    async def post(self, path: str, body: Json) -> Json:
        return await self.ask("POST", path, body=body)

    async def patch(self, path: str, body: Any, kind: str = MERGE, **query: str) -> Json:
        return await self.ask("PATCH", path, query, body=body, kind=kind)

    async def delete(self, path: str, **query: str) -> Json:
        return await self.ask("DELETE", path, query)

    async def text(self, path: str, **query: str) -> str:
        async with await self.open("GET", path, query) as answer:
            return await answer.text()

    async def watch(self, path: str, revision: str = "", seconds: int = 30, **query: str) -> AsyncGenerator[Json, None]:
        """Give the events of one watch until the server ends it."""
        all_of_it = {"watch": "true", "timeoutSeconds": str(seconds), **query}
        if revision:
            all_of_it["resourceVersion"] = revision
        rest = b""
        async with await self.open("GET", path, all_of_it, read_seconds=seconds + 15) as answer:
            try:
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(None, lines):
                        yield json.loads(line)
            finally:
                if answer.connection is not None and answer.connection.transport is not None:
                    answer.connection.transport.abort()  # over TLS, a polite goodbye would outlast the session


def status_of(error: ApiException) -> Json:
    """Return the `Status` body of a refusal."""
    value: Json = json.loads(error.body)
    return value
