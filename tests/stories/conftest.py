"""The registry that all stories share."""

from tests.stories.registry import registry

__all__ = ["registry"]
