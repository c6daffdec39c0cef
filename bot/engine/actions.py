"""Do what was decided: one function per Action, one outside write each.

Every one of them may be done again: the client's verb looks first, then creates, and "already so" is success.
What comes back are the fields of the promotion's Record that tell what came of it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from bot.config.app_yaml import App
from bot.domain.errors import Permanent
from bot.domain.promotion import Promotion
from bot.domain.registry import ModelVersion
from bot.engine.evidence import Doors
from bot.engine.message_sync import card
from bot.rules.release.decision import Action, ClosePull, Evidence, Merge, MoveAlias, Post, Propose, Say, Tag, Whisper
from bot.rules.release.names import branch
from bot.rules.wording import escape, pull_request
from bot.store.store import Loaded, Store

log = logging.getLogger(__name__)


async def act(  # noqa: PLR0911, PLR0913  (one return for each action; what was decided, about what, and the doors it may use)
    action: Action, it: Promotion, loaded: Loaded, seen: Evidence, *, app: App, store: Store, doors: Doors
) -> Mapping[str, Any]:
    """Do it, and return what came of it as fields of the Record.

    Raises:
        Temporary: it may not have happened; doing it again is safe.
        Permanent: the other side refuses, and an operator must mend it.
    """
    match action:
        case Propose():
            return await _propose(action, it, seen, store, doors)
        case Post():
            return await _post(it, loaded, seen, app, doors)
        case Whisper():
            return await _whisper(action, it, seen, app, store, doors)
        case Say():
            return await _say(action, doors)
        case Merge():
            pull = await doors.github.merge(action.number, action.head)
            return {"merge_commit": pull.merge_commit}
        case ClosePull():
            why = escape.markdown(escape.bare(action.because, 500), 1000)
            await doors.github.close_pull(action.number, f"Callboard closes this pull request: {why}.")
            await doors.github.delete_branch(branch(it.pair))
            return {"pull_closed": True}
        case MoveAlias():
            await doors.mlflow.move_alias(it.pair.model, it.pair.stage, action.version)
            return {"alias_moved": True, "previous_alias": action.previous}
        case Tag():
            await doors.mlflow.tag(ModelVersion(model=it.pair.model, version=action.version), action.key, action.value)
            return {"tagged": True}


async def _propose(action: Propose, it: Promotion, seen: Evidence, store: Store, doors: Doors) -> Mapping[str, Any]:
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


async def _say(action: Say, doors: Doors) -> Mapping[str, Any]:
    """A token that may not write statuses stops nobody from releasing: where the status is required, GitHub waits."""
    try:
        await doors.github.say_approval(action.head, action.state, action.because)
    except Permanent as error:
        log.warning("the commit status callboard/approval: %s", error)
    return {"approval": action.mark}


async def _post(it: Promotion, loaded: Loaded, seen: Evidence, app: App, doors: Doors) -> Mapping[str, Any]:
    tried = loaded.intent_at if loaded.intent == Post.__name__ else None
    message = card(it, seen.health, seen.policy, seen.now)
    key = f"promotion:{it.id}:{it.record.digest or it.state.value}"
    posted = await doors.slack.post(app.channel_of(it.pair.model), message, key=key, since=tried)
    return {"message": posted, "message_for": it.record.digest}


async def _whisper(
    action: Whisper, it: Promotion, seen: Evidence, app: App, store: Store, doors: Doors
) -> Mapping[str, Any]:
    await store.heard_out(action.fact, now=seen.now)
    channel = it.record.message.channel if it.record.message else app.channel_of(it.pair.model)
    await doors.slack.whisper(channel, action.to, escape.sentence(action.text, 1000))
    return {}
