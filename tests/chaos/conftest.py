"""The registry that all chaos shares."""

import pytest_asyncio

from tests.registry import MLflowServer
from tests.stories.registry import Models, models_of


@pytest_asyncio.fixture
async def registry(mlflow_server: MLflowServer) -> Models:
    """Return the real MLflow."""
    return await models_of(mlflow_server.url)
