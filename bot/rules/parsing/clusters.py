"""What a cluster's name in app.yaml means: a context of the bot's own kubeconfig, or a kubeconfig of its own.

Contexts may contain slashes: `aws eks update-kubeconfig` and `oc login` make such names.  So only what begins like a
path is one.  Neither may contain spaces.
"""

import re
from dataclasses import dataclass
from typing import Final

CLUSTER: Final = re.compile(r"(?!(?:~|\.{1,2})?/|#)\S{1,500}|(?:~|\.{1,2})?/[^\s#]{0,500}[^\s#/](?:#[^\s#]{1,500})?")
"""`context`, `/path`, `~/path`, `./path`, `../path` or `/path#context`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which kubeconfig leads to a cluster, and which of its contexts."""

    kubeconfig: str | None = None
    """None: the bot's own."""
    context: str | None = None
    """None: its current one."""


def access_of(cluster: str | None) -> Access:
    """Return how to reach a cluster; None is the bot's own."""
    if cluster is None or not cluster.startswith(("/", "~/", "./", "../")):
        return Access(context=cluster)
    path, _, context = cluster.partition("#")
    return Access(kubeconfig=path, context=context or None)
