"""The environment: everything missing is reported at once with its purpose, and no secret is ever shown."""

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from bot.config import environment
from bot.config.environment import Environment, Secret
from bot.domain.errors import UserError
from tests.fixtures.github_app_keys import keys

READY = {
    "SLACK_BOT_TOKEN": "xoxb-planted",
    "SLACK_SIGNING_SECRET": "signing-planted",
    "GITHUB_TOKEN": "ghp-planted",
    "MLFLOW_TRACKING_URI": "http://mlflow:5000",
}


def mistakes(environ: dict[str, str]) -> list[str]:
    with pytest.raises(UserError) as raised:
        Environment.read(environ)
    assert "planted" not in str(raised.value)
    return str(raised.value).splitlines()


def test_the_four_that_are_needed_are_enough() -> None:
    told = Environment.read(READY)
    assert told.slack_bot_token.reveal() == "xoxb-planted"
    assert (told.host, told.port, told.internal_host, told.internal_port) == ("0.0.0.0", 8080, "127.0.0.1", 8081)
    assert told.database_url == "sqlite:///callboard.db"
    assert told.github_webhook_secret is None
    assert told.kubeconfig is None


def test_everything_that_is_missing_is_reported_at_once_with_its_purpose() -> None:
    told = mistakes({})
    assert [line.split(" ")[0] for line in told] == [
        "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "MLFLOW_TRACKING_URI", "GITHUB_TOKEN",
    ]  # fmt: skip
    assert told[0] == "SLACK_BOT_TOKEN is not set: the Slack app's bot token (xoxb-…), to post messages"


def test_an_empty_value_counts_as_missing() -> None:
    assert mistakes({**READY, "SLACK_BOT_TOKEN": " "}) == [
        "SLACK_BOT_TOKEN is not set: the Slack app's bot token (xoxb-…), to post messages"
    ]


def test_with_socket_mode_slack_signs_nothing() -> None:
    without = {name: value for name, value in READY.items() if name != "SLACK_SIGNING_SECRET"}
    (line,) = mistakes(without)
    assert line.startswith("SLACK_SIGNING_SECRET is not set") and line.endswith("(or SLACK_APP_TOKEN)")
    assert Environment.read({**without, "SLACK_APP_TOKEN": "xapp-planted"}).slack_signing_secret is None


def test_a_complete_github_app_replaces_the_token() -> None:
    private, _ = keys()
    app = {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": private, "GITHUB_APP_INSTALLATION_ID": "2"}
    without = {name: value for name, value in READY.items() if name != "GITHUB_TOKEN"}
    told = Environment.read({**without, **app})
    assert told.github_app_private_key is not None
    assert told.github_app_private_key.reveal() == private.strip()
    (line,) = mistakes({**without, "GITHUB_APP_ID": "1"})
    assert line.startswith("GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID not set")


PLANTED = b"planted"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()


def private_keys_that_are_none() -> dict[str, str]:
    """Return what people put there instead of an App's key."""
    private, public = keys()
    return {
        "a word": "planted",
        "a path": "/secrets/planted.pem",
        "line breaks written out": private.replace("\n", "\\n"),
        "cut off": private[:400],
        "the public half": public,
        "with a passphrase": pem(rsa.generate_private_key(65537, 2048), PLANTED),
        "of another kind": pem(ec.generate_private_key(ec.SECP256R1())),
    }


def test_a_private_key_that_is_none_is_found_before_anything_starts() -> None:
    app = {"GITHUB_APP_ID": "1", "GITHUB_APP_INSTALLATION_ID": "2"}
    for what, key in private_keys_that_are_none().items():
        (line,) = mistakes({**READY, **app, "GITHUB_APP_PRIVATE_KEY": key})
        assert line.startswith("GITHUB_APP_PRIVATE_KEY: expected the App's RSA private key in PEM"), what
        assert "-----" not in line, what


def test_a_kubeconfig_that_is_named_exists(tmp_path: Path) -> None:
    missing, there = tmp_path / "missing", tmp_path / "config"
    there.touch()
    (line,) = mistakes({**READY, "KUBECONFIG": str(missing)})
    assert line.startswith(
        f"KUBECONFIG points to {missing}, which does not exist; set it to the file that kubectl uses"
    )
    assert Environment.read({**READY, "KUBECONFIG": f"{missing}:{there}"}).kubeconfig == f"{missing}:{there}"
    (line,) = mistakes({**READY, "KUBECONFIG": "apiVersion: v1\nusers: [planted]"})
    assert line.startswith("KUBECONFIG points to something that is not a path, which does not exist")


CERT = "MLFLOW_TRACKING_SERVER_CERT_PATH"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read: No such file or directory"), ("x", "has no PEM certificate")]
)
def test_the_certificates_that_https_needs_must_be_there(content: str | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    (line,) = mistakes({**READY, "MLFLOW_TRACKING_URI": "https://mlflow", CERT: str(path)})
    assert line.startswith(f"{CERT} points to {path}, which {why}; put the certificate of")
    assert Environment.read({**READY, CERT: str(path)}).mlflow_tracking_uri == "http://mlflow:5000"  # needs none


def test_the_certificates_that_postgresql_needs_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    url = f"postgresql://bot@db/callboard?sslmode=%s&sslrootcert={path}"
    (line,) = mistakes({**READY, "DATABASE_URL": url % "verify-full"})
    assert line.startswith(f"DATABASE_URL: its sslrootcert points to {path}, which cannot be read: No such file")
    path.write_text("x")
    (line,) = mistakes({**READY, "DATABASE_URL": url % "verify-ca"})
    assert line.startswith(f"DATABASE_URL: its sslrootcert points to {path}, which has no PEM certificate")
    for needs_none in (url % "require", "postgresql://bot@db/callboard?sslmode=verify-full&sslrootcert=system"):
        assert Environment.read({**READY, "DATABASE_URL": needs_none}).database_url == needs_none


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "http", "PORT: `http` is not a valid port; expected a number from 0 to 65535"),
        ("INTERNAL_PORT", "65536", "INTERNAL_PORT: `65536` is not a valid port"),
        ("PORT", "٣", "PORT: `٣` is not a valid port"),
        ("MLFLOW_TRACKING_URI", "http://x:65536", "MLFLOW_TRACKING_URI: expected an address"),
        ("GITHUB_API_URL", "https://x:99999", "GITHUB_API_URL: expected an address"),
        ("DATABASE_URL", "postgresql://x:65536/y", "DATABASE_URL: expected sqlite:///path/to/callboard.db or"),
        ("DATABASE_URL", "sqlite:////", "DATABASE_URL: expected sqlite:///path/to/callboard.db or"),
        ("DATABASE_URL", "sqlite:///.", "DATABASE_URL: expected sqlite:///path/to/callboard.db or"),
        ("MLFLOW_TRACKING_URI", "sqlite:///planted", "MLFLOW_TRACKING_URI: expected an address"),
        ("MLFLOW_TRACKING_URI", "https://planted@x", "MLFLOW_TRACKING_URI: expected an address"),
        ("MLFLOW_TRACKING_URI", "https://bob:plan/ted-planted@x", "MLFLOW_TRACKING_URI: expected an address"),
        ("MLFLOW_TRACKING_URI", "https://x/?token=planted", "MLFLOW_TRACKING_URI: expected an address"),
        ("MLFLOW_TRACKING_TOKEN", "two\nplanted", "MLFLOW_TRACKING_TOKEN: expected a token on one line"),
        ("GITHUB_TOKEN", "ghp planted", "GITHUB_TOKEN: expected a token on one line"),
        ("GITHUB_TOKEN_FILE", "/ghp/planted", "GITHUB_TOKEN: GITHUB_TOKEN_FILE points to a file that does not exist"),
        (
            "GITHUB_TOKEN_FILE",
            f"{'planted' * 99}/planted",
            "GITHUB_TOKEN: GITHUB_TOKEN_FILE points to a file that does not exist",
        ),
        ("GITHUB_TOKEN_FILE", "ghp-planted", "GITHUB_TOKEN: GITHUB_TOKEN_FILE points to a file that does not exist"),
        ("GITHUB_API_URL", "user:planted@x", "GITHUB_API_URL: expected an address that starts with http"),
        ("GITHUB_API_URL", "https://bob:planted@x", "GITHUB_API_URL: expected an address without user and password"),
        ("SLACK_API_URL", "https://bob:planted@x", "SLACK_API_URL: expected an address without user and password"),
        (
            "DATABASE_URL",
            "mysql://planted@x/y",
            "DATABASE_URL: expected sqlite:///path/to/callboard.db or postgresql://",
        ),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: `loud` is not a log level"),
    ],
)
def test_a_wrong_value_is_reported_and_a_secret_one_is_not_repeated(name: str, value: str, told: str) -> None:
    (line,) = mistakes({**READY, name.removesuffix("_FILE"): "", name: value})
    assert line.startswith(told)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("xoxb-from-file\n")
    without = {name: value for name, value in READY.items() if name != "SLACK_BOT_TOKEN"}
    told = Environment.read({**without, "SLACK_BOT_TOKEN_FILE": str(file)})
    assert told.slack_bot_token.reveal() == "xoxb-from-file"
    (line,) = mistakes({**READY, "SLACK_BOT_TOKEN_FILE": str(file)})
    assert line == "SLACK_BOT_TOKEN: SLACK_BOT_TOKEN_FILE is set too; keep only one of them"


def test_a_file_that_cannot_be_read_is_named_and_its_content_is_not(tmp_path: Path) -> None:
    without = {name: value for name, value in READY.items() if name != "SLACK_BOT_TOKEN"}
    lines = mistakes({**without, "SLACK_BOT_TOKEN_FILE": str(tmp_path / "no")})
    assert "cannot be read: No such file" in lines[0]
    (tmp_path / "bytes").write_bytes(b"planted\xff")
    lines = mistakes({**without, "SLACK_BOT_TOKEN_FILE": str(tmp_path / "bytes")})
    assert "is not UTF-8 text" in lines[0]


def test_a_user_and_password_in_mlflows_address_are_taken_out_of_it() -> None:
    told = Environment.read({**READY, "MLFLOW_TRACKING_URI": "https://bob:p%40planted@mlflow:5000/at"})
    assert told.mlflow_tracking_uri == "https://mlflow:5000/at"
    assert told.mlflow_tracking_username == "bob"
    assert told.secrets() == ("xoxb-planted", "signing-planted", "ghp-planted", "p@planted")


@pytest.mark.parametrize(
    ("given", "url", "password"),
    [
        ("sqlite:////data/x.db", "sqlite:////data/x.db", None),
        ("postgresql://bot:p%40planted@db:5432/callboard", "postgresql://bot@db:5432/callboard", "p@planted"),
        ("postgres://bot:p@db/callboard?sslmode=require", "postgres://bot@db/callboard?sslmode=require", "p"),
        ("postgresql://bot@db/callboard", "postgresql://bot@db/callboard", None),
        ("postgresql:///callboard?host=/run/postgresql", "postgresql:///callboard?host=/run/postgresql", None),
    ],
)
def test_the_password_of_the_record_is_taken_out_of_its_address(given: str, url: str, password: str | None) -> None:
    told = Environment.read({**READY, "DATABASE_URL": given})
    assert told.database_url == url
    assert (told.database_password.reveal() if told.database_password else None) == password
    kept = Environment.read({**READY, "DATABASE_URL": given, "DATABASE_PASSWORD": "own"}).database_password
    assert kept is not None
    assert kept.reveal() == "own"


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://bot:pl/anted@db/callboard", "postgresql://bot:planted@db", "postgresql://db/x?password=planted",
        "postgresql://db/x?a=b&sslpassword=planted", "postgresql+psycopg://bot:planted@db/x", "sqlite://",
        "postgresql://bot:planted@one,two/x", "planted",
    ],
)  # fmt: skip
def test_an_address_of_no_record_is_refused_and_not_repeated(value: str) -> None:
    (line,) = mistakes({**READY, "DATABASE_URL": value})
    assert line.startswith("DATABASE_URL: expected sqlite:///path/to/callboard.db or postgresql://user:password@host/")


def test_no_secret_is_shown() -> None:
    address = "https://bob:p%40planted@mlflow:5000"
    told = Environment.read({**READY, "MLFLOW_TRACKING_TOKEN": "mlflow-planted", "MLFLOW_TRACKING_URI": address})
    secret = told.slack_bot_token
    shown = [repr(told), str(told), repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret]  # noqa: UP031  (every way to print it)
    assert not any("planted" in each for each in shown)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret("planted"))


def test_every_name_of_a_secret_is_held_as_one() -> None:
    fields = {name: str(kind) for name, kind in environment.Environment.__annotations__.items()}
    secret = {name for name, kind in fields.items() if "Secret" in kind}
    assert secret == {name for name in fields if name.endswith(("token", "secret", "key", "password"))}
