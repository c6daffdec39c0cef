"""The demo's registry: a real MLflow server behind a proxy."""
