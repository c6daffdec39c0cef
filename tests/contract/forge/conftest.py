"""Every test of this folder may ask for a forge that is served."""

from tests.fixtures.forge_world import served

__all__ = ["served"]
