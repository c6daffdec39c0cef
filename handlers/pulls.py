"""GitHub's webhook: a hint that a pull request, its branch or its checks changed."""

from collections.abc import Mapping
from datetime import datetime

from bot.config import App
from bot.store import Store


async def heard(body: bytes, headers: Mapping[str, str], app: App, store: Store, now: datetime) -> None:
    """Look at every open promotion: they are few, and what the event says is not believed anyway."""
    del body, headers, app
    for it in await store.under_way():
        await store.wake(it.pair, now)
