"""Errors of the demo's own parts."""

from bot.domain.errors import UserError


class PartFailed(UserError):
    """A part of the demo did not start, or ended; the text says where its log is."""
