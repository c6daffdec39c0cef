"""The words of `bot.domain.reasons.registry`."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.domain.reason import Reason
from bot.domain.reasons import registry
from bot.rules.wording.words.template import Words


def _answered(status: str, advice: str = "") -> Callable[[Any], str]:
    """Return words for a refusal of a status, with MLflow's message where it gave one."""
    return lambda why: f"MLflow at {{address}} refused the request ({status}{': {said}' if why.said else ''}){advice}"


def _untrusted(why: registry.CertificateUntrusted) -> str:
    return (
        f"the certificate of MLflow at {{address}} is not trusted{' ({said})' if why.said else ''}"
        "; check MLFLOW_TRACKING_SERVER_CERT_PATH: it must hold the certificate of the authority that signed it"
    )


def _redirected(why: registry.Redirected) -> str:
    said = ": {said}" if why.said else ""
    return f"{{address}} redirects elsewhere ({{status}}{said}), perhaps to a login page; check MLFLOW_TRACKING_URI"


WORDS: Final[Mapping[type[Reason], Words]] = {
    registry.CertificateUntrusted: _untrusted,
    registry.CredentialsRefused: _answered(
        "401", "; check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    ),
    registry.HostRefused: "MLflow at {address} refused the request (403: {said})"
    "; start the MLflow server with --allowed-hosts {allowed}",
    registry.NotAllowed: _answered(
        "403", "; give Callboard's MLflow account READ, and EDIT on the models whose aliases it moves"
    ),
    registry.NotMLflow: "{address} answered 404, so it is probably not an MLflow server; check MLFLOW_TRACKING_URI",
    registry.Redirected: _redirected,
    registry.Refused: _answered("{status}"),
}
