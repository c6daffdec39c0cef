"""app.yaml and the environment, read once at start and checked whole."""
