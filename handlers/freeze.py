"""/freeze [STAGE [until …|for …|off] ["reason"]]: let nothing new go to a stage, or say what is frozen."""

from typing import Final

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.policy import Freeze
from bot.rules.parsing import commands
from bot.rules.release import freezes
from bot.rules.wording import answers, refusals
from bot.rules.wording.escape import code
from bot.store.store import Store
from handlers.checks import allowed
from handlers.command import Asked, Command


async def freeze(asked: Asked, app: App, store: Store) -> Message:
    """Freeze a stage or end that, aloud; or answer with what is frozen."""
    wanted = commands.freeze(asked.text, asked.at)
    if wanted.stage is None:
        return answers.freezes_list(await _in_force(asked, app, store))
    stage = _known_stage(wanted.stage, app)
    policy = app.policies[stage]
    await allowed(asked, f"freeze {code(stage)}, or end that", policy.may_freeze or policy.approvers, store)
    if wanted.off:
        return await _thaw(stage, asked, app, store)
    order = Freeze(stage=stage, until=wanted.until, reason=wanted.reason, by=asked.by)
    if not await store.freezes.freeze(order, at=asked.at, key=asked.key):
        return Message(text="That request has arrived before.")
    return answers.frozen(order)


async def _thaw(stage: str, asked: Asked, app: App, store: Store) -> Message:
    ordered = await store.freezes.of(stage)
    window = freezes.in_force(None, app.policies[stage], stage, asked.at)
    if ordered is None or freezes.over(ordered, asked.at):
        raise Misunderstood(refusals.not_frozen(stage, window))
    if not await store.freezes.thaw(stage, asked.by, at=asked.at, key=asked.key):
        return Message(text="That request has arrived before.")
    return answers.thawed(stage, asked.by, window)


async def _in_force(asked: Asked, app: App, store: Store) -> list[tuple[str, Freeze | None]]:
    """Return what freezes each stage, and where models have windows of their own, what freezes it for those."""
    orders = {order.stage: order for order in await store.freezes.all()}
    found: list[tuple[str, Freeze | None]] = []
    for stage, policy in app.policies.items():
        usual = freezes.in_force(orders.get(stage), policy, stage, asked.at)
        of_models = {
            f"{stage} of {rules.pattern}": freezes.in_force(orders.get(stage), rules.stages[stage], stage, asked.at)
            for rules in app.rules
            if stage in rules.stages
        }
        found += [(stage, usual)] if usual is not None else []
        found += [(what, own) for what, own in of_models.items() if own != usual]
    return found


def _known_stage(word: str, app: App) -> str:
    if word not in app.policies:
        raise Misunderstood(refusals.unknown_stage_to_freeze(word, app.stages))
    return word


COMMAND: Final = Command(
    name="/freeze",
    description="Stop what is new from going to a stage, or see what is frozen",
    usage='[STAGE [until 2026-12-27|for 3d] ["reason"] | STAGE off]',
    answer=freeze,
)
