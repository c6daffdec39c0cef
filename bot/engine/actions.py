"""Do what was decided: one function per Action, one outside write each.

Every one of them may be done again: the client's verb looks first, then creates, and "already so" is success.
What comes back is what came of it.
"""

import logging
from dataclasses import dataclass, field

from bot.config.app_yaml import App
from bot.domain.errors import Denied, Permanent
from bot.domain.promotion import Promotion, RecordChange
from bot.domain.registry import ModelVersion
from bot.engine.evidence import Doors
from bot.engine.message_sync import card
from bot.rules.release.decision import (
    Action,
    ClosePull,
    Evidence,
    Intent,
    Merge,
    MoveAlias,
    Post,
    Propose,
    Revoke,
    Say,
    Tag,
    Whisper,
)
from bot.rules.release.names import branch
from bot.rules.wording import escape, pull_request
from bot.store.store import Loaded, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an act."""

    note: RecordChange = field(default_factory=RecordChange)
    """Fields of the promotion's Record."""
    settled: str | None = None
    """The commit that needs no revoking: it is merged, or GitHub does not say, or says no more, that it is approved."""


async def act(  # noqa: PLR0911, PLR0913  (one return for each action; what was decided, about what, and the doors it may use)
    action: Action, it: Promotion, loaded: Loaded, seen: Evidence, *, app: App, store: Store, doors: Doors
) -> Outcome:
    """Do it, and return what came of it.

    Raises:
        Temporary: it may not have happened; doing it again is safe.
        Permanent: the other side refuses, and an operator must mend it.
    """
    match action:
        case Propose():
            return Outcome(note=await _propose(action, it, seen, store, doors))
        case Post():
            return Outcome(note=await _post(it, loaded, seen, app, doors))
        case Whisper():
            await _whisper(action, it, seen, app, store, doors)
            return Outcome()
        case Say():
            return await _say(action, seen, doors)
        case Revoke():
            return await _revoke(action, it, doors)
        case Merge():
            return await _merge(action, seen, doors)
        case ClosePull():
            why = escape.markdown(escape.bare(action.because, 500), 1000)
            await doors.github.close_pull(action.number, f"Callboard closes this pull request: {why}.")
            await doors.github.delete_branch(branch(it.pair))
            return Outcome(note={"pull_closed": True})
        case MoveAlias():
            await doors.mlflow.move_alias(it.pair.model, it.pair.stage, action.version)
            return Outcome(note={"alias_moved": True, "previous_alias": action.previous})
        case Tag():
            await doors.mlflow.tag(ModelVersion(model=it.pair.model, version=action.version), action.key, action.value)
            return Outcome(note={"tagged": True})


async def _propose(action: Propose, it: Promotion, seen: Evidence, store: Store, doors: Doors) -> RecordChange:
    body = pull_request.body(it, seen.comparison, seen.policy, None)
    pull = await doors.github.propose(branch(it.pair), action.base, action.change.after, pull_request.title(it), body)
    await store.place(it.pair, action.place)
    return {
        "paths": action.place.paths,
        "digest": action.change.digest,
        "pull": pull.number,
        "pull_url": pull.url,
        "head": pull.head,
        "base": action.base.commit,
        "pull_closed": False,
    }


async def _say(action: Say, seen: Evidence, doors: Doors) -> Outcome:
    """A token that may not write statuses stops nobody from releasing: where the status is required, GitHub waits."""
    before = action.head in seen.approved_heads
    revokes, approved = before and action.state != "success", action.state == "success"
    try:
        await doors.github.say_approval(action.head, action.state, action.because, anew=revokes)
    except Permanent as error:
        if revokes:
            raise _unrevoked(action.head, error) from error
        log.warning("the commit status callboard/approval: %s", error)
        approved = before or (approved and not isinstance(error, Denied))  # as far as is known
    return Outcome(note={"approval": action.mark}, settled=None if approved else action.head)


async def _revoke(action: Revoke, it: Promotion, doors: Doors) -> Outcome:
    try:
        because = f"not approved any more: {action.because}"
        await doors.github.say_approval(action.head, "failure", because, anew=True)
    except Permanent as error:
        raise _unrevoked(action.head, error) from error
    spoken = it.record.approval is not None and action.head in it.record.approval
    return Outcome(note={"approval": None} if spoken else {}, settled=action.head)


def _unrevoked(head: str, error: Permanent) -> Permanent:
    return Permanent(f"the approval at commit {head[:7]} cannot be revoked, so anybody may merge it: {error}")


async def _merge(action: Merge, seen: Evidence, doors: Doors) -> Outcome:
    """What went into another branch, because somebody retargeted it at that very moment, is no merge of ours."""
    pull = await doors.github.merge(action.number, action.head)
    if seen.base is None or pull.base != seen.base.branch:
        return Outcome()
    return Outcome(note={"merge_commit": pull.merge_commit}, settled=action.head)


async def _post(it: Promotion, loaded: Loaded, seen: Evidence, app: App, doors: Doors) -> RecordChange:
    tried = loaded.intent_at if loaded.intent is Intent.POST else None
    message = card(it, seen.health, seen.policy, seen.now)
    key = f"promotion:{it.id}:{it.record.digest or it.state.value}"
    posted = await doors.slack.post(app.channel_of(it.pair.model), message, key=key, since=tried)
    return {"message": posted, "message_for": it.record.digest}


async def _whisper(action: Whisper, it: Promotion, seen: Evidence, app: App, store: Store, doors: Doors) -> None:
    await store.heard_out(action.fact, now=seen.now)
    channel = it.record.message.channel if it.record.message else app.channel_of(it.pair.model)
    await doors.slack.whisper(channel, action.to, escape.sentence(action.text, 1000))
