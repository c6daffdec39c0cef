"""The client for MLflow: which models there are, the details of a version, where aliases point.

Plain REST instead of MLflow's client, which costs 166 MB, blocks, and retries an unreachable server for minutes.
Nothing is loaded or trained here.  Writes check first, because MLflow announces a tag or an alias that is set to its
present value as if it had changed.
https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from yarl import URL

from bot.clients.mlflow import mlmodel
from bot.clients.mlflow.answers import (
    Data,
    LoggedModel,
    LoggedModelAnswer,
    LoggedModelInfo,
    Model,
    ModelsPage,
    Run,
    RunAnswer,
    Version,
    VersionAnswer,
    VersionsPage,
    metrics,
    pairs,
)
from bot.clients.mlflow.rest import API, BROKEN, Rest
from bot.domain.registry import ModelVersion, VersionDetails

PAGE = "1000"
"""Models or versions in one page."""
GONE = frozenset({"RESOURCE_DOES_NOT_EXIST"})
UNREADABLE = GONE | {BROKEN}
NO_ALIAS = frozenset({"INVALID_PARAMETER_VALUE"})
"""MLflow's error code for an alias that a model does not have, and for a word that cannot be an alias."""
IS_PROMPT = "mlflow.prompt.is_prompt"
"""Tag of a prompt, which MLflow stores as a registered model."""
LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})")
COPY = re.compile(r"models:/([^/@]+)/([0-9]{1,10})")
HOPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model's name, where its aliases point, and its newest version (None: it has none yet)."""

    name: str
    aliases: Mapping[str, int]
    newest: int | None


class Registered(NamedTuple):
    """One version as a list shows it."""

    what: ModelVersion
    created: datetime
    status: str
    """MLflow's status: READY, PENDING_REGISTRATION or FAILED_REGISTRATION."""


class MLflow:
    """One registry.  Every method raises `Temporary` or `Permanent` and nothing else."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @classmethod
    def connect(
        cls,
        uri: str,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        *,
        trusted: str | None = None,
    ) -> Self:
        """Return a client; sends no request yet.  Call it inside a running loop, and close it.

        User and password take precedence over the token, as in MLflow's own client.  `trusted` is a file of CA
        certificates, one of which must have signed the server's.
        """
        return cls(Rest(URL(uri), username=username, password=password, token=token, trusted=trusted))

    async def close(self) -> None:
        """End all connections."""
        await self._rest.close()

    async def models(self) -> tuple[RegisteredModel, ...]:
        """Return every registered model, sorted by name."""
        found: list[Model] = []
        async for page in self._rest.pages(f"{API}/registered-models/search", {"max_results": PAGE}, ModelsPage):
            found += page.registered_models
        return tuple(sorted(map(_model, found), key=lambda model: model.name))

    async def newest(self, limit: int = 50) -> tuple[Registered, ...]:
        """Return the newest versions of all models, newest first: 35 ms of the server's time for 50 of 10,000.

        Read in pages, because all versions of a large registry exceed the limits of one answer in size and time.
        Versions registered meanwhile move the others to later pages, so none is skipped.
        """
        found: dict[ModelVersion, Registered] = {}
        query = {"max_results": str(min(limit, int(PAGE))), "order_by": "creation_timestamp DESC"}
        async with aclosing(self._rest.pages(f"{API}/model-versions/search", query, VersionsPage)) as pages:
            async for page in pages:
                listed = (_registered(version) for version in page.model_versions if not _is_prompt(version))
                found |= {registered.what: registered for registered in listed}
                if len(found) >= limit:
                    break
        return tuple(found.values())[:limit]

    async def versions(self, model: str) -> tuple[int, ...]:
        """Return the numbers of a model's versions, lowest first; none where there is no such model."""
        quote = "'" if "'" not in model else '"'
        query = {"filter": f"name={quote}{model}{quote}", "max_results": PAGE}
        found: list[int] = []
        async for page in self._rest.pages(f"{API}/model-versions/search", query, VersionsPage):
            found += (version.version for version in page.model_versions)
        return tuple(sorted(found))

    async def version_details(self, what: ModelVersion) -> VersionDetails | None:
        """Return the details of a version without loading it, or None where there is no such version.

        Metrics come from the run and from the logged model, whose value wins where both have the metric.  A value that
        is not a finite number is left out: no gate could compare it.  Files that MLflow itself cannot read (500: it
        lacks the store's library or credentials) count as missing; the rest is still useful.
        """
        version = await self._version(what)
        if version is None:
            return None
        logged = await self._logged_model(version)
        run_id = version.run_id or (logged.info.source_run_id if logged else "")
        run, mlmodel_file, requirements = await asyncio.gather(
            self._run(run_id),
            self._artifact(what, "MLmodel", absent=UNREADABLE),
            self._artifact(what, "requirements.txt", absent=UNREADABLE),
        )
        files = await asyncio.to_thread(
            mlmodel.read, _text(mlmodel_file)
        )  # untrusted, so it may be slow: see `plain_yaml`
        return _details(version, logged or NOTHING_LOGGED, run, files, _text(requirements))

    async def alias(self, model: str, alias: str) -> int | None:
        """Return the version that an alias points at, or None where the model has no such alias."""
        query = {"name": model, "alias": alias}
        answer = await self._rest.find(f"{API}/registered-models/alias", query, VersionAnswer, absent=NO_ALIAS)
        return answer.model_version.version if answer else None

    async def move_alias(self, model: str, alias: str, version: int) -> None:
        """Point the alias at this version."""
        if await self.alias(model, alias) != version:
            body = {"name": model, "alias": alias, "version": str(version)}
            await self._rest.send("POST", f"{API}/registered-models/alias", body)

    async def delete_alias(self, model: str, alias: str) -> None:
        """Delete the alias."""
        if await self.alias(model, alias) is not None:
            await self._rest.send("DELETE", f"{API}/registered-models/alias", {"name": model, "alias": alias})

    async def tag(self, what: ModelVersion, key: str, value: str) -> None:
        """Set a tag of a version."""
        version = await self._version(what)
        if version is None or pairs(version.tags).get(key) != value:
            body = {"name": what.model, "version": str(what.version), "key": key, "value": value}
            await self._rest.send("POST", f"{API}/model-versions/set-tag", body)

    async def input_example(self, what: ModelVersion) -> bytes | None:
        """Return the body that can be posted to /invocations as it is, or None where none was logged."""
        return await self._artifact(what, "serving_input_example.json")

    async def _version(self, what: ModelVersion) -> Version | None:
        answer = await self._rest.find(f"{API}/model-versions/get", _named(what), VersionAnswer, absent=GONE)
        return answer.model_version if answer else None

    async def _logged_model(self, version: Version) -> LoggedModel | None:
        """Return the logged model that a version was made from, through versions that are copies of others.

        MLflow's open-source server names it in the version's source only.
        """
        for _ in range(HOPS):
            if match := LOGGED_MODEL.fullmatch(version.source):
                path = f"{API}/logged-models/{match[1]}"
                answer = await self._rest.find(path, {}, LoggedModelAnswer, absent=GONE)
                return answer.model if answer else None
            copy = COPY.fullmatch(version.source)
            original = await self._version(ModelVersion(model=copy[1], version=int(copy[2]))) if copy else None
            if original is None:
                return None
            version = original
        return None

    async def _run(self, run_id: str) -> Run | None:
        if not run_id:
            return None
        answer = await self._rest.find(f"{API}/runs/get", {"run_id": run_id}, RunAnswer, absent=GONE)
        return answer.run if answer else None

    async def _artifact(self, what: ModelVersion, path: str, *, absent: frozenset[str] = GONE) -> bytes | None:
        return await self._rest.read("/model-versions/get-artifact", {**_named(what), "path": path}, absent=absent)


NOTHING_LOGGED = LoggedModel(info=LoggedModelInfo())


def _details(
    version: Version, logged: LoggedModel, run: Run | None, files: mlmodel.MLmodel, requirements: str
) -> VersionDetails:
    data = run.data if run else Data()
    return VersionDetails(
        what=ModelVersion(model=version.name, version=version.version),
        ready=version.status == "READY",
        created=version.created,
        run=run.info.run_id if run else None,
        metrics=metrics(data.metrics) | metrics(logged.data.metrics),
        params=pairs(data.params) | pairs(logged.data.params),
        tags=pairs(version.tags),
        run_tags=pairs(data.tags),
        inputs=files.inputs,
        outputs=files.outputs,
        requirements=mlmodel.requirements(requirements),
        size=files.size,
        runs_code=files.runs_code,
    )


def _model(model: Model) -> RegisteredModel:
    aliases = {alias.alias: alias.version for alias in model.aliases}
    newest = max((version.version for version in model.latest_versions), default=None)
    return RegisteredModel(name=model.name, aliases=aliases, newest=newest)


def _registered(version: Version) -> Registered:
    return Registered(ModelVersion(model=version.name, version=version.version), version.created, version.status)


def _named(what: ModelVersion) -> dict[str, str]:
    return {"name": what.model, "version": str(what.version)}


def _is_prompt(version: Version) -> bool:
    return pairs(version.tags).get(IS_PROMPT, "").lower() == "true"


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")
