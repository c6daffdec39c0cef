"""What the environment says: which model to serve, where the registry is, where to listen.

Read once, checked whole.  A variable that is set to nothing counts as unset, as in a manifest's `value: ""`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.serving.refusals import Exit, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The model to serve: the version where one is pinned, else whatever the alias named by the stage points at."""

    model: str
    stage: str | None
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """MLflow's address and credentials, under MLflow's own names.

    https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/
    """

    url: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    verify: bool | str = True
    """False: any certificate will do; a path: the certificates to trust."""

    @property
    def name(self) -> str:
        """Return the address as it may be shown: without the credentials that it may hold."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the server is told."""

    wanted: Wanted
    registry: Registry
    host: str
    port: int


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        Refusal: a variable is missing or wrong; the line names each of them.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    wrong = [sentence for check in (_names, _numbers, _unsupported) for sentence in check(given)]
    if wrong:
        raise Refusal(Exit.USAGE, "; ".join(wrong))
    version = given.get("MODEL_VERSION")
    return Settings(
        wanted=Wanted(
            model=given["MODEL_NAME"], stage=given.get("MODEL_STAGE"), version=int(version) if version else None
        ),
        registry=_registry(given),
        host=given.get("MODEL_HOST", "0.0.0.0"),  # noqa: S104 - a pod is reached through its own address
        port=int(given.get("PORT", "8080")),
    )


def _registry(given: Mapping[str, str]) -> Registry:
    insecure = given.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}
    return Registry(
        url=given["MLFLOW_TRACKING_URI"].rstrip("/"),
        username=given.get("MLFLOW_TRACKING_USERNAME"),
        password=given.get("MLFLOW_TRACKING_PASSWORD"),
        token=given.get("MLFLOW_TRACKING_TOKEN"),
        verify=False if insecure else given.get("MLFLOW_TRACKING_SERVER_CERT_PATH", True),
    )


def _names(given: Mapping[str, str]) -> list[str]:
    wrong = []
    if "MODEL_NAME" not in given:
        wrong.append("MODEL_NAME is not set: the registered model to serve")
    if not given.keys() & {"MODEL_VERSION", "MODEL_STAGE"}:
        wrong.append("neither MODEL_VERSION nor MODEL_STAGE is set: which version to serve")
    # Without an address MLflow quietly makes an empty SQLite file of its own and looks there.
    if "MLFLOW_TRACKING_URI" not in given:
        wrong.append("MLFLOW_TRACKING_URI is not set: the address of the MLflow server")
    elif urlsplit(given["MLFLOW_TRACKING_URI"]).scheme not in {"http", "https"}:
        wrong.append("MLFLOW_TRACKING_URI is not the http(s) address of an MLflow server")
    return wrong


def _numbers(given: Mapping[str, str]) -> list[str]:
    wrong = []
    version, port = given.get("MODEL_VERSION", "1"), given.get("PORT", "8080")
    if not (version.isascii() and version.isdigit() and int(version) > 0):
        wrong.append(f"MODEL_VERSION is {version!r}: expected a version's number, such as 3")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        wrong.append(f"PORT is {port!r}: expected a port's number, such as 8080")
    return wrong


def _unsupported(given: Mapping[str, str]) -> list[str]:
    """A digest that nobody verifies would be a false promise, so it is refused."""
    return ["MODEL_DIGEST is set, and this release does not verify it: remove it"] if "MODEL_DIGEST" in given else []
