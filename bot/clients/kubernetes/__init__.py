"""Kubernetes, read as raw JSON over the official client."""
