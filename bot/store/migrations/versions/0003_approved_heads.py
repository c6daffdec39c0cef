"""The commits at which the forge says that they are approved."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PROMOTIONS = sa.table(
    "promotions",
    *(sa.column(name) for name in ("id", "model", "stage", "record")),
    sa.column("entered_at", MOMENT),
)
HEADS = sa.table(
    "approved_heads", *(sa.column(name) for name in ("model", "stage", "sha", "promotion")), sa.column("at", MOMENT)
)
PAIRS = sa.table("pairs", *(sa.column(name) for name in ("model", "stage", "rings")), sa.column("wake_at", MOMENT))


def upgrade() -> None:
    """Make the table, and fill it with what was approved before and not merged."""
    op.create_table(
        "approved_heads",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("promotion", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "stage", "sha"),
    )
    op.create_index(op.f("ix_approved_heads_promotion"), "approved_heads", ["promotion"], unique=False)
    for row in op.get_bind().execute(sa.select(PROMOTIONS).order_by(PROMOTIONS.c.id)).all():
        sha = _approved(json.loads(row.record))
        if sha is not None:
            _fill(row, sha)


def _fill(row: sa.Row[tuple[object, ...]], sha: str) -> None:
    """Remember a commit, and make its pair due: where the promotion is over, it is revoked at the next start."""
    tx, pair = op.get_bind(), {"model": row.model, "stage": row.stage}
    tx.execute(sa.delete(HEADS).where(*_of(HEADS, pair), HEADS.c.sha == sha))  # two may have made the same commit
    tx.execute(sa.insert(HEADS).values(**pair, sha=sha, promotion=row.id, at=row.entered_at))
    tx.execute(sa.update(PAIRS).where(*_of(PAIRS, pair)).values(wake_at=row.entered_at, rings=PAIRS.c.rings + 1))


def _of(table: sa.TableClause, pair: dict[str, str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in pair.items()]


def _approved(record: dict[str, str | None]) -> str | None:
    """Return the commit that was last said to be approved ("success 1a2b3c…: approved in Slack") and is not merged."""
    word, _, rest = (record.get("approval") or "").partition(" ")
    merged = record.get("merge_commit") is not None
    return rest.partition(":")[0] if word == "success" and not merged else None
