"""A prediction: from bytes to an answer, in MLflow's protocol.  Runs in a thread and never raises.

MLflow's own functions parse the request, enforce the signature and format the answer, so that it is the same as that of
`mlflow models serve`.  The differences: no traceback in an answer, no 500 for unreadable input, and the log of a
failure has its location but never the request.
https://mlflow.org/docs/latest/deployment/deploy-model-locally/#inference-server-specification
"""

import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

from callboard_model_server import tables
from callboard_model_server.causes import chain, places
from callboard_model_server.logs import warn

SENTENCE: Final = 2000
"""The most characters of an error message in a response: MLflow's messages repeat the whole input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response."""

    status: int
    body: bytes
    kind: str = "application/json"
    failed: str | None = None
    """The name of its original exception, if any."""
    unread: bool = False
    """Whether part of the request is unread, so that the connection must be closed."""


class _Asked:
    """The model as MLflow's function sees it for one request; it records whether the request was parsed."""

    def __init__(self, metadata: Any, predict: Callable[..., Any]) -> None:
        self.metadata = metadata
        self.understood = False
        self._predict = predict

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predict."""
        self.understood = True
        return self._predict(data, params=params)


class Predictor:
    """Answers requests with a loaded model."""

    def __init__(self, model: Any) -> None:
        self._metadata = model.metadata
        self._schema = model.metadata.get_input_schema()
        self._most = tables.most_columns(self._schema)
        self._predict = shortened(model)

    def answer(self, body: bytes, kind: str) -> Answer:
        """Return the answer to a request with that body and content type."""
        asked = _Asked(self._metadata, self._predict)
        try:
            said = scoring_server.invocations(self._checked(body, kind), kind, asked, self._schema)
        except tables.TooLarge as error:
            return refusal(HTTPStatus.BAD_REQUEST, "INVALID_PARAMETER_VALUE", str(error))
        except MlflowException as error:
            return _failed(error, error.get_http_status_code(), error.error_code, error.message)
        except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit too; the server lives on
            if asked.understood:
                because = "the model failed, or its result cannot be formatted as a response"
                return _failed(error, HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", because)
            because = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            return _failed(error, HTTPStatus.BAD_REQUEST, "BAD_REQUEST", f"the input cannot be read: {because}")
        if said.status == HTTPStatus.OK:
            return Answer(status=said.status, body=said.response.encode(), kind=said.mimetype)
        return refusal(said.status, "INVALID_PARAMETER_VALUE", said.response)

    def _checked(self, body: bytes, kind: str) -> Any:
        """Check the size of a body's tables; return the body, decoded if it is JSON, which MLflow accepts.

        Raises:
            tables.TooLarge: a table is too large.
        """
        mime = kind.partition(";")[0].strip()
        with suppress(ValueError):  # MLflow refuses unreadable input with its own message
            if mime == scoring_server.CONTENT_TYPE_CSV:
                tables.check_csv(body, self._most)
            elif mime == scoring_server.CONTENT_TYPE_JSON and isinstance(asked := json.loads(body), dict):
                tables.check_json(asked, self._most, len(body))
                return asked
        return body


DTYPES: Final = {"double": "float64", "long": "int64"}


def shortened(model: Any) -> Callable[..., Any]:
    """Return the model's `predict`, without enforcing the signature on a table that was already cast to it.

    MLflow casts twice: when it parses the request, and before it calls the model.  If the table has exactly the
    signature's columns, order and types, the second cast changes nothing, and costs a sixth of the prediction.
    """
    plain = _dtypes(model)
    if plain is None:
        return model.predict  # type: ignore[no-any-return]  # MLflow's models are untyped

    def predict(data: Any, params: dict[str, Any] | None = None) -> Any:
        if params or not isinstance(data, pd.DataFrame) or list(data.dtypes.items()) != plain:
            return model.predict(data, params=params)
        return model._predict_fn(data, params=params)

    return predict


def _dtypes(model: Any) -> list[tuple[str, str]] | None:
    """Return the signature's columns and their pandas types; None if the signature is more complex."""
    meta, schema = model.metadata, model.metadata.get_input_schema()
    if (
        schema is None
        or not schema.has_input_names()
        or schema.is_tensor_spec()
        or meta.get_params_schema() is not None
    ):
        return None
    if meta._is_signature_from_type_hint() or meta._is_type_hint_from_example():
        return None
    if "params" not in inspect.signature(model._predict_fn).parameters:
        return None
    columns = [(column.name, DTYPES.get(getattr(column.type, "name", ""))) for column in schema.inputs]
    return None if any(dtype is None for _, dtype in columns) else columns  # type: ignore[return-value]  # no None is left


def refusal(status: int, code: str, message: str, *, failed: str | None = None, unread: bool = False) -> Answer:
    """Return an error response in MLflow's format: {"error_code", "message"}."""
    short = message if len(message) <= SENTENCE else message[:SENTENCE] + " …"
    body = json.dumps({"error_code": code, "message": short}).encode()
    return Answer(status=status, body=body, failed=failed, unread=unread)


def _failed(error: BaseException, status: int, code: str, message: str) -> Answer:
    cause = chain(error)[0]
    warn("a prediction failed", status=int(status), exception=type(cause).__name__, where=places(cause))
    return refusal(status, code, message, failed=type(cause).__name__)
