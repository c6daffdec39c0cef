"""The model server: resolve one version in MLflow's registry, load it, and serve it with MLflow's own protocol.

It is a separate program (`python -m callboard_model_server`), configured only by its environment, and imports nothing
else from this project: its image has `mlflow-skinny` and the model's libraries, but none of the bot's.  It makes no
decisions about releases, and queries the registry only once, at its start.
"""
