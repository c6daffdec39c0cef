"""Which requests change something, as the systems see them."""

import re
from typing import Final

from aiohttp import web

from callboard_demo.gitops.agent import FORCED

READS: Final = {"GET", "HEAD", "OPTIONS"}
SLACK_READS: Final = re.compile(r"auth\.test|.*\.(info|list|get|getPermalink|history|replies|conversations|members)")
"""Slack's SDK posts reads, too.  A write of a name that is not known here counts as one."""


def by_agent(request: web.Request) -> bool:
    """Say whether it is the GitOps agent's, which is no part of the bot."""
    return request.query.get("fieldManager") == FORCED["fieldManager"]


def is_write(system: str, request: web.Request) -> bool:
    """Say whether a request changes something."""
    method = request.path.rpartition("/")[2]
    return request.method not in READS and not (system == "slack" and SLACK_READS.fullmatch(method))
