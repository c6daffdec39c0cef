"""Why a release counts as verified, and why an answer says nothing about its version."""

from bot.domain.reason import Name, Reason, reason

# ── released ──────────────────────────────────────────────────────────────────────────────────────────


@reason("verified_by_rollout")
class VerifiedByRollout(Reason):
    """The pods do not say which version they serve, and their rollout was healthy."""


@reason("rollout_is_enough")
class RolloutIsEnough(Reason):
    """The policy asks for a healthy rollout and nothing else."""


@reason("verified_by_open_inference")
class VerifiedByOpenInference(Reason):
    """Every new pod names the version by the Open Inference Protocol."""

    version: int


@reason("verified_by_field")
class VerifiedByField(Reason):
    """Every new pod's answer holds the expected value."""

    path: Name
    version: int


@reason("verified_by_kserve")
class VerifiedByKServe(Reason):
    """KServe reports that the new model is loaded."""


@reason("verified_by_image")
class VerifiedByImage(Reason):
    """Every new pod runs the expected image."""

    version: int


# ── not yet, or not at all ────────────────────────────────────────────────────────────────────────────


@reason("answers_other")
class AnswersOther(Reason):
    """A pod's answer names something else than the version that is being released."""

    pod: Name
    found: Name
    version: int


@reason("names_other")
class NamesOther(Reason):
    """The same of a server whose versions need not be the registry's."""

    found: Name


@reason("answer_without_version")
class AnswerWithoutVersion(Reason):
    """The server names no version, or has no such path."""

    path: Name
    status: int


@reason("also_serves")
class AlsoServes(Reason):
    """The server has a higher version loaded too, which requests without a version get."""

    version: Name


@reason("no_such_field")
class NoSuchField(Reason):
    """The answer does not have the field."""

    path: Name
    field: Name


@reason("value_unknown")
class ValueUnknown(Reason):
    """A placeholder of `verify` has no value for this version."""

    placeholder: Name


@reason("no_such_port")
class NoSuchPort(Reason):
    """The pod declares no port with the name that `verify` uses."""

    port: Name


@reason("image_unknown")
class ImageUnknown(Reason):
    """The cluster does not tell a tag or a digest that can be compared."""

    image: Name


@reason("model_not_loaded")
class ModelNotLoaded(Reason):
    """KServe does not report that the new model is loaded."""

    transition: Name
    state: Name


@reason("no_model_status")
class NoModelStatus(Reason):
    """The workload has no `modelStatus`."""
