"""/freeze [STAGE [until …|for …|off] ["reason"]]: stop new releases to a stage, or list what is frozen."""

from typing import Final

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.policy import Freeze
from bot.domain.reason import Name
from bot.domain.reasons.requests import AlreadyReceived, ToFreeze
from bot.rules.parsing import commands
from bot.rules.release import freezes, refusals
from bot.rules.wording import answers
from bot.rules.wording.reasons import reply
from bot.store.store import Store
from handlers.checks import allowed
from handlers.command import Asked, Command


async def freeze(asked: Asked, config: Config, store: Store) -> Message:
    """Freeze a stage or lift the freeze, in public; or answer with what is frozen."""
    wanted = commands.freeze(asked.text, asked.at)
    if wanted.stage is None:
        return answers.freezes_list(await _in_force(asked, config, store))
    stage = _known_stage(wanted.stage, config)
    policy = config.policies[stage]
    await allowed(asked, ToFreeze(stage=Name(stage)), policy.may_freeze or policy.approvers, store)
    if wanted.off:
        return await _thaw(stage, asked, config, store)
    order = Freeze(stage=stage, until=wanted.until, reason=wanted.reason, by=asked.by)
    if not await store.freezes.freeze(order, at=asked.at, key=asked.key):
        return Message(text=reply(AlreadyReceived()))
    return answers.frozen(order)


async def _thaw(stage: str, asked: Asked, config: Config, store: Store) -> Message:
    ordered = await store.freezes.of_stage(stage)
    window = freezes.in_force(None, config.policies[stage], stage, asked.at)
    if ordered is None or freezes.over(ordered, asked.at):
        raise Misunderstood(refusals.not_frozen(stage, window))
    if not await store.freezes.thaw(stage, asked.by, at=asked.at, key=asked.key):
        return Message(text=reply(AlreadyReceived()))
    return answers.thawed(stage, asked.by, window)


async def _in_force(asked: Asked, config: Config, store: Store) -> list[tuple[str, Freeze | None]]:
    """Return the freeze of each stage, and of models with windows of their own."""
    orders = {order.stage: order for order in await store.freezes.all()}
    found: list[tuple[str, Freeze | None]] = []
    for stage, policy in config.policies.items():
        usual = freezes.in_force(orders.get(stage), policy, stage, asked.at)
        of_models = {
            f"{stage} of {rules.pattern}": freezes.in_force(orders.get(stage), rules.stages[stage], stage, asked.at)
            for rules in config.rules
            if stage in rules.stages
        }
        found += [(stage, usual)] if usual is not None else []
        found += [(what, own) for what, own in of_models.items() if own != usual]
    return found


def _known_stage(word: str, config: Config) -> str:
    if word not in config.policies:
        raise Misunderstood(refusals.unknown_stage_to_freeze(word, config.stages))
    return word


COMMAND: Final = Command(
    syntax=commands.FREEZE,
    description="Stop new releases to a stage, or see what is frozen",
    answer=freeze,
)
