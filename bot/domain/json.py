"""JSON of other systems."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object of another system, as it was read."""
