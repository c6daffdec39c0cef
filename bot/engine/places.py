"""Where a target's pin is and takes effect, and whether it is the target's own: what every change must answer first."""

from collections.abc import Mapping

from bot.config.app_yaml import Config
from bot.domain.errors import Permanent
from bot.domain.promotion import Kind, Promotion
from bot.domain.target import Place, Target
from bot.rules import pins
from bot.rules.pins.clashes import pin_clash, workload_clash
from bot.rules.pins.place import locate


def find_place(files: Mapping[str, str], target: Target, config: Config) -> Place:
    """Return where a target's pin is in these files, and where it takes effect.

    Raises:
        Permanent: nowhere, or in more than one place; or the bot would not see it take effect.
    """
    return locate(files, target, config.policy(target), config.repository_of(target.model)).place


def followed_anyhow(promotion: Promotion) -> bool:
    """Return whether a change is made even if the bot may not see it take effect.

    So are rollbacks, because going back is always possible, and promotions that release 0.1.0 proposed.
    """
    place = promotion.status.place
    return promotion.kind is Kind.ROLLBACK or (place is not None and place.namespace is None)


def check_owner(
    target: Target, place: Place, files: Mapping[str, str], places: Mapping[Target, Place], config: Config
) -> None:
    """Check that a pin is the target's own; `places` are those of all targets.

    Raises:
        Permanent: a change would be one of another target, too.
    """
    found = pins.find({path: files[path] for path in place.paths}, target.model)
    own = (Target(model=target.model, stage=stage) for stage in config.stages_of(target.model))
    known = (*own, *(each for each, there in places.items() if found.path in there.paths))
    readers = {*config.readers(found.path), *(each for each in known if config.reads(each, found.path))}
    clash = pin_clash(target, found, sorted(readers)) or workload_clash(target, found, place, places, config.reads)
    if clash is not None:
        raise Permanent(clash)
