"""MLflow, over its REST API."""
