"""Holds the fake GitHub against GitHub's own OpenAPI description: every answer, in every test that starts a Forge.

`validating()` is a middleware: an answer that GitHub would not give is written down, and the test fails at its end,
because an exception here would only reach the client as one more server error.  The module is a pytest plugin, named in
tests/conftest.py: it fails those tests, and prints at the end of the run which operations were exercised.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.recorded import DATA

DESCRIPTION = DATA / "github-openapi" / "github-openapi.json"
WITH_SLASHES = {"path", "ref", "branch", "basehead"}
REST = re.compile(r"/(repos|app)/.+|/rate_limit")
"""What else there is (the page of a pull request, git's own protocol) is no part of the REST description."""

EXERCISED: Counter[str] = Counter()
COMPLAINTS: list[str] = []


def anywhere(status: int, headers: dict[str, str]) -> bool:
    """Say whether every operation may answer so, though the description does not repeat it at each.

    Sources: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api,
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    return status == 401 or (status == 403 and headers.get("X-RateLimit-Remaining") == "0")


@cache
def description() -> dict[str, Any]:
    """Return GitHub's description."""
    found: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    return found


@cache
def _amended() -> Any:
    """Return the description without three slips of it, by which GitHub's own answers would not be valid.

    Alternatives overlap (so one of them is any of them), enums forget that they are nullable, and a discriminator is
    a property that a list cannot have.
    """
    return json.loads(json.dumps(description()).replace('"oneOf":', '"anyOf":'), object_hook=_mended)


def _mended(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("discriminator", None)
    return {**schema, "enum": [*schema["enum"], None]} if schema.get("nullable") and "enum" in schema else schema


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    # More fixed text first, so that commits/{ref}/status is not taken for commits/{ref}.
    templates = sorted(description()["paths"], key=lambda path: -len(re.sub(r"{\w+}", "", path)))
    return [(re.compile(_pattern(template)), template) for template in templates]


def _pattern(template: str) -> str:
    parts = re.split(r"{(\w+)}", template)
    return "".join(
        re.escape(p) if i % 2 == 0 else (".*" if p in WITH_SLASHES else "[^/]+") for i, p in enumerate(parts)
    )


@cache
def _validator(template: str, method: str, status: str) -> OAS30Validator | None:
    """Return what holds the answer's body; None where the description has no body.

    Raises:
        KeyError: GitHub never answers so.
    """
    spec = _amended()
    response = spec["paths"][template][method]["responses"][status]
    if "$ref" in response:
        response = spec["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        return None
    schema = json.dumps(response["content"]["application/json"]["schema"]).replace('"#/', '"urn:github#/')
    registry = Registry().with_resource("urn:github", DRAFT202012.create_resource(spec))
    return OAS30Validator(json.loads(schema), registry=registry)


def complaints(method: str, path: str, status: int, body: bytes, headers: dict[str, str]) -> list[str]:
    """Return what GitHub would not have answered."""
    template = template_of(path)
    operation = description()["paths"].get(template, {}).get(method.lower())
    if operation is None:
        return [f"{method} {path} is no operation of GitHub's description"]
    if anywhere(status, headers):
        return []
    try:
        validator = _validator(template, method.lower(), str(status))
    except KeyError:
        return [f"{method} {path}: GitHub never answers {status}: {body.decode()[:200]}"]
    if validator is None:
        return []
    errors = (leaf for error in validator.iter_errors(json.loads(body)) for leaf in _leaves(error))
    return [f"{method} {path} {status}: {list(error.absolute_path)}: {error.message[:300]}" for error in errors]


def _leaves(error: Any) -> Iterator[Any]:
    """Yield what is wrong in the end: of alternatives, what each of them misses."""
    if not error.context:
        yield error
    for inner in error.context:
        yield from _leaves(inner)


def template_of(path: str) -> str:
    """Return the description's own form of a path; "" where it has none."""
    return next((template for pattern, template in _paths() if pattern.fullmatch(path)), "")


def validating() -> Middleware:
    """Return the middleware: the first of a Forge under test."""
    description()

    @web.middleware
    async def validate(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if REST.fullmatch(request.path) and isinstance(response, web.Response):
            body = response.body if isinstance(response.body, bytes) else b""
            found = complaints(request.method, request.path, response.status, body, dict(response.headers))
            COMPLAINTS.extend(found)
            EXERCISED[f"{request.method} {template_of(request.path)} {response.status}"] += 1
        return response

    return validate


@contextmanager
def failing_on_complaints() -> Iterator[list[str]]:
    """Fail the test if any answer in it was not GitHub's; the yielded list is what is complained of so far."""
    COMPLAINTS.clear()
    yield COMPLAINTS
    found, COMPLAINTS[:] = list(dict.fromkeys(COMPLAINTS)), []
    if found:
        pytest.fail("The forge answered as GitHub does not:\n" + "\n".join(found))


@pytest.fixture(autouse=True)
def _as_github_answers() -> Iterator[None]:
    """Hold every test that starts a Forge to it."""
    with failing_on_complaints():
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process exercised to the one that prints, where tests run in several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["exercised"] = dict(EXERCISED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what another process exercised."""
    EXERCISED.update(node.workeroutput.get("exercised", {}) if hasattr(node, "workeroutput") else {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the operations that were exercised, and those of the description that were not."""
    if not EXERCISED:
        return
    operations = {
        f"{method.upper()} {path}": what["operationId"]
        for path, methods in description()["paths"].items()
        for method, what in methods.items()
    }
    terminalreporter.section("operations of the GitHub API that were exercised")
    for operation, name in operations.items():
        statuses = {key.rpartition(" ")[2]: n for key, n in EXERCISED.items() if key.rpartition(" ")[0] == operation}
        if statuses:
            told = ", ".join(f"{status} × {n}" for status, n in sorted(statuses.items()))
            terminalreporter.write_line(f"{name:<44} {told}")
    never = [
        name for operation, name in operations.items() if not any(k.startswith(f"{operation} ") for k in EXERCISED)
    ]
    terminalreporter.write_line(
        f"{len(operations) - len(never)} of {len(operations)}; not: {', '.join(never) or 'none'}"
    )
