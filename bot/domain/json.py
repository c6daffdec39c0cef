"""JSON of the outside world."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""An object of the outside world, as its JSON was read."""
