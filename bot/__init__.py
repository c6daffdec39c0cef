"""Callboard: release machine-learning models from Slack, through Git."""

__version__ = "0.1.0"
