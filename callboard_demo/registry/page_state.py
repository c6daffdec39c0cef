"""The registry's state for the page: two searches when something may have changed, and one request per new version."""

import asyncio
from datetime import UTC, datetime
from time import monotonic

import aiohttp

from bot.domain.json import Json

FRESH = 2.0
"""Seconds before the state is refreshed without a known change: somebody may use MLflow's own UI."""
API = "/api/2.0/mlflow"


class PageState:
    """The registry as last read; runs that already have metrics are not read again."""

    def __init__(self) -> None:
        self._seen: Json = {"models": []}
        self._taken = float("-inf")
        self._runs: dict[str, Json] = {}
        self._one_at_a_time = asyncio.Lock()

    def invalidate(self) -> None:
        """Refresh at the next read."""
        self._taken = float("-inf")

    async def read(self, http: aiohttp.ClientSession) -> Json:
        """Return the state, refreshed if the last one is too old.

        Raises:
            aiohttp.ClientError: the server does not respond.
        """
        async with self._one_at_a_time:
            if monotonic() - self._taken > FRESH:
                self._taken = monotonic()  # before the read: a change during it makes it outdated again
                try:
                    self._seen = await self._look(http)
                except BaseException:
                    self.invalidate()
                    raise
            return self._seen

    async def _look(self, http: aiohttp.ClientSession) -> Json:
        models = (await _search(http, "registered-models", {"max_results": "100"})).get("registered_models", [])
        newest = {"max_results": "200", "order_by": "creation_timestamp DESC"}
        versions = (await _search(http, "model-versions", newest)).get("model_versions", [])
        for version in versions:
            await self._ask_for_run(http, version.get("run_id", ""))
        return {"models": [self._model(model, versions) for model in models]}

    async def _ask_for_run(self, http: aiohttp.ClientSession, run: str) -> None:
        if not run or self._runs.get(run, {}).get("metrics"):
            return
        async with http.get(f"{API}/runs/get", params={"run_id": run}) as answer:
            self._runs[run] = (await answer.json())["run"]["data"]

    def _model(self, model: Json, versions: list[Json]) -> Json:
        aliases = {alias["alias"]: int(alias["version"]) for alias in model.get("aliases", ())}
        own = [self._version(version, aliases) for version in versions if version["name"] == model["name"]]
        return {"name": model["name"], "aliases": aliases, "versions": own}

    def _version(self, version: Json, aliases: dict[str, int]) -> Json:
        number, run = int(version["version"]), self._runs.get(version.get("run_id", ""), {})
        run_tags = _pairs(run.get("tags", ()))
        return {
            "version": number,
            "created_at": datetime.fromtimestamp(int(version["creation_timestamp"]) / 1000, UTC).isoformat(),
            "metrics": {metric["key"]: metric["value"] for metric in run.get("metrics", ())},
            "tags": {"trained_by": run_tags.get("trained_by", "")} | _pairs(version.get("tags", ())),
            "run_id": version.get("run_id"),
            "aliases": sorted(alias for alias, points_at in aliases.items() if points_at == number),
            "quality": run_tags.get("demo.quality"),
        }


async def _search(http: aiohttp.ClientSession, what: str, query: dict[str, str]) -> Json:
    async with http.get(f"{API}/{what}/search", params=query) as answer:
        found: Json = await answer.json()
        return found


def _pairs(tags: list[Json] | tuple[()]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in tags}
