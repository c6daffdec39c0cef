"""GitHub's webhook: a wake-up, because a pull request, its branch or its checks changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot.config.app_yaml import Config
from bot.store.store import Store

OF_A_COMMIT: Final = {"status", "check_run", "check_suite", "workflow_run", "workflow_job"}
"""Events of one commit.  A busy repository sends many, and each pass costs requests.
https://docs.github.com/en/webhooks/webhook-events-and-payloads"""


async def heard(body: bytes, headers: Mapping[str, str], config: Config, store: Store, now: datetime) -> None:
    """Wake the targets of open promotions; if the event is about a commit, only those whose head it names.

    The event is not trusted: it only chooses whom to wake, and the others are reconciled in time.
    """
    del config
    of_a_commit = headers.get("X-GitHub-Event") in OF_A_COMMIT
    for promotion in await store.under_way():
        pull = promotion.status.pull
        if not of_a_commit or (pull is not None and pull.head is not None and pull.head.encode() in body):
            await store.wake(promotion.target, now)
