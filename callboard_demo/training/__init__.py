"""Training and registration of the demo's models, in a separate process."""
