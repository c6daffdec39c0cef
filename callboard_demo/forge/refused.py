"""GitHub's error responses, each with the body that clients read.

The wording is GitHub's, because clients tell the cases apart by it.
Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
"""

from typing import Any

DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """The request fails with `status` and `body`, and has changed nothing."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "documentation_url": DOCS, "status": str(status)}
        if errors is not None:
            self.body["errors"] = errors


def not_found() -> Refused:
    """Return the error for what does not exist, or is not visible to this token."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str) -> Refused:
    """Return the error for a field whose value does not exist."""
    return Refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": "invalid"}])


def missing(resource: str, field: str) -> Refused:
    """Return the error for a missing field."""
    return Refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": "missing_field"}])


def custom(resource: str, message: str) -> Refused:
    """Return the error for a rule with its own message."""
    return Refused(422, "Validation Failed", [{"resource": resource, "code": "custom", "message": message}])


def unchangeable(field: str, message: str) -> Refused:
    """Return the error for a field of a pull request that cannot be changed as requested."""
    error = {"resource": "PullRequest", "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", [error])
