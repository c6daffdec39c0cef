"""The API server's error responses: one exception, and one function per kind.

Each function returns a `Refusal` whose `body()` is the `Status` object of the real server, including the messages,
because clients (and people) read them.
Source: https://github.com/kubernetes/apimachinery/blob/v0.20.2/pkg/api/errors/errors.go
"""

from collections.abc import Sequence

from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource


class Refusal(Exception):
    """An error response: HTTP status code, machine-readable reason, message, details."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def body(self) -> Json:
        """Return the `Status` object."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details is not None:
            body["details"] = self.details
        return body


def _details(resource: Resource, name: str, kind: str, **more: object) -> Json:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": kind, **more}


def unauthorized() -> Refusal:
    """Refuse a request without the right bearer token."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, resource: Resource, subresource: str | None, namespace: str | None) -> Refusal:
    """Refuse a verb that the user's roles do not grant."""
    what = f"{resource.plural}/{subresource}" if subresource else resource.plural
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    message = (
        f'{resource.qualified} is forbidden: User "{user}" cannot {verb} resource "{what}" '
        f'in API group "{resource.group}"{where}'
    )
    return Refusal(403, "Forbidden", message, _details(resource, "", resource.plural))


def denied(resource: Resource, name: str, why: str) -> Refusal:
    """Refuse an object at admission (a quota, a terminating namespace)."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    return Refusal(403, "Forbidden", message, _details(resource, name, resource.plural))


def not_found(resource: Resource, name: str) -> Refusal:
    """Refuse a name that does not exist."""
    message = f'{resource.qualified} "{name}" not found'
    return Refusal(404, "NotFound", message, _details(resource, name, resource.plural))


def method_not_allowed() -> Refusal:
    """Refuse a verb that the path does not support."""
    message = "the server does not allow this method on the requested resource"
    return Refusal(405, "MethodNotAllowed", message, {})


def already_exists(resource: Resource, name: str) -> Refusal:
    """Refuse to create an object that exists."""
    message = f'{resource.qualified} "{name}" already exists'
    return Refusal(409, "AlreadyExists", message, _details(resource, name, resource.plural))


def conflict(resource: Resource, name: str, why: str = "") -> Refusal:
    """Refuse a write that is based on an older version of the object."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return Refusal(409, "Conflict", message, _details(resource, name, resource.plural))


def apply_conflict(fields: Sequence[tuple[str, str]]) -> Refusal:
    """Refuse a server-side apply of fields (manager, path) that another manager owns with another value."""
    causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{m}"', "field": p} for m, p in fields]
    many = "conflicts" if len(fields) > 1 else "conflict"
    listing = "\n".join(f'conflict with "{m}": {p}' for m, p in fields)
    return Refusal(409, "Conflict", f"Apply failed with {len(fields)} {many}: {listing}", {"causes": causes})


def expired(asked: int, oldest: int) -> Refusal:
    """Refuse a resourceVersion that is older than the stored history."""
    return Refusal(410, "Expired", f"too old resource version: {asked} ({oldest})")


def bad_request(message: str) -> Refusal:
    """Refuse a request that cannot be parsed."""
    return Refusal(400, "BadRequest", message)


def unsupported(*accepted: str) -> Refusal:
    """Refuse a body in an unsupported format."""
    known = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {known}"
    return Refusal(415, "UnsupportedMediaType", message)


_REASONS = {"Required value": "FieldValueRequired", "Forbidden": "FieldValueForbidden"}


def invalid(resource: Resource, name: str, mistakes: Sequence[tuple[str, str]]) -> Refusal:
    """Refuse an object for its `mistakes`: (field path, "Required value" | "Invalid value: …")."""
    group = f".{resource.group}" if resource.group else ""
    causes = [
        {"reason": _REASONS.get(text.split(":")[0], "FieldValueInvalid"), "message": text, "field": field}
        for field, text in mistakes
    ]
    listing = ", ".join(f"{field}: {text}" for field, text in mistakes)
    listing = f"[{listing}]" if len(mistakes) > 1 else listing
    message = f'{resource.kind}{group} "{name}" is invalid: {listing}'
    return Refusal(422, "Invalid", message, _details(resource, name, resource.kind, causes=causes))
