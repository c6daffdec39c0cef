"""Clients for outside systems: one package each, a few methods, all safe to repeat."""
