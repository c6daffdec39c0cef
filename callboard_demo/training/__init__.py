"""Training and registering the demo's models, in a process of its own."""
