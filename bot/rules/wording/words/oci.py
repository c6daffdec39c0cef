"""The words of `bot.domain.reasons.oci`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import oci
from bot.rules.wording.words.template import Words


def _refused(why: oci.Refused) -> str:
    return f"{{address}}: the registry refused the request ({{status}}{': {said}' if why.said else ''})"


def _unreadable(why: oci.LoginsUnreadable) -> str:
    cause = "{said}" if why.said else "it is not JSON"
    return f"{{path}}: the logins cannot be read: {cause}; fix the file or log in again"


def _insecure(why: oci.TokensInsecure) -> str:
    realm = "{realm}, which is not https" if why.realm is not None else "no valid address"
    return f"{{host}} sends logins to {realm}; no login was sent; check that this is the right registry"


def _token_refused(why: oci.TokenRefused) -> str:
    login = "without a login" if why.anonymous else "for the login of this machine"
    return f"{{realm}} issued no token for {{repository}} {login} ({{status}}); run docker login {{host}}"


WORDS: Final[Mapping[type[Reason], Words]] = {
    oci.Absent: "{address} does not exist; {image} was not pushed, or not completely; push it again",
    oci.DigestMismatch: "{address} has the digest {found} instead of {expected}: the registry, or something on the way,"
    " delivers something else than what was pushed; do not use this image",
    oci.DigestUnknown: "{digest} is not a digest that Callboard can check; only sha256 is supported",
    oci.Refused: _refused,
    oci.LoginRefused: "{address}: the registry does not accept this machine's login ({status}); log in again",
    oci.LoginMissing: "{host} requires a login, and this machine has none for it; run docker login {host}",
    oci.LoginUnsupported: "{host} requires a kind of login that Callboard does not support"
    "; use a registry with Basic or Bearer authentication",
    oci.LoginsUnreadable: _unreadable,
    oci.LoginInvalid: "{path}: one of its `auth` entries is not what docker login writes; log in again",
    oci.HelperMissing: "{helper}, which stores the login for {registry}, cannot be started; install it or log in again",
    oci.HelperSlow: "{helper} did not answer within {within}; check that it works, or log in again",
    oci.HelperMalformed: "{helper} did not answer as a credential helper does; check that it works, or log in again",
    oci.TokensInsecure: _insecure,
    oci.TokensUnreachable: "{realm}, which issues tokens for {host}, does not answer: {cause}",
    oci.TokenRefused: _token_refused,
    oci.TokenMalformed: "{realm} issued something that is not a token; check that this is the right registry",
}
