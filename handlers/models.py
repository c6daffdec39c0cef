"""/models [MODEL]: what runs where, from the record."""

from collections import defaultdict
from typing import Final

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.promotion import Release
from bot.domain.registry import Card, ModelVersion
from bot.rules.parsing import commands
from bot.rules.wording import answers
from bot.store.store import Store
from handlers.checks import known_model
from handlers.command import Asked, Command


async def models(asked: Asked, app: App, store: Store) -> Message:
    """Answer with every model's releases, or with one model's versions too."""
    wanted = commands.models(asked.text)
    releases: dict[str, list[Release]] = defaultdict(list)
    for release in await store.releases():
        releases[release.pair.model].append(release)
    if wanted.model is not None:
        return await _one(await known_model(wanted.model, app, store, command="models"), releases, app, store)
    names = [name for name in await store.mirror.aliases() if app.has(name)]
    return answers.models_list([await _row(name, releases, store) for name in names])


async def _row(model: str, releases: dict[str, list[Release]], store: Store) -> answers.ModelRow:
    known = await store.mirror.known_versions(model)
    return answers.ModelRow(model=model, releases=tuple(releases[model]), newest=known[0] if known else None)


async def _one(model: str, releases: dict[str, list[Release]], app: App, store: Store) -> Message:
    known = await store.mirror.known_versions(model)
    detail = answers.ModelDetail(
        model=model,
        stages=app.stages_of(model),
        releases=tuple(releases[model]),
        versions=tuple(Card(what=ModelVersion(model=model, version=number)) for number in known[: answers.VERSIONS]),
        under_way=tuple(it for it in await store.under_way() if it.pair.model == model),
    )
    return answers.models_detail(detail)


COMMAND: Final = Command(name="/models", description="What runs where", usage="[MODEL]", answer=models)
