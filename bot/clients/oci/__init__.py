"""An OCI registry, asked about one image."""
