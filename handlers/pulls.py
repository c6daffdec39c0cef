"""GitHub's webhook: a hint that a pull request, its branch or its checks changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot.config.app_yaml import App
from bot.store.store import Store

OF_A_COMMIT: Final = {"status", "check_run", "check_suite", "workflow_run", "workflow_job"}
"""Events of one commit.  A busy repository sends many, and each look costs requests.
https://docs.github.com/en/webhooks/webhook-events-and-payloads"""


async def heard(body: bytes, headers: Mapping[str, str], app: App, store: Store, now: datetime) -> None:
    """Look at the open promotions, or at those whose head it names where the event is one of a commit.

    What it says is not believed: it only chooses where to look, and what it leaves out is looked at in time.
    """
    del app
    of_a_commit = headers.get("X-GitHub-Event") in OF_A_COMMIT
    for it in await store.under_way():
        if not of_a_commit or (it.record.head is not None and it.record.head.encode() in body):
            await store.wake(it.pair, now)
