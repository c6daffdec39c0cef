"""Why the model registry (MLflow) does not do something."""

from bot.domain.reason import Name, Reason, Said, reason


@reason("registry_certificate_untrusted")
class CertificateUntrusted(Reason):
    """The server's certificate was not signed by a trusted authority, or is for another host."""

    address: Name
    said: Said | None = None


@reason("registry_credentials_refused")
class CredentialsRefused(Reason):
    """401."""

    address: Name
    said: Said | None = None


@reason("registry_host_refused")
class HostRefused(Reason):
    """403 by MLflow's check of the Host header."""

    address: Name
    host: Name
    said: Said

    @property
    def allowed(self) -> Name:
        """Return what to allow.  Entries are exact, the port included, and replace MLflow's defaults."""
        return Name(f"'{self.host},{self.host}:*'")


@reason("registry_not_allowed")
class NotAllowed(Reason):
    """403."""

    address: Name
    said: Said | None = None


@reason("registry_not_mlflow")
class NotMLflow(Reason):
    """404 without MLflow's message."""

    address: Name


@reason("registry_redirected")
class Redirected(Reason):
    """A redirect, which MLflow never sends."""

    address: Name
    status: int
    said: Said | None = None


@reason("registry_refused")
class Refused(Reason):
    """Any other refusal."""

    address: Name
    status: int
    said: Said | None = None
