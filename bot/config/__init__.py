"""app.yaml and the environment, read and validated once at the start."""
