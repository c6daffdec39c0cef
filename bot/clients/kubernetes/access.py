"""The way to a cluster: address, credentials and connections, from a kubeconfig or from the pod that this runs in.

Not the verbs: those are in `bot.clients.kubernetes.client`.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
import yaml
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from bot.clients.limits import FAILURES, Bounded
from bot.clients.redirects import unfollowed
from bot.domain.errors import Permanent
from bot.rules.wording.redaction import excerpt

PATIENCE: Final = 60.0
"""Seconds for reading credentials: a kubeconfig may start a program, or ask an identity provider."""
BUFFER: Final = 1 << 16
"""Bytes that are read ahead.  The official client's 2 MiB would make a thousand events one step of the event loop."""
Renew: TypeAlias = Callable[[], Awaitable[None]]

KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""Seconds until the first question, between two, and how many: a peer that is gone is known after 50 seconds."""


async def access(kubeconfig: str | None) -> tuple[ApiClient, Renew]:
    """Return a client, and how to read its credentials again: exec plugins' and mounted tokens expire.

    The kubeconfig at that path; else the account of the pod that this runs in; else kubectl's default.

    Raises:
        Permanent: it is not there, or does not parse.
    """
    configuration = type.__call__(Configuration)  # the class itself, when called, copies a process-wide default

    async def renew() -> None:
        await _load(kubeconfig, configuration)

    await renew()
    configuration.connection_pool_maxsize = 0  # no bound: each watch holds a connection, and would starve the lists
    api = ApiClient(configuration)
    configuration.client_session_kwargs = {
        "connector": _connector(api),
        "trace_configs": [unfollowed()],
        "response_class": Bounded,
        "read_bufsize": BUFFER,
    }
    return api, renew


async def _load(kubeconfig: str | None, configuration: Configuration) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            if kubeconfig is None and in_cluster():
                load_incluster_config(configuration)
            else:
                await load_kube_config(kubeconfig, client_configuration=configuration, persist_config=False)
    except (ConfigException, yaml.YAMLError, TypeError, AttributeError, *FAILURES) as error:
        where = kubeconfig or "the default kubeconfig (~/.kube/config)"
        raise Permanent(f"no way to the cluster: {where} cannot be used ({_reason(error)}); set KUBECONFIG") from error


def _reason(error: Exception) -> str:
    """Return what is wrong with a kubeconfig, not in Python's words."""
    match error:
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark(line=line)):
            return f"its line {line + 1} is not YAML"
        case TimeoutError():
            return f"its credentials took longer than {PATIENCE:.0f} seconds"
        case OSError(strerror=str(why)):
            return why
        case TypeError() | AttributeError() | LookupError():
            return "it does not have the form of a kubeconfig"
        case _:
            return excerpt(str(error)) or "it cannot be read"


def in_cluster() -> bool:
    """Say whether this runs in a pod that has an account."""
    return Path(SERVICE_TOKEN_FILENAME).exists()


def _connector(api: ApiClient) -> aiohttp.TCPConnector:
    """Return a connector that finds out when the other side is gone: a watch may be silent for minutes by right."""
    return aiohttp.TCPConnector(limit=0, ssl=api.rest_client.ssl_context, socket_factory=_socket)


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003 - the standard library takes it so
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


async def disconnect(api: ApiClient) -> None:
    """End all connections, those of the connector that we gave it included: it is ours to close."""
    await api.close()
    given = getattr(api.configuration, "client_session_kwargs", None) or {}
    if isinstance(connector := given.get("connector"), aiohttp.BaseConnector):
        await connector.close()
