"""Judge from raw objects how a rollout is going: health, workload kinds, and what is wrong with pods."""
