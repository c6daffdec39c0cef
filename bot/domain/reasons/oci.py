"""Why an image's registry does not do something, and what is wrong with this machine's logins."""

from datetime import timedelta

from bot.domain.reason import Name, Reason, Said, reason

# ── content ───────────────────────────────────────────────────────────────────────────────────────────


@reason("image_absent")
class Absent(Reason):
    """The registry does not have a manifest or a blob of an image."""

    address: Name
    image: Name


@reason("image_digest_mismatch")
class DigestMismatch(Reason):
    """The content is not what was asked for."""

    address: Name
    found: Name
    expected: Name


@reason("image_digest_unknown")
class DigestUnknown(Reason):
    """The digest is of an algorithm that Callboard does not compute."""

    digest: Name


@reason("image_registry_refused")
class Refused(Reason):
    """Any refusal that is not known."""

    address: Name
    status: int
    said: Said | None = None


# ── logging in ────────────────────────────────────────────────────────────────────────────────────────


@reason("image_login_refused")
class LoginRefused(Reason):
    """401 or 403."""

    address: Name
    status: int


@reason("image_login_missing")
class LoginMissing(Reason):
    """The registry requires a login, and this machine has none for it."""

    host: Name


@reason("image_login_unsupported")
class LoginUnsupported(Reason):
    """The registry requires a login of an unknown kind."""

    host: Name


@reason("image_logins_unreadable")
class LoginsUnreadable(Reason):
    """A file of logins cannot be read, in the operating system's words; None: it is not JSON."""

    path: Name
    said: Said | None = None


@reason("image_login_invalid")
class LoginInvalid(Reason):
    """An `auth` in a file of logins is not base64 of `user:password`."""

    path: Name


@reason("image_helper_missing")
class HelperMissing(Reason):
    """A credential helper cannot be started."""

    helper: Name
    registry: Name


@reason("image_helper_slow")
class HelperSlow(Reason):
    """A credential helper did not answer in time."""

    helper: Name
    within: timedelta


@reason("image_helper_malformed")
class HelperMalformed(Reason):
    """A credential helper's answer does not follow its protocol."""

    helper: Name


@reason("image_tokens_insecure")
class TokensInsecure(Reason):
    """The registry names an address for logins that is not https."""

    host: Name
    realm: Name | None = None


@reason("image_tokens_unreachable")
class TokensUnreachable(Reason):
    """The server that issues the registry's tokens does not answer."""

    realm: Name
    host: Name
    cause: Reason


@reason("image_token_refused")
class TokenRefused(Reason):
    """No token was issued."""

    realm: Name
    repository: Name
    host: Name
    status: int
    anonymous: bool
    """This machine has no login for it."""


@reason("image_token_malformed")
class TokenMalformed(Reason):
    """What was issued is not a token."""

    realm: Name
