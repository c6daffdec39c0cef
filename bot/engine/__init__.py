"""One reconcile pass over one target, what schedules it, and what keeps copies of outside systems up to date."""
