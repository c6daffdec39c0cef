"""GitHub, over PyGithub's requester."""
