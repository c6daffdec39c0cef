"""The registry that all stories share."""

import pytest_asyncio

from tests.fixtures.registry import MLflowServer
from tests.stories.registry import Models, models_of


@pytest_asyncio.fixture
async def registry(mlflow_server: MLflowServer) -> Models:
    """Return the real MLflow, for stories."""
    return await models_of(mlflow_server.url)
