"""/promotions [ID | cancel ID]: what is under way, the story of one, or take one back."""

from bot.config import App
from bot.domain import Message
from bot.errors import Misunderstood
from bot.promotion import Promotion, State
from bot.rules import answers, commands, refusals
from bot.store import Store
from handlers.asked import Asked


async def promotions(asked: Asked, app: App, store: Store) -> Message:
    """Answer from the record."""
    del app
    wanted = commands.promotions(asked.text)
    if wanted.id is None:
        return answers.promotions_list(await store.promotions(limit=15))
    it = await store.promotion(wanted.id)
    if it is None:
        raise Misunderstood(refusals.unknown_promotion(wanted.id, [one.id for one in await store.under_way()]))
    if wanted.cancel:
        return await _cancel(it, asked, store)
    transitions, facts = await store.story(it.id)
    return answers.promotion_story(it, transitions, facts)


async def _cancel(it: Promotion, asked: Asked, store: Store) -> Message:
    """Take a promotion back, as long as its change is not merged.  Only who asked for it may; others veto."""
    if not it.state.open:
        raise Misunderstood(refusals.over_already(it))
    if it.state not in {State.CHECKING, State.PROPOSED}:
        raise Misunderstood(refusals.merged_already(it))
    if asked.by != it.requested_by:
        raise Misunderstood("Only the person who asked for it takes it back; an approver may stop it with ❌.")
    await store.cancel(it.id, asked.by, at=asked.at, key=asked.key)
    return Message(text=f"Promotion {it.id} is being cancelled: its pull request will be closed.")
