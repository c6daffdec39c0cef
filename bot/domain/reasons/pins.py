"""Why a manifest cannot be read or edited.  Places are a file and a line, as editors count."""

from bot.domain.reason import Name, Reason, Said, reason


class Placed(Reason):
    """A reason with a line of a file.  Each class declares both as its own parameters."""

    __slots__ = ()

    file: Name
    line: int

    @property
    def place(self) -> Name:
        """The file and the line."""
        return Name(f"{self.file}:{self.line}")


@reason("manifest_too_large")
class ManifestTooLarge(Reason):
    """A file is longer than what is parsed."""

    file: Name
    kib: int


@reason("manifest_not_yaml")
class ManifestNotYaml(Placed):
    """The YAML parser refused a file."""

    file: Name
    line: int
    problem: Said


@reason("manifest_has_tabs")
class ManifestHasTabs(Placed):
    """A line is indented with a tab, which YAML forbids."""

    file: Name
    line: int


@reason("manifest_is_template")
class ManifestIsTemplate(Placed):
    """A file is not YAML until something fills it in."""

    file: Name
    line: int


@reason("no_manifest")
class NoManifest(Reason):
    """No file mentions MODEL_STAGE."""

    files: tuple[Name, ...]
    """All that were read."""


@reason("pin_mentioned_only")
class PinMentionedOnly(Placed):
    """MODEL_STAGE is mentioned, but in no form that can be edited."""

    file: Name
    line: int
    expected: tuple[Reason, ...]
    """The forms that can."""


@reason("pin_in_env")
class PinInEnv(Reason):
    """A form of pins: a container's env."""


@reason("pin_in_literals")
class PinInLiterals(Reason):
    """A form of pins: a configMapGenerator."""


@reason("pin_in_data")
class PinInData(Reason):
    """A form of pins: a ConfigMap."""


@reason("pin_in_parameters")
class PinInParameters(Reason):
    """A form of pins: an Argo CD Application."""


@reason("pins_of_other_models")
class PinsOfOtherModels(Reason):
    """Every pin belongs to another model."""

    model: Name
    others: tuple[Reason, ...]
    """A `PinOfModel` each."""


@reason("pin_of_model")
class PinOfModel(Placed):
    """Where the pin of a model is."""

    file: Name
    line: int
    model: Name


@reason("several_pins")
class SeveralPins(Reason):
    """More than one place could be meant."""

    places: tuple[Name, ...]


@reason("not_editable")
class NotEditable(Placed):
    """The place was found, and an edit there would not be safe."""

    file: Name
    line: int
    why: Reason


@reason("pin_used_by_alias")
class UsedByAlias(Reason):
    """A YAML alias uses the node again."""


@reason("pin_key_twice")
class KeyTwice(Reason):
    """A mapping holds a key twice."""

    key: Name


@reason("pin_filled_in")
class FilledIn(Reason):
    """Something replaces a part of the value later."""

    value: Said


@reason("pin_on_several_lines")
class OnSeveralLines(Reason):
    """An environment holds a name several times."""

    name: Name
    lines: tuple[int, ...]


@reason("pin_value_from")
class ValueFrom(Reason):
    """The value is a reference."""

    name: Name


@reason("pin_no_value")
class NoPlainValue(Reason):
    """An item of a list of names and values has no `value`, or one that is a list or a mapping."""

    name: Name


@reason("pin_not_a_string")
class NotAString(Reason):
    """A key of a mapping has a list or a mapping as its value; there is no key `value`, as for `NoPlainValue`."""

    name: Name


@reason("pin_not_a_literal")
class NotALiteral(Reason):
    """A literal of a configMapGenerator is a mapping: it has a colon where kustomize wants `=`."""

    name: Name


@reason("pin_value_is_block")
class ValueIsBlock(Reason):
    """The value is a scalar, unlike for the three reasons above, but its text is on lines of its own (`|` or `>`)."""


@reason("pin_paths_differ")
class PathsDiffer(Reason):
    """The Helm parameters of a pin are for different places of the chart's values."""

    stage: Name
    other: Name
    line: int


@reason("pin_in_inline_patch")
class InInlinePatch(Reason):
    """A kustomization holds the pin as text inside text."""


@reason("layout_not_editable")
class LayoutNotEditable(Reason):
    """An edit would change more than the value."""


@reason("pin_without_version")
class PinWithoutVersion(Reason):
    """No version was given to pin."""


@reason("pin_stage_invalid")
class PinStageInvalid(Reason):
    """A stage could not be written as one word."""

    stage: Name


@reason("pin_not_effective")
class PinNotEffective(Reason):
    """The edited manifest would be read as another pin."""

    stage: Name
    version: int


@reason("digest_unknown")
class DigestUnknown(Reason):
    """A manifest pins a digest, and the digest of the wanted version is not known."""

    version: int


@reason("image_nowhere")
class ImageNowhere(Placed):
    """The container that serves the model names no image in any file."""

    file: Name
    line: int
    files: tuple[Name, ...]


@reason("container_nowhere")
class ContainerNowhere(Placed):
    """No container takes the pin from its ConfigMap."""

    file: Name
    line: int
    files: tuple[Name, ...]


@reason("image_shared")
class ImageShared(Reason):
    """Other stages use the file that names the image."""

    file: Name
    shared: Name


@reason("image_used_by_alias")
class ImageUsedByAlias(Reason):
    """A YAML alias uses the image again."""


@reason("image_filled_in")
class ImageFilledIn(Reason):
    """Something replaces a part of the image's name later."""

    value: Said


@reason("image_named_twice")
class ImageNamedTwice(Reason):
    """A kustomization lists an image twice."""

    image: Name


@reason("not_a_kustomization")
class NotAKustomization(Reason):
    """A file holds no YAML mapping."""

    file: Name
