"""Every test of this folder may ask for a door behind which a promotion is under way."""

from tests.fixtures.inbound_world import door

__all__ = ["door"]
