"""How a rollout is going, judged from raw objects: health, workload kinds, causes of trouble."""
