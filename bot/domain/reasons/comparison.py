"""What differs between two versions of a model."""

from bot.domain.reason import Name, Reason, Said, reason


@reason("no_signature")
class NoSignature(Reason):
    """A version was logged without a signature."""

    version: int


@reason("no_output_signature")
class NoOutputSignature(Reason):
    """A version's signature does not name its outputs."""

    version: int


@reason("input_added")
class InputAdded(Reason):
    """The candidate reads an input that the live version does not."""

    name: Name
    type: Said
    required: bool


@reason("input_dropped")
class InputDropped(Reason):
    """The candidate does not read an input that the live version reads."""

    name: Name


@reason("input_type_changed")
class InputTypeChanged(Reason):
    """An input's type changed; `wider`: it takes every value of the old type."""

    name: Name
    was: Said
    now: Said
    wider: bool


@reason("input_need_changed")
class InputNeedChanged(Reason):
    """An input became required, or optional."""

    name: Name
    required: bool


@reason("output_added")
class OutputAdded(Reason):
    """The candidate returns an output that the live version does not."""

    name: Name
    type: Said


@reason("output_type_changed")
class OutputTypeChanged(Reason):
    """An output's type changed."""

    name: Name
    was: Said
    now: Said


@reason("output_need_changed")
class OutputNeedChanged(Reason):
    """An output changed between always and sometimes present."""

    name: Name


@reason("output_dropped")
class OutputDropped(Reason):
    """The candidate does not return an output that the live version returns."""

    name: Name


@reason("outputs_reordered")
class OutputsReordered(Reason):
    """The outputs are the same, in another order."""


@reason("dependency_added")
class DependencyAdded(Reason):
    """The candidate needs a package that the live version does not; `now` is its version, or empty."""

    name: Name
    now: Said


@reason("dependency_dropped")
class DependencyDropped(Reason):
    """The candidate does not need a package any more."""

    name: Name
    was: Said


@reason("dependency_changed")
class DependencyChanged(Reason):
    """The candidate needs another version of a package; empty: any."""

    name: Name
    was: Said
    now: Said
