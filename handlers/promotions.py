"""/promotions [ID | cancel ID]: what is under way, the history of one, or cancel one."""

from typing import Final

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import UNMERGED, Kind, Promotion, Request
from bot.domain.reasons.requests import Cancelling, ToCancel
from bot.rules.parsing import commands
from bot.rules.release import refusals
from bot.rules.release.takeover import WAITING
from bot.rules.wording import answers
from bot.rules.wording.reasons import reply
from bot.store.store import Store
from handlers.checks import allowed, record
from handlers.command import Asked, Command


async def promotions(asked: Asked, config: Config, store: Store) -> Message:
    """Answer from the database."""
    wanted = commands.promotions(asked.text)
    if wanted.id is None:
        return answers.promotions_list(await store.promotions(limit=15))
    promotion = await store.promotion(wanted.id)
    if promotion is None:
        raise Misunderstood(refusals.unknown_promotion(wanted.id, [one.id for one in await store.under_way()]))
    if wanted.cancel:
        return await _cancel(promotion, asked, config, store)
    transitions, facts = await store.story(promotion.id)
    return answers.promotion_story(promotion, transitions, facts)


async def _cancel(promotion: Promotion, asked: Asked, config: Config, store: Store) -> Message:
    """Cancel a promotion; once its change is merged, and nothing rolls out, by reverting that.

    Its requester and approvers may.
    """
    if not promotion.state.open:
        raise Misunderstood(refusals.already_over(promotion))
    if promotion.state not in UNMERGED | WAITING:
        raise Misunderstood(refusals.already_merged(promotion))
    await allowed(asked, ToCancel(number=promotion.id), _may_cancel(promotion, config), store)
    if promotion.state in WAITING:
        return await _revert(promotion, asked, config, store)
    await store.cancel(promotion.id, asked.by, at=asked.at, key=asked.key)
    return Message(text=reply(Cancelling(number=promotion.id)))


async def _revert(promotion: Promotion, asked: Asked, config: Config, store: Store) -> Message:
    release = await store.release(promotion.target)
    if release is None or release.version == promotion.version:
        raise Misunderstood(refusals.no_earlier_release(promotion.target, release))
    back = Request(target=promotion.target, kind=Kind.ROLLBACK, version=release.version, by=asked.by, at=asked.at)
    return await record(back, asked, config, store)


def _may_cancel(promotion: Promotion, config: Config) -> tuple[str, ...]:
    if promotion.target.stage not in config.stages_of(promotion.target.model):  # removed from app.yaml since
        return (promotion.requested_by,)
    approvers = config.policy(promotion.target).approvers
    return (promotion.requested_by, *approvers) if approvers else ()


COMMAND: Final = Command(
    syntax=commands.PROMOTIONS,
    description="What is under way, or the history of one promotion",
    answer=promotions,
)
