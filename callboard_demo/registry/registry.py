"""The demo's registry: a real MLflow server, the proxy in front of it, and the training of new versions.

The page and the tour use the server directly; the bot and the pods reach it through `proxy`, which can fail on demand.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
from aiohttp.typedefs import Middleware

from bot.domain.json import Json
from callboard_demo.children import bind
from callboard_demo.errors import PartFailed
from callboard_demo.registry.page_state import PageState
from callboard_demo.registry.proxy import proxy
from callboard_demo.registry.server import Server, clean
from callboard_demo.training.trainer import Trainer

HOOK = "callboard"
"""The webhook's name."""
EVENTS = (
    {"entity": "MODEL_VERSION", "action": "CREATED"},
    {"entity": "MODEL_VERSION_TAG", "action": "SET"},
    {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
)
API = "/api/2.0/mlflow"


def _silent(_said: str) -> None:
    return


class Registry:
    """An MLflow server with its proxy and trainer; `url` is the server itself, `proxy` is an application to serve."""

    def __init__(self, *, folder: Path, port: int = 0, middlewares: Sequence[Middleware] = ()) -> None:
        port = port or _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.on_change: list[Callable[[], None]] = []
        self._server = Server(folder=folder, port=port)
        self._trainer = Trainer(log=folder / "training.log", environ=clean() | {"MLFLOW_TRACKING_URI": self.url})
        self._page_state = PageState()
        self._http: aiohttp.ClientSession | None = None
        self.proxy = proxy(self.url, middlewares=middlewares, written=self._changed)

    async def start(self) -> None:
        """Start the server and wait until it responds.

        Raises:
            PartFailed: it did not start; the message says why.
        """
        self._http = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=10), raise_for_status=True)
        await self._server.start()

    async def close(self) -> None:
        """Stop the server and the training process."""
        await self._trainer.close()
        await self._server.close()
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def seed(self, progress: Callable[[str], None] = _silent) -> None:
        """Train and register the first versions, unless they exist.

        Raises:
            PartFailed: the training failed; the message names its log.
        """
        await self._trainer.request({"do": "seed"}, progress)
        self._changed()

    async def train(self, model: str, quality: str, progress: Callable[[str], None] = _silent) -> int:
        """Register one more version and return its number: `better`, `worse`, or `broken` (it fails to load).

        Its metrics are logged shortly after the registration, and before this returns.

        Raises:
            PartFailed: the training failed, for example because there is no such model.
        """
        answer = await self._trainer.request({"do": "train", "model": model, "quality": quality}, progress)
        self._changed()
        return int(answer["version"])

    async def word(self, model: str, version: int) -> str:
        """Return the random word in the exception of a broken version.

        Raises:
            PartFailed: the version is not broken.
        """
        run = await self._get("runs/get", run_id=await self._run(model, version))
        words = [str(tag["value"]) for tag in run["run"]["data"]["tags"] if tag["key"] == "demo.word"]
        if not words:
            raise PartFailed(f"{model} v{version} was not trained to be broken")
        return words[0]

    async def input_example(self, model: str) -> bytes:
        """Return a body for /invocations that every version of a model accepts: the input example of the first."""
        query = {"path": "serving_input_example.json", "name": model, "version": "1"}
        async with self._open().get("/model-versions/get-artifact", params=query) as answer:
            return await answer.read()

    async def connect(self, url: str, secret: str) -> None:
        """Create MLflow's webhook to this URL with this secret; repeated calls keep a single webhook."""
        wanted = {"name": HOOK, "url": url, "events": list(EVENTS), "secret": secret, "status": "ACTIVE"}
        found = [hook for hook in (await self._get("webhooks")).get("webhooks", ()) if hook["name"] == HOOK]
        for extra in found[1:]:
            await self._send("DELETE", f"webhooks/{extra['webhook_id']}")
        if found:
            await self._send("PATCH", f"webhooks/{found[0]['webhook_id']}", wanted)
        else:
            await self._send("POST", "webhooks", wanted)

    async def state(self) -> Json:
        """Return `{"models": [{"name", "aliases", "versions": [{"version", "created_at", "metrics", …}]}]}`.

        Raises:
            aiohttp.ClientError: the server does not respond.
        """
        return await self._page_state.read(self._open())

    async def _run(self, model: str, version: int) -> str:
        answer = await self._get("model-versions/get", name=model, version=str(version))
        return str(answer["model_version"]["run_id"])

    async def _get(self, path: str, **query: str) -> Json:
        async with self._open().get(f"{API}/{path}", params=query) as answer:
            said: Json = await answer.json()
            return said

    async def _send(self, method: str, path: str, body: Json | None = None) -> None:
        async with self._open().request(method, f"{API}/{path}", json=body):
            return

    def _open(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the registry is not started")
        return self._http

    def _changed(self) -> None:
        self._page_state.invalidate()
        for changed in self.on_change:
            changed()


def _free_port() -> int:
    with bind(0) as listener:
        return int(listener.getsockname()[1])
