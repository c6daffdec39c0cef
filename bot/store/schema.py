"""The tables.  Only `bot.store` reads or writes them; its `migrations` create them.

facts and transitions are append-only, which triggers enforce; the other tables hold the present state.  Tables and
columns keep the names of release 0.1.0: `pairs` holds the targets, `record` a promotion's status, `because` a reason.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from typing_extensions import override

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A zoned datetime.  SQLite keeps no zone, so everything is stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC."""
        return value.astimezone(UTC) if value else None

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return it with its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)  # type: ignore[no-any-return]  # the driver's value is untyped


class Words(TypeDecorator[str]):
    """Text without NUL characters, which PostgreSQL cannot store."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Remove what cannot be stored."""
        return value.replace("\0", "") if value else value


facts = Table(
    "facts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False, unique=True),  # the same for a second delivery
    Column("kind", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("promotion", Integer, index=True),
    Column("digest", Words),
    Column("body", JSON, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("fact", Integer, primary_key=True),  # the person was answered, or is being answered
    Column("at", Moment, nullable=False),
)

early = Table(
    "early",
    metadata,
    Column("key", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("channel", Words, nullable=False),  # votes on a message that may turn out to be ours
    Column("ts", Words, nullable=False),
    Column("body", JSON, nullable=False),
)

freezes = Table(
    "freezes",
    metadata,
    Column("stage", Words, primary_key=True),
    Column("until", Moment),  # None: until somebody lifts it
    Column("reason", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

user_groups = Table(
    "user_groups",
    metadata,
    Column("name", Words, primary_key=True),  # as app.yaml writes it: "@ml-release-captains"
    Column("members", JSON, nullable=False),
    Column("at", Moment, nullable=False),  # the time of the last update
)

pairs = Table(
    "pairs",
    metadata,
    Column("model", Words, primary_key=True),
    Column("stage", Words, primary_key=True),
    Column("revision", Integer, nullable=False, default=0),  # compare-and-set: one decision at a time
    Column("wake_at", Moment, index=True),
    Column(
        "rings", Integer, nullable=False, default=0
    ),  # how often it was woken: a pass that began before does not count
    Column("tries", Integer, nullable=False, default=0),  # failed passes in a row
    Column("intent", Words),  # the action whose outcome is not known yet
    Column("intent_at", Moment),
    Column("place", JSON(none_as_null=True)),  # paths, namespace and workload, as last seen in the repository
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("model", Words, nullable=False),
    Column("stage", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("previous", BigInteger),
    Column("requested_by", Words, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("state", Words, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Column("because", Words, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("told", Boolean, nullable=False, default=False),  # its message is posted
    Column("record", Words, nullable=False),
    Index(
        "one_open_promotion_per_pair",
        "model",
        "stage",
        unique=True,
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
)

approved_heads = Table(
    "approved_heads",
    metadata,
    Column("model", Words, primary_key=True),
    Column("stage", Words, primary_key=True),
    Column("sha", Words, primary_key=True),  # GitHub shows it, or may show it, as approved; revoked ones are deleted
    Column("promotion", Integer, nullable=False, index=True),
    Column("at", Moment, nullable=False),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("promotion", Integer, nullable=False, index=True),
    Column("state", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("because", Words, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("model", Words, nullable=False, index=True),
    Column("stage", Words, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("since", Moment, nullable=False),
    Column("previous", BigInteger),
    Column("promotion", Integer),  # None: found in the registry at the first start
)

models = Table(
    "models",
    metadata,
    Column("name", Words, primary_key=True),
    Column("aliases", JSON, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("model", Words, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("heard_at", Moment, nullable=False),
    Column("baseline", Boolean, nullable=False),  # existed at the first start: never announced
    Column("real", Boolean, nullable=False, default=False),  # the registry has confirmed that it exists
    Column("wake_at", Moment, index=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("intent_at", Moment),
    Column("channel", Words),
    Column("ts", Words),
    Column("shown", Words),  # hash of what the chat confirmed last
    Column("complete", Boolean, nullable=False, default=False),  # its announcement needs no more updates
)

messages = Table(
    "messages",
    metadata,
    Column("channel", Words, primary_key=True),
    Column("ts", Words, primary_key=True),
    Column("promotion", Integer, nullable=False, index=True),
    Column("digest", Words),
    Column("current", Boolean, nullable=False),
    Column("shown", Words),
    Column("settled", Boolean, nullable=False),  # it needs no more edits
)
