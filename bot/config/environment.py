"""The environment: addresses, ports and secrets, under their usual names.

Every `NAME` may instead be given as `NAME_FILE`, the path of a file with the value (as Docker and Kubernetes mount
secrets).  Models, stages and policies are in app.yaml (see `config`).
"""

import dataclasses
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, Never, Self
from urllib.parse import parse_qs, unquote

from typing_extensions import override

from bot.domain.errors import UserError


class Secret:
    """A value that is never shown: not in logs, errors or reprs.  It cannot be pickled, either."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to pass it to the client that needs it."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(…)"

    @override
    def __reduce__(self) -> Never:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The settings from the environment.  Field `name` is read from `NAME` or `NAME_FILE`."""

    slack_bot_token: Secret
    slack_signing_secret: Secret | None = None
    """Without it, Slack's HTTP route does not exist, and everything arrives through Socket Mode."""
    slack_app_token: Secret | None = None
    """Enables Socket Mode."""
    slack_api_url: str | None = None
    """None: Slack's own URL."""
    github_token: Secret | None = None
    github_app_id: str | None = None
    github_app_private_key: Secret | None = None
    github_app_installation_id: str | None = None
    github_api_url: str = "https://api.github.com"
    github_webhook_secret: Secret | None = None
    """Without it, the webhook's route does not exist; the same applies to MLflow's."""
    mlflow_tracking_uri: str
    mlflow_tracking_username: str | None = None
    mlflow_tracking_password: Secret | None = None
    mlflow_tracking_token: Secret | None = None
    mlflow_tracking_server_cert_path: str | None = None
    """A CA file for MLflow's certificate.  None: the system's CAs."""
    mlflow_webhook_secret: Secret | None = None
    kubeconfig: str | None = None
    """None: the service account of Callboard's own pod."""
    database_url: str = "sqlite:///callboard.db"
    database_password: Secret | None = None
    """PostgreSQL's password; may also be part of `database_url`."""
    callboard_config: str = "app.yaml"
    host: str = "0.0.0.0"  # noqa: S104 - the public listener; every route on it is signed
    port: int = 8080
    internal_host: str = "127.0.0.1"
    internal_port: int = 8081
    log_level: str = "INFO"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            UserError: everything that is missing or wrong, one per line, with its purpose.
        """
        values, mistakes = _values(environ)
        mistakes += [*_missing(values), *_bad_ca_files(values), *_no_kubeconfig(values)]
        if mistakes:
            raise UserError("\n".join(mistakes))
        return cls(**_database_login(_registry_login(values)))  # type: ignore[arg-type]  # each has its field's type

    def secrets(self) -> tuple[str, ...]:
        """Return all secret values, for redaction."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value.reveal() for value in values if isinstance(value, Secret))


REQUIRED: Final = {
    "slack_bot_token": "the Slack app's bot token (xoxb-…), to post messages",
    "slack_signing_secret": "the Slack app's signing secret, to verify Slack's requests (or SLACK_APP_TOKEN)",
    "mlflow_tracking_uri": "the model registry's address, such as https://mlflow.mlops.svc:5000",
}
GITHUB_APP: Final = ("github_app_id", "github_app_private_key", "github_app_installation_id")


def _values(environ: Mapping[str, str]) -> tuple[dict[str, object], list[str]]:
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for field in dataclasses.fields(Environment):
        name = field.name.upper()
        try:
            text = _given(environ, name)
            if text:
                values[field.name] = _kind(field.name, field.type)(text)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
            values[field.name] = None  # wrong, so not also reported as missing
    return values, mistakes


def _given(environ: Mapping[str, str], name: str) -> str:
    text, path = environ.get(name, "").strip(), environ.get(f"{name}_FILE", "").strip()
    if text and path:
        raise ValueError(f"{name}_FILE is set too; keep only one of them")
    if not path:
        return text
    if not _in_a_folder(path):  # perhaps the secret itself: do not repeat it
        raise ValueError(
            f"{name}_FILE points to a file that does not exist; expected a path, such as /run/secrets/token"
        )
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ValueError(f"{name}_FILE points to {path}, which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:  # a ValueError whose message quotes the secret
        raise ValueError(f"{name}_FILE points to {path}, which is not UTF-8 text") from error.with_traceback(None)


def _in_a_folder(path: str) -> bool:
    try:
        return "/" in path and Path(path).parent.is_dir()
    except OSError:  # too long for a path
        return False


def _kind(name: str, declared: object) -> Callable[[str], object]:
    if name in CHECKED:
        return CHECKED[name]
    return Secret if "Secret" in str(declared) else str


def _quoted(text: str) -> str:
    """Quote a short word; anything longer may be a secret in the wrong place."""
    return f"`{text}`" if re.fullmatch(r"\w{1,12}", text) else "that"


def _port(text: str) -> int:
    if not re.fullmatch(PORT, text):
        raise ValueError(f"{_quoted(text)} is not a valid port; expected a number from 0 to 65535")
    return int(text)


PORT: Final = r"(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
ADDRESS: Final = re.compile(
    r"https?://(?:(?P<user>[^\s/?#@:]+):(?P<password>[^\s/?#@]+)@)?(?:[^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])"
    rf"(?::{PORT})?(?:/[^\s?#@]*)?"
)
"""An address in which a user and password, if any, cannot be mistaken for another part."""


def _web(text: str) -> str:
    found = ADDRESS.fullmatch(text)
    if found is None:  # the text may contain a password: do not repeat it
        raise ValueError(
            "expected an address that starts with http:// or https://, without `?`, `#` and spaces, with a port of at "
            "most 65535, if any"
        )
    if found["user"]:
        raise ValueError("expected an address without user and password; the token has its own variable")
    return text


def _registry(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise ValueError(
            "expected an address that starts with http:// or https://, optionally with user:password@ before the "
            "host (percent-encoded), without `?`, `#` and spaces, with a port of at most 65535, if any"
        )
    return text


def _registry_login(values: dict[str, object]) -> dict[str, object]:
    """Move user and password out of MLflow's address, which is displayed; as in MLflow, variables take precedence."""
    found = ADDRESS.fullmatch(str(values["mlflow_tracking_uri"]))
    if found is None or not found["user"]:
        return values
    own = {
        "mlflow_tracking_username": unquote(found["user"]),
        "mlflow_tracking_password": Secret(unquote(found["password"])),
    }
    bare = found[0].replace(f"{found['user']}:{found['password']}@", "", 1)
    return own | values | {"mlflow_tracking_uri": bare}


def _key(text: str) -> Secret:
    import jwt  # noqa: PLC0415  (it takes a moment, and only a GitHub App needs it)

    try:
        jwt.encode({}, text, algorithm="RS256")  # as the client does for each token
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:  # the last two: encrypted, or a public key
        raise ValueError(
            "expected the App's RSA private key in PEM, without a passphrase: the whole file from GitHub, including "
            "its line breaks (or its path in GITHUB_APP_PRIVATE_KEY_FILE)"
        ) from error.with_traceback(None)
    return Secret(text)


def _token(text: str) -> Secret:
    if not re.fullmatch(r"[!-~]+", text):  # invalid in a header, and the library's error would quote it
        raise ValueError("expected a token on one line, without spaces; was it cut in two when it was copied?")
    return Secret(text)


DATABASE: Final = re.compile(
    r"sqlite:///.+|postgres(?:ql)?://(?:(?P<user>[^\s/?#@:]+)(?::(?P<password>[^\s/?#@]+))?@)?[^\s/?#@:,]*"
    rf"(?::{PORT})?/[^\s/?#@]+(?:\?[^\s#@]+)?"
)


def _database(text: str) -> str:
    file = PurePath(text.partition("?")[0].removeprefix("sqlite:///"))
    if not DATABASE.fullmatch(text) or not file.name or re.search(r"[?&]\w*password=", text):  # do not quote a secret
        raise ValueError(
            "expected sqlite:///path/to/callboard.db or postgresql://user:password@host/database (percent-encoded)"
        )
    return text


def _database_login(values: dict[str, object]) -> dict[str, object]:
    """Move the password out of the database URL; a variable takes precedence."""
    found = DATABASE.fullmatch(str(values.get("database_url")))
    if found is None or not found["password"]:
        return values
    bare = found[0].replace(f":{found['password']}@", "@", 1)
    return {"database_password": Secret(unquote(found["password"]))} | values | {"database_url": bare}


def _level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(f"{_quoted(text)} is not a log level; expected DEBUG, INFO, WARNING or ERROR")
    return text.upper()


CHECKED: Final[Mapping[str, Callable[[str], object]]] = {
    "slack_bot_token": _token,
    "slack_app_token": _token,
    "slack_api_url": _web,
    "github_token": _token,
    "github_app_private_key": _key,
    "github_api_url": _web,
    "mlflow_tracking_uri": _registry,
    "mlflow_tracking_token": _token,
    "database_url": _database,
    "port": _port,
    "internal_port": _port,
    "log_level": _level,
}


def _bad_ca_files(values: Mapping[str, object]) -> Iterator[str]:
    """Check the configured CA files, if TLS is used."""
    for variable, path, whose, otherwise in _ca_files(values):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # SSLError is a subclass
            empty = isinstance(error, ssl.SSLError)
            why = "has no PEM certificate" if empty else f"cannot be read: {error.strerror}"
            yield (
                f"{variable} points to {path}, which {why}; put the certificate of {whose} CA there, or {otherwise} "
                "for a public CA"
            )


def _ca_files(values: Mapping[str, object]) -> Iterator[tuple[str, str, str, str]]:
    """Yield for each configured CA file: the setting, the file, the server, and how to use a public CA instead."""
    path = values.get("mlflow_tracking_server_cert_path")
    if path is not None and str(values.get("mlflow_tracking_uri")).startswith("https://"):
        yield "MLFLOW_TRACKING_SERVER_CERT_PATH", str(path), "MLflow's", "unset the variable"
    query = parse_qs(str(values.get("database_url")).partition("?")[2])
    root = query.get("sslrootcert", ["system"])[-1]
    if root != "system" and query.get("sslmode", [""])[-1].startswith("verify"):
        yield "DATABASE_URL: its sslrootcert", root, "PostgreSQL's", "write sslrootcert=system"


def _no_kubeconfig(values: Mapping[str, object]) -> Iterator[str]:
    """Check that KUBECONFIG exists; if it lists several files, one is enough, as for kubectl."""
    named = str(values.get("kubeconfig") or "")
    if named and not any(_exists(path) for path in named.split(os.pathsep) if path):
        quoted = named if re.fullmatch(".{1,200}", named) else "something that is not a path"  # the content, perhaps
        yield (
            f"KUBECONFIG points to {quoted}, which does not exist; set it to the file that kubectl uses, or unset it "
            "in a pod, which has a service account"
        )


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):  # no permission, too long, or an unknown home directory
        return False


def _missing(values: Mapping[str, object]) -> Iterator[str]:
    for name, purpose in REQUIRED.items():
        if name not in values and not (name == "slack_signing_secret" and "slack_app_token" in values):
            yield f"{name.upper()} is not set: {purpose}"
    app = [name for name in GITHUB_APP if name in values]
    if app and len(app) < len(GITHUB_APP):
        lacking = " and ".join(name.upper() for name in GITHUB_APP if name not in values)
        yield f"{lacking} not set: a GitHub App needs all of {', '.join(name.upper() for name in GITHUB_APP)}"
    elif not app and "github_token" not in values:
        yield f"GITHUB_TOKEN is not set (nor {', '.join(a.upper() for a in GITHUB_APP)}): to open pull requests"
