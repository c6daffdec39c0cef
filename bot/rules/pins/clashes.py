"""Whether a target's pin is its own: no other target may change the same place, or the same workload elsewhere."""

from collections.abc import Callable, Iterable, Mapping

from bot.domain.reason import Name, Reason
from bot.domain.reasons.places import PinOfOtherStage, SharedPin, SharedWorkload, TwoClusters
from bot.domain.target import Place, Target
from bot.rules.pins import Found
from bot.rules.pins.roots import parent


def pin_clash(target: Target, found: Found, readers: Iterable[Target]) -> Reason | None:
    """Return why the pin cannot be the target's own; `readers` are all targets whose manifests include its file.

    A place that names no model belongs to a single one.  Several stages of that model may have it in common: then
    MODEL_STAGE itself moves.  If only one has it, it must pin that stage.
    """
    others = [each for each in readers if each != target]
    stages = [each for each in others if each.model == target.model]
    file, line, stage = Name(found.path), found.line, found.pin.stage
    if found.model is None:
        for other in others:
            if other.model != target.model:
                model, taken = Name(target.model), Name(other.model)
                return SharedPin(file=file, line=line, model=model, other=taken, stage=Name(other.stage))
    if not stages and stage != target.stage:
        return PinOfOtherStage(file=file, line=line, pinned=Name(stage), stage=Name(target.stage))
    return None


def workload_clash(
    target: Target,
    found: Found,
    place: Place,
    others: Mapping[Target, Place],
    reads: Callable[[Target, str], bool] = lambda _target, _path: True,
) -> Reason | None:
    """Return why the workload cannot be the target's own: a pin in another folder is for the same one.

    The same names in another cluster are another workload.  In one folder, several patches may be for the containers of
    one workload.  `reads` tells whether a target still has a file among its manifests; places may be older than
    app.yaml.
    """
    if (split := _split(target, found, place, others, reads)) is not None:
        return split
    if place.workload is None:
        return None
    folders = {parent(path) for path in place.paths}
    alike = sorted(each for each, there in others.items() if each != target and _same(place, there))
    for other in alike:
        there = others[other]
        if folders.isdisjoint(parent(path) for path in there.paths) and reads(other, there.paths[0]):
            return SharedWorkload(
                file=Name(found.path),
                line=found.line,
                workload=Name(f"{place.namespace}/{place.workload}"),
                other=Name(other.model),
                stage=Name(other.stage),
                path=Name(there.paths[0]),
            )
    return None


def _split(
    target: Target, found: Found, place: Place, others: Mapping[Target, Place], reads: Callable[[Target, str], bool]
) -> Reason | None:
    """Return that another stage of the model has the same pin, and app.yaml puts it in another cluster."""
    for other in sorted(each for each in others if each.model == target.model and each != target):
        there = others[other]
        if there.paths == place.paths and there.cluster != place.cluster and reads(other, found.path):
            mine, its = (Name(name) if name is not None else None for name in (place.cluster, there.cluster))
            at, stage = Name(found.path), Name(other.stage)
            return TwoClusters(file=at, line=found.line, cluster=mine, stage=stage, other=its)
    return None


def _same(one: Place, other: Place) -> bool:
    kinds = {one.kind, other.kind} - {None}
    places = [(each.cluster, each.namespace, each.workload) for each in (one, other)]
    return places[0] == places[1] and len(kinds) <= 1
