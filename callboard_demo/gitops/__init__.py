"""The GitOps side of the demo: the repository's first commit, and the agent that applies it."""
