"""A read-only client for one image in an OCI registry."""
