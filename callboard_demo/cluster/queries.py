"""A request's parameters apart from its path: query, body, patch; and paged lists.

Not here: how they are used (`api.py`).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml
from aiohttp import web

from bot.domain.json import Json
from callboard_demo.cluster import refusals
from callboard_demo.cluster.resources import Resource
from callboard_demo.cluster.selectors import Selector, by_field, by_label

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


class _PlainLoader(yaml.SafeLoader):
    """YAML as JSON: dates stay text."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def truthy(query: Mapping[str, str], name: str) -> bool:
    """Return whether a boolean parameter is set, in any of the spellings that clients use."""
    return query.get(name, "").lower() in {"true", "1"}


def number(query: Mapping[str, str], name: str) -> int | None:
    """Return a parameter as a number; None if it is absent.

    Raises:
        Refusal: 400, it is not a number.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise refusals.bad_request(f"invalid value for {name}: {text!r}") from error


def selector(query: Mapping[str, str], resource: Resource) -> Selector:
    """Return the combined predicate of `labelSelector` and `fieldSelector`.

    Raises:
        Refusal: 400, one of them does not parse.
    """
    label = by_label(query.get("labelSelector", ""))
    field = by_field(query.get("fieldSelector", ""), resource.plural)
    return lambda value: label(value) and field(value)


def manager(request: web.Request) -> str:
    """Return the field manager: `fieldManager`, else the first word of the User-Agent."""
    agent = request.headers.get("User-Agent", "unknown")
    return request.query.get("fieldManager") or agent.partition("/")[0]


async def body(request: web.Request) -> Any:
    """Return the request's body, JSON or YAML; None if there is none.

    Raises:
        Refusal: 400, it does not parse; 415, it is neither.
    """
    raw = await request.read()
    kind = request.content_type
    if not raw:
        return None
    try:
        if kind.endswith("yaml"):
            return yaml.load(raw, _PlainLoader)  # noqa: S506 - a SafeLoader, with dates left alone
        if kind in {"application/json", "application/octet-stream"} or kind.endswith("+json"):
            return json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        message = f"the object provided is unrecognized (must be of type Object): {error}"
        raise refusals.bad_request(message) from error
    raise refusals.unsupported("application/json", "application/yaml")


def an_object(value: Any) -> Json:
    """Return the body, which must be an object.

    Raises:
        Refusal: 400, it is not.
    """
    if not isinstance(value, dict) or not isinstance(value.get("metadata", {}), dict):
        raise refusals.bad_request("the object provided is unrecognized (must be of type Object)")
    return value


def page(values: Sequence[Json], limit: int | None, token: str, revision: int) -> tuple[list[Json], Json]:
    """Return one page of a sorted list, and the `metadata` of the response.

    Raises:
        Refusal: 400, the continue token is invalid.
    """
    rest, at = list(values), revision
    if token:
        at, after = _decode(token)
        rest = [value for value in rest if _place(value) > after]
    items = rest[:limit] if limit else rest
    meta: Json = {"resourceVersion": str(at)}
    if len(items) < len(rest):
        text = json.dumps([at, _place(items[-1])])
        meta |= {
            "continue": base64.urlsafe_b64encode(text.encode()).decode(),
            "remainingItemCount": len(rest) - len(items),
        }
    return items, meta


def _place(value: Json) -> list[str]:
    return [value["metadata"].get("namespace", ""), value["metadata"]["name"]]


def _decode(token: str) -> tuple[int, list[str]]:
    try:
        at, after = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise refusals.bad_request("continue key is not valid") from error
    return at, after
