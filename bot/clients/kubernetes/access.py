"""Access to a cluster: address, credentials and connections, from a kubeconfig or from the pod that this runs in.

The calls are in `bot.clients.kubernetes.client`.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
import yaml
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config
from kubernetes.aio.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger, load_kube_config

from bot.clients.limits import FAILURES, Bounded
from bot.clients.redirects import refuse_redirects
from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import cluster as reasons
from bot.rules.wording.redaction import excerpt

PATIENCE: Final = 60.0
"""Seconds for reading credentials: a kubeconfig may start a program or ask an identity provider."""
BUFFER: Final = 1 << 16
"""Bytes that are read ahead.  With the official client's 2 MiB, one step of the event loop might process a thousand
events."""
Renew: TypeAlias = Callable[[], Awaitable[None]]

KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""Seconds until the first probe and between two, and their number: a lost peer is detected after 50 seconds."""


async def access(kubeconfig: str | None, context: str | None = None, *, named: bool = False) -> tuple[ApiClient, Renew]:
    """Return a client, and a function that reads its credentials again: mounted tokens and those of plugins expire.

    The kubeconfig at that path; else the account of the pod that this runs in; else kubectl's default.  `context` is
    one of its contexts; None: the current one.  `named`: app.yaml chose it, for the error.

    Raises:
        Permanent: it does not exist, has no such context, or cannot be parsed.
    """
    configuration = type.__call__(Configuration)  # called the normal way, the class copies a process-wide default

    async def renew() -> None:
        await _load(kubeconfig, context, configuration, named=named)

    await renew()
    configuration.connection_pool_maxsize = 0  # no limit: each watch holds a connection, and would starve the lists
    api = ApiClient(configuration)
    configuration.client_session_kwargs = {
        "connector": _connector(api),
        "trace_configs": [refuse_redirects()],
        "response_class": Bounded,
        "read_bufsize": BUFFER,
        "cookie_jar": aiohttp.DummyCookieJar(),  # a pod that answers through the proxy may try to set some
    }
    return api, renew


async def _load(kubeconfig: str | None, context: str | None, configuration: Configuration, *, named: bool) -> None:
    with _explained(kubeconfig, named=named):
        async with asyncio.timeout(PATIENCE):
            if kubeconfig is None and context is None and in_cluster():
                load_incluster_config(configuration)
            else:
                _find(kubeconfig, context)
                await load_kube_config(
                    kubeconfig, context=context, client_configuration=configuration, persist_config=False
                )


def find(kubeconfig: str | None, context: str | None) -> None:
    """Check that a kubeconfig that app.yaml names exists, and has the context; nothing is connected.

    Raises:
        Permanent: not so.
    """
    with _explained(kubeconfig, named=True):
        _find(kubeconfig, context)


def _find(kubeconfig: str | None, context: str | None) -> None:
    paths = kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
    if not any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path):
        raise Permanent(reasons.KubeconfigMissing())
    if context is not None:
        found = [str(each["name"]) for each in KubeConfigMerger(paths).config["contexts"]]
        if context not in found:
            raise Permanent(reasons.ContextUnknown(context=Name(context), contexts=tuple(map(Name, found))))


@contextmanager
def _explained(kubeconfig: str | None, *, named: bool) -> Iterator[None]:
    """Translate whatever is wrong with a kubeconfig."""
    try:
        yield
    except (ConfigException, yaml.YAMLError, TypeError, AttributeError, Permanent, *FAILURES) as error:
        path = Name(kubeconfig) if kubeconfig else None
        raise Permanent(reasons.KubeconfigUnusable(path=path, cause=_cause(error), named=named)) from error


def _cause(error: Exception) -> Reason:
    """Return what is wrong with a kubeconfig."""
    match error:
        case Permanent(reason=reason):
            return reason
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark(line=line)):
            return reasons.NotYAML(line=line + 1)
        case TimeoutError():
            return reasons.CredentialsSlow(within=timedelta(seconds=PATIENCE))
        case OSError(strerror=str(why)):
            return reasons.KubeconfigUnreadable(said=Said(why))
        case TypeError() | AttributeError() | LookupError():
            return reasons.NotKubeconfig()
        case _:
            return reasons.KubeconfigUnreadable(said=Said(excerpt(str(error))) or None)


def in_cluster() -> bool:
    """Return whether this runs in a pod that has a service account."""
    return Path(SERVICE_TOKEN_FILENAME).exists()


def _connector(api: ApiClient) -> aiohttp.TCPConnector:
    """Return a connector that detects a lost peer: a healthy watch may be silent for minutes."""
    return aiohttp.TCPConnector(limit=0, ssl=api.rest_client.ssl_context, socket_factory=_socket)


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003 - positional in the standard library
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


async def disconnect(api: ApiClient) -> None:
    """Close all connections, including those of our own connector, which the client leaves open."""
    await api.close()
    settings = getattr(api.configuration, "client_session_kwargs", None) or {}
    if isinstance(connector := settings.get("connector"), aiohttp.BaseConnector):
        await connector.close()
