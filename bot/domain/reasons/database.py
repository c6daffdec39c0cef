"""Why the database, which holds Callboard's record, does not do something."""

from bot.domain.reason import Reason, Said, reason


@reason("database_unreachable")
class Unreachable(Reason):
    """The database is lost or busy, in its driver's words."""

    said: Said


@reason("database_session_lost")
class SessionLost(Reason):
    """The session that holds PostgreSQL's lock is gone, so another Callboard may work."""
