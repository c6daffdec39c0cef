"""The registry that all stories share."""

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.stories.registry import Models, models_of


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Models]:
    yield await models_of(os.environ["STORY_MLFLOW"])
