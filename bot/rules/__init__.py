"""Decisions.  Pure: no clock, no network, no settings but what the arguments hold."""
