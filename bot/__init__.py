"""Callboard: release machine-learning models from Slack, through Git."""
