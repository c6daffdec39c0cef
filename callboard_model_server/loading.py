"""Download the model, load it, and let it predict its input example.

Importing this module imports MLflow, which takes a second: do it after the version is resolved.  The startup probe
limits the time of download and load, not this module.
"""

import errno
import re
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import invocations, load_model_with_mlflow_config

from callboard_model_server import trust
from callboard_model_server.admission import Admitted, Form
from callboard_model_server.causes import chain
from callboard_model_server.digest import same
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.resolve import Found
from callboard_model_server.settings import Registry

EXAMPLE = "serving_input_example.json"
"""The file beside the model that can be posted to /invocations unchanged."""
QUOTED = re.compile("Response (?:body|text):")
"""What precedes a server's response in the messages of MLflow's client."""
SENTENCE = 2000
"""The most characters of a client error that a message repeats."""


def download(found: Found, folder: Path, registry: Registry) -> Path:
    """Download the version's files to the folder, and return the model's path.

    Raises:
        Refusal: the registry no longer responds (69), lacks the files (66), or the disk is full (73).
    """
    try:
        return Path(download_artifacts(artifact_uri=found.uri, dst_path=str(folder), tracking_uri=registry.url))
    except MlflowException as error:
        gone = error.error_code == "RESOURCE_DOES_NOT_EXIST"
        code = Exit.NO_INPUT if gone else Exit.UNAVAILABLE
        because = registry.without_credentials(_said(error.message))
        raise Refusal(code, f"cannot download {found.uri} from {registry.name}: {because}") from error
    except OSError as error:  # an error of the artifact store (S3 and others), or a full disk
        code = Exit.NO_ROOM if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS} else Exit.UNAVAILABLE
        because = registry.without_credentials(_said(str(error)))
        raise Refusal(code, f"cannot download {found.uri} to {folder}: {because}") from error


def _said(message: str) -> str:
    """Return the beginning of a library's message, without a quoted server response."""
    return " ".join(QUOTED.split(message)[0].split())[:SENTENCE]


def load(path: Path, admitted: Admitted) -> Any:
    """Return the model, an `mlflow.pyfunc.PyFuncModel`.

    Data is read from the one admitted file, by a reader of only that format; MLflow's code is only the wrapper around
    it.  Code is loaded by MLflow and runs, so anything may fail.

    Raises:
        Refusal: loading failed (70, the traceback is printed for the operator); the file has untrusted types (79), or
        has changed since the inspection (65).
    """
    try:
        if admitted.form is Form.CODE:
            return load_model_with_mlflow_config(str(path))
        with same(path / admitted.file, admitted.sha256) as file:
            wrapped = _wrapped(admitted.flavor, _read(file, admitted))
        return PyFuncModel(_metadata(admitted), wrapped, admitted.predict)
    except Refusal:
        raise
    except Exception as error:
        traceback.print_exc()
        raise Refusal(Exit.SOFTWARE, f"model failed to load: {_cause(error)}") from error


def _read(file: BinaryIO, admitted: Admitted) -> Any:
    if admitted.form is Form.TEXT:
        from lightgbm import Booster  # noqa: PLC0415 - takes half a second, and most models are of scikit-learn

        return Booster(model_file=f"/dev/fd/{file.fileno()}")  # the inspected file, whatever its path refers to by now
    from skops import io  # noqa: PLC0415  (heavy, and needed by models of this flavor alone)
    from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415  (heavy, and needed by models of this flavor alone)

    try:
        return io.load(file, trusted=list(admitted.types))
    except UntrustedTypesFoundException as error:
        raise trust.untrusted(set(io.get_untrusted_types(file=file)) - set(admitted.types)) from error


def _wrapped(flavor: str, model: Any) -> Any:
    """Return the model as MLflow's loader of the flavor returns it."""
    if flavor == trust.LIGHTGBM:
        from mlflow.lightgbm import _LGBModelWrapper  # noqa: PLC0415  (heavy, and needed by models of this flavor alone)

        return _LGBModelWrapper(model)
    from mlflow.sklearn import _SklearnModelWrapper  # noqa: PLC0415  (heavy, and needed by models of this flavor alone)

    return _SklearnModelWrapper(model)


def _metadata(admitted: Admitted) -> Any:
    """Return MLflow's view of an MLmodel that has only what was admitted."""
    flavors = {"python_function": {"loader_module": f"mlflow.{admitted.flavor}"}}
    signature = {} if admitted.signature is None else {"signature": dict(admitted.signature)}
    return Model.from_dict({"flavors": flavors, **signature})


def rehearse(model: Any, path: Path) -> bool:
    """Let the model predict its logged input example; return whether there is one.

    Raises:
        Refusal: it cannot predict its own example.
    """
    example = path / EXAMPLE
    if not example.exists():
        return False
    try:
        invocations(example.read_text(), "application/json", model, model.metadata.get_input_schema())
    except Exception as error:
        traceback.print_exc()
        because = f"model failed to predict its own input example: {_cause(error)}"
        raise Refusal(Exit.NO_PREDICTION, because) from error
    return True


def _cause(error: BaseException) -> str:
    """Return the original exception, like the last line of a traceback."""
    return "".join(traceback.format_exception_only(chain(error)[0])).strip()
