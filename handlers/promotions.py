"""/promotions [ID | cancel ID]: what is under way, the story of one, or take one back."""

from typing import Final

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import UNMERGED, Promotion
from bot.rules.parsing import commands
from bot.rules.wording import answers, refusals
from bot.store.store import Store
from handlers.checks import allowed
from handlers.command import Asked, Command


async def promotions(asked: Asked, app: App, store: Store) -> Message:
    """Answer from the record."""
    wanted = commands.promotions(asked.text)
    if wanted.id is None:
        return answers.promotions_list(await store.promotions(limit=15))
    it = await store.promotion(wanted.id)
    if it is None:
        raise Misunderstood(refusals.unknown_promotion(wanted.id, [one.id for one in await store.under_way()]))
    if wanted.cancel:
        return await _cancel(it, asked, app, store)
    transitions, facts = await store.story(it.id)
    return answers.promotion_story(it, transitions, facts)


async def _cancel(it: Promotion, asked: Asked, app: App, store: Store) -> Message:
    """Take a promotion back, as long as its change is not merged.  Who asked for it may, and approvers."""
    if not it.state.open:
        raise Misunderstood(refusals.over_already(it))
    if it.state not in UNMERGED:
        raise Misunderstood(refusals.merged_already(it))
    await allowed(asked, f"cancel promotion {it.id}", _may_cancel(it, app), store)
    await store.cancel(it.id, asked.by, at=asked.at, key=asked.key)
    return Message(text=f"Promotion {it.id} is being cancelled: its pull request will be closed.")


def _may_cancel(it: Promotion, app: App) -> tuple[str, ...]:
    if it.pair.stage not in app.stages_of(it.pair.model):  # app.yaml names it no longer
        return (it.requested_by,)
    approvers = app.policy(it.pair).approvers
    return (it.requested_by, *approvers) if approvers else ()


COMMAND: Final = Command(
    name="/promotions",
    description="What is under way, or the story of one promotion",
    usage="[ID | cancel ID]",
    answer=promotions,
)
