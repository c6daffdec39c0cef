"""Reasons as the database holds them: JSON, with the code among the parameters."""

from typing import Any, TypeVar

import msgspec

from bot.domain import reasons as _every_reason  # noqa: F401  (a reason is known by its code once it is imported)
from bot.domain.reason import CODES, Reason, Said
from bot.domain.reasons.told import Told

T = TypeVar("T")


def decode(text: str, form: type[T]) -> T:
    """Decode JSON, reasons included."""
    return msgspec.json.decode(text, type=form, dec_hook=_reason)


def encode(value: object) -> str:
    """Encode a value as JSON."""
    return msgspec.json.encode(value).decode()


def _reason(form: type[Any], value: Any) -> Any:
    """Return the stored reason; of one that this release does not know, its code."""
    if form is not Reason:
        raise NotImplementedError(form)  # as msgspec wants it: https://jcristharif.com/msgspec/extending.html
    known = CODES.get(value["code"])
    if known is None:
        return Told(text=Said(value["code"]))
    return msgspec.convert(value, known, dec_hook=_reason)
