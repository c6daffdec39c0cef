"""GitHub's ways of saying no, each with the body that clients read.

Bodies are worded as GitHub words them, because clients tell the cases apart by the words.
Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
"""

from typing import Any

DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """The request is answered with `status` and `body`, and has changed nothing."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "documentation_url": DOCS, "status": str(status)}
        if errors is not None:
            self.body["errors"] = errors


def not_found() -> Refused:
    """Return the answer for what is not there, or not for this token."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str) -> Refused:
    """Return the answer for a field whose value names nothing."""
    return Refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": "invalid"}])


def missing(resource: str, field: str) -> Refused:
    """Return the answer for a field that must be there."""
    return Refused(422, "Validation Failed", [{"resource": resource, "field": field, "code": "missing_field"}])


def custom(resource: str, message: str) -> Refused:
    """Return the answer for a rule with a sentence of its own."""
    return Refused(422, "Validation Failed", [{"resource": resource, "code": "custom", "message": message}])


def unchangeable(field: str, message: str) -> Refused:
    """Return the answer for a field of a pull request that cannot become what is asked for."""
    error = {"resource": "PullRequest", "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", [error])
