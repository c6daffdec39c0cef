"""The settings from the environment: the model to serve, the registry, the address to listen on.

Read and checked once.  An empty variable counts as unset, as in a manifest's `value: ""`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from callboard_model_server import trust
from callboard_model_server.refusals import Exit, Refusal

TRUE = {"true", "1"}
LIMITS = {
    "body": "MODEL_MAX_BODY",
    "body_seconds": "MODEL_BODY_TIMEOUT",
    "seconds": "MODEL_TIMEOUT",
    "queue": "MODEL_MAX_WAITING",
    "threads": "MODEL_THREADS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The model to serve: the pinned version, else the version of the alias named after the stage."""

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
    """False: any certificate is accepted; a path: the CA file."""

    @property
    def name(self) -> str:
        """Return the address for display, without credentials."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def without_credentials(self, said: str) -> str:
        """Return a library's message without the credentials of an address in it."""
        credentials, at, _ = urlsplit(self.url).netloc.rpartition("@")
        return said.replace(credentials + at, "") if at else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Requirements that a model must meet before it is loaded."""

    digest: str | None
    """"sha256:…" of its files, as `callboard_model_server.digest` computes it; None: any."""
    flavors: frozenset[str]
    types: frozenset[str]
    """Types that skops may build, in addition to those of `callboard_model_server.trust`."""
    strict: bool
    """Whether all of the model's requirements must be met, not only the minor versions of Python and its library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests."""

    body: int = 16 << 20
    """Bytes."""
    body_seconds: float = 30
    """How long its body may take to arrive."""
    seconds: float = 60
    """How long its prediction may take."""
    queue: int = 100
    """Requests that may wait for a response at the same time."""
    threads: int = 1
    """Concurrent predictions.  Python runs one at a time anyway: more help only if a library releases the GIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the server."""

    wanted: Wanted
    registry: Registry
    demands: Demands
    limits: Limits
    host: str
    port: int


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        Refusal: a variable is missing or wrong; the message lists each of them.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    wrong = [sentence for check in (_names, _numbers, _forms) for sentence in check(given)]
    if wrong:
        raise Refusal(Exit.USAGE, "; ".join(wrong))
    version = given.get("MODEL_VERSION")
    return Settings(
        wanted=Wanted(
            model=given["MODEL_NAME"], stage=given.get("MODEL_STAGE"), version=int(version) if version else None
        ),
        registry=_registry(given),
        demands=Demands(
            digest=given.get("MODEL_DIGEST"),
            flavors=_words(given, "MODEL_FLAVORS") or trust.DATA,
            types=_words(given, "MODEL_TRUSTED_TYPES"),
            strict=given.get("MODEL_STRICT") in TRUE,
        ),
        limits=Limits(**{field: int(given[name]) for field, name in LIMITS.items() if name in given}),
        host=given.get("MODEL_HOST", "0.0.0.0"),  # noqa: S104 - a pod is reached through its own address
        port=int(given.get("PORT", "8080")),
    )


def _registry(given: Mapping[str, str]) -> Registry:
    insecure = given.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in TRUE
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
    # Without an address, MLflow silently creates an empty SQLite file and uses that.
    if "MLFLOW_TRACKING_URI" not in given:
        wrong.append("MLFLOW_TRACKING_URI is not set: the address of the MLflow server")
    elif urlsplit(given["MLFLOW_TRACKING_URI"]).scheme not in {"http", "https"}:
        wrong.append("MLFLOW_TRACKING_URI is not the http(s) address of an MLflow server")
    return [*wrong, *_certificates(given)]


def _certificates(given: Mapping[str, str]) -> list[str]:
    path = given.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if path is None or not given.get("MLFLOW_TRACKING_URI", "").startswith("https://") or Path(path).exists():
        return []
    return [
        f"MLFLOW_TRACKING_SERVER_CERT_PATH is {path!r}, which does not exist: put the certificate of MLflow's CA "
        "there, or unset the variable for a public CA"
    ]


def _numbers(given: Mapping[str, str]) -> list[str]:
    wrong = []
    version, port = given.get("MODEL_VERSION", "1"), given.get("PORT", "8080")
    if not (version.isascii() and version.isdigit() and int(version) > 0):
        wrong.append(f"MODEL_VERSION is {version!r}: expected a version number, such as 3")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        wrong.append(f"PORT is {port!r}: expected a port number, such as 8080")
    for name in LIMITS.values():
        if not re.fullmatch("[1-9][0-9]{0,11}", limit := given.get(name, "1")):
            wrong.append(f"{name} is {limit!r}: expected a whole number above 0")
    return wrong


def _forms(given: Mapping[str, str]) -> list[str]:
    wrong = []
    digest, strict = given.get("MODEL_DIGEST", ""), given.get("MODEL_STRICT", "0")
    if digest and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        wrong.append(f"MODEL_DIGEST is {digest!r}: expected sha256: and 64 hexadecimal digits, as reported by /model")
    if strict not in {*TRUE, "0", "false"}:
        wrong.append(f"MODEL_STRICT is {strict!r}: expected 1 or 0")
    return wrong


def _words(given: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(word for word in re.split(r"[,\s]+", given.get(name, "")) if word)
