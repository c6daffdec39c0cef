"""A promotion's status is grouped, and reasons are codes with parameters."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PROMOTIONS = sa.table("promotions", *(sa.column(name) for name in ("id", "record")))


def upgrade() -> None:
    """Regroup what is known of each promotion; the sentences that were stored stay as they are, as told."""
    tx = op.get_bind()
    for row in tx.execute(sa.select(PROMOTIONS).order_by(PROMOTIONS.c.id)).all():
        status = json.dumps(_grouped(json.loads(row.record)))
        tx.execute(sa.update(PROMOTIONS).where(PROMOTIONS.c.id == row.id).values(record=status))


def _grouped(flat: dict[str, Any]) -> dict[str, Any]:
    groups = {
        "place": _place(flat),
        "pull": _pull(flat),
        "message": _message(flat),
        "consent": _consent(flat),
        "comparison": _comparison(flat.get("comparison")),
        "failing": _failing(flat),
        "registry": {name: flat[name] for name in ("alias_moved", "previous_alias", "tagged") if name in flat},
        "trouble": _told(flat.get("trouble")),
        "healthy_since": flat.get("healthy_since"),
        "verified_digest": flat.get("proven_digest"),
        "clear_since": flat.get("clear_since"),
        "followup": flat.get("followup"),
    }
    return {name: value for name, value in groups.items() if value is not None}


def _told(text: str | None) -> dict[str, str] | None:
    return {"code": "told", "text": text} if text else None


def _place(flat: dict[str, Any]) -> dict[str, Any] | None:
    if not flat.get("paths") and not flat.get("workload") and not flat.get("namespace"):
        return None
    names = {name: flat.get(name) for name in ("namespace", "workload")}
    return {"paths": flat.get("paths") or [], **names}


def _pull(flat: dict[str, Any]) -> dict[str, Any] | None:
    if flat.get("pull") is None:
        return None
    same = {name: flat.get(name) for name in ("digest", "head", "base", "tried", "merge_commit")}
    closed, url = flat.get("pull_closed", False), flat.get("pull_url") or ""
    return {"number": flat["pull"], "url": url, "closed": closed, "approval": _approval(flat.get("approval")), **same}


def _approval(mark: str | None) -> dict[str, Any] | None:
    """Read "success 1a2b3c…: approved in Slack"."""
    state, _, rest = (mark or "").partition(" ")
    head, _, why = rest.partition(": ")
    return {"head": head, "state": state, "reason": _told(why or state)} if head else None


def _message(flat: dict[str, Any]) -> dict[str, Any] | None:
    return {"posted": flat["message"], "digest": flat.get("message_for")} if flat.get("message") else None


def _consent(flat: dict[str, Any]) -> dict[str, Any]:
    rulings = [{"verdict": r["verdict"], "reason": _told(r["because"] or "–")} for r in flat.get("rulings", ())]
    return {"rulings": rulings, "approved_by": flat.get("approved_by", [])}


def _comparison(flat: dict[str, Any] | None) -> dict[str, Any] | None:
    if flat is None:
        return None
    reasons = {name: [_told(text) for text in flat.get(name, ())] for name in ("signature_changes", "requirements")}
    return {**flat, **reasons}


def _failing(flat: dict[str, Any]) -> dict[str, Any] | None:
    if not flat.get("failing_since") or not flat.get("failing_because"):
        return None
    return {"since": flat["failing_since"], "reason": _told(flat["failing_because"]), "log": flat.get("log")}
