"""The doors to the world: one outside system per file, a handful of verbs each, every verb safe to repeat."""
