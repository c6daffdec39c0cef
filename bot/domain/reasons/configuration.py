"""Why app.yaml does not lead to a target's policy or manifests."""

from bot.domain.reason import Name, Reason, reason


@reason("model_not_configured")
class ModelNotConfigured(Reason):
    """app.yaml has no such model, or has it no longer."""

    model: Name


@reason("stage_not_configured")
class StageNotConfigured(Reason):
    """app.yaml has no such stage for the model, or has it no longer."""

    model: Name
    stage: Name
    stages: tuple[Name, ...]


@reason("name_not_part_of_a_path")
class NotPartOfAPath(Reason):
    """The name of a model or a stage cannot stand in a path."""

    model: Name
    stage: Name


@reason("path_invalid")
class PathInvalid(Reason):
    """The path of the manifests, with the names filled in, leads elsewhere."""

    model: Name
    template: Name
    path: Name
