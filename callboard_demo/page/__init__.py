"""The demo's live page, and the small JSON API behind it (docs/demo.md)."""

from callboard_demo.page.app import Page

__all__ = ["Page"]
