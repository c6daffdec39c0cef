"""From the registry to a model that has predicted: download, load, rehearse.

Importing this module imports MLflow, which takes a second: do it once the version is known.  How long a download or a
load may take is the startup probe's business, not this module's.
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
"""The file beside the model that is posted to /invocations as it is."""
QUOTED = re.compile("Response (?:body|text):")
"""What comes before a server's answer in the sentences of MLflow's client."""
SENTENCE = 2000
"""Characters of an error of the registry's client that are repeated."""


def download(found: Found, folder: Path, registry: Registry) -> Path:
    """Bring the version's files into the folder, and return where the model stands.

    Raises:
        Refusal: the registry no longer answers (69), does not have the files (66), or there is no room for them (73).
    """
    try:
        return Path(download_artifacts(artifact_uri=found.uri, dst_path=str(folder), tracking_uri=registry.url))
    except MlflowException as error:
        gone = error.error_code == "RESOURCE_DOES_NOT_EXIST"
        code = Exit.NO_INPUT if gone else Exit.UNAVAILABLE
        because = registry.without_credentials(_said(error.message))
        raise Refusal(code, f"cannot download {found.uri} from {registry.name}: {because}") from error
    except OSError as error:  # the store's own trouble (S3 and others come this way), or a full disk
        code = Exit.NO_ROOM if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS} else Exit.UNAVAILABLE
        because = registry.without_credentials(_said(str(error)))
        raise Refusal(code, f"cannot download {found.uri} to {folder}: {because}") from error


def _said(message: str) -> str:
    """Return the beginning of a library's sentence, without the answer of a server that it quotes."""
    return " ".join(QUOTED.split(message)[0].split())[:SENTENCE]


def load(path: Path, admitted: Admitted) -> Any:
    """Return the model, an `mlflow.pyfunc.PyFuncModel`.

    What is data is read from the one file that was admitted, by a reader that knows no other format; of MLflow's there
    is only the wrapper around it.  What is code is loaded by MLflow, and runs, so anything may go wrong.

    Raises:
        Refusal: it did go wrong (70, the traceback is printed for the operator); the file holds types that nobody
            trusts (79), or is no longer what was inspected (65).
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

        return Booster(model_file=f"/dev/fd/{file.fileno()}")  # this very file, whatever stands at its path by now
    from skops import io  # noqa: PLC0415
    from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415

    try:
        return io.load(file, trusted=list(admitted.types))
    except UntrustedTypesFoundException as error:
        raise trust.untrusted(set(io.get_untrusted_types(file=file)) - set(admitted.types)) from error


def _wrapped(flavor: str, model: Any) -> Any:
    """Return the model as MLflow's loader of the flavor returns it."""
    if flavor == trust.LIGHTGBM:
        from mlflow.lightgbm import _LGBModelWrapper  # noqa: PLC0415

        return _LGBModelWrapper(model)
    from mlflow.sklearn import _SklearnModelWrapper  # noqa: PLC0415

    return _SklearnModelWrapper(model)


def _metadata(admitted: Admitted) -> Any:
    """Return MLflow's view of an MLmodel with nothing in it but what was admitted."""
    flavors = {"python_function": {"loader_module": f"mlflow.{admitted.flavor}"}}
    signature = {} if admitted.signature is None else {"signature": dict(admitted.signature)}
    return Model.from_dict({"flavors": flavors, **signature})


def rehearse(model: Any, path: Path) -> bool:
    """Let the model predict the input example that was logged with it, and say whether there is one.

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
    """Return the exception that started it, as a traceback's last line shows it."""
    return "".join(traceback.format_exception_only(chain(error)[0])).strip()
