"""The model server: finds one version in MLflow's registry, loads it, and serves it with MLflow's own protocol.

It is a program of its own (`python -m callboard_model_server`), told everything by its environment, and imports nothing
else of this project: its image holds `mlflow-skinny` and the model's libraries, and none of the bot's.  It decides
nothing about releases, and it asks the registry only once, when it starts.
"""
