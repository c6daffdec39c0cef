"""/models [MODEL]: what runs where, from the database."""

from collections import defaultdict
from typing import Final

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.promotion import Release
from bot.domain.registry import ModelVersion, VersionDetails
from bot.rules.parsing import commands
from bot.rules.wording import answers
from bot.store.store import Store
from handlers.checks import known_model
from handlers.command import Asked, Command


async def models(asked: Asked, config: Config, store: Store) -> Message:
    """Answer with every model's releases, or with one model's versions too."""
    wanted = commands.models(asked.text)
    releases: dict[str, list[Release]] = defaultdict(list)
    for release in await store.releases():
        releases[release.target.model].append(release)
    if wanted.model is not None:
        return await _one(await known_model(wanted.model, config, store, command=COMMAND.name), releases, config, store)
    names = [name for name in await store.mirror.aliases() if config.has(name)]
    return answers.models_list([await _row(name, releases, store) for name in names])


async def _row(model: str, releases: dict[str, list[Release]], store: Store) -> answers.ModelRow:
    known = await store.mirror.known_versions(model)
    return answers.ModelRow(model=model, releases=tuple(releases[model]), newest=known[0] if known else None)


async def _one(model: str, releases: dict[str, list[Release]], config: Config, store: Store) -> Message:
    known = await store.mirror.known_versions(model)
    detail = answers.ModelDetail(
        model=model,
        stages=config.stages_of(model),
        releases=tuple(releases[model]),
        versions=tuple(
            VersionDetails(what=ModelVersion(model=model, version=number)) for number in known[: answers.VERSIONS]
        ),
        under_way=tuple(promotion for promotion in await store.under_way() if promotion.target.model == model),
    )
    return answers.models_detail(detail)


COMMAND: Final = Command(syntax=commands.MODELS, description="What runs where", answer=models)
