"""What the tests of the watch share: a Deployment that carries a pin, and waiting until something is seen."""

import asyncio
from collections.abc import Callable

from bot.domain import Json

NAME = "iris-production"


async def until(met: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Poll until it is so."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not met():
        assert loop.time() < deadline, f"never came: {what}"
        await asyncio.sleep(0.02)


def manifest(version: str, port: int, *, replicas: int = 2, name: str = NAME, model: str = "iris") -> Json:
    env = {"MODEL_NAME": model, "MODEL_STAGE": "production", "MODEL_VERSION": version}
    server = {
        "name": "server",
        "image": "model-server:1",
        "ports": [{"containerPort": port}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": port}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [server]}},
        },
    }
