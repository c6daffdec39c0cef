"""Every test of this folder may ask for an open record."""

from tests.fixtures.records import store

__all__ = ["store"]
