"""Slack, over its Web API and Socket Mode."""
