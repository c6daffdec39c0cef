"""Do what was decided: one function per Action, one outside write each.

Every action may be repeated: the client reads first, then writes, and "already so" is success.
"""

import logging
from dataclasses import dataclass, field, replace

from bot.config.app_yaml import Config
from bot.domain.errors import Denied, Permanent
from bot.domain.promotion import (
    Approval,
    ApprovalState,
    MessageStatus,
    Promotion,
    PullStatus,
    StatusChange,
)
from bot.domain.reason import Name
from bot.domain.reasons.approval import NotRevoked, Revoked
from bot.domain.registry import ModelVersion
from bot.engine.evidence import Clients
from bot.engine.message_sync import build_message
from bot.rules.release.decision import (
    Action,
    ClosePull,
    Evidence,
    Intent,
    Merge,
    MoveAlias,
    Post,
    Proposal,
    Propose,
    PullReview,
    Reply,
    Report,
    Revoke,
    Rollout,
    Tag,
)
from bot.rules.release.names import branch
from bot.rules.wording import pull_request
from bot.rules.wording.reasons import plain, reply
from bot.store.store import Loaded, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an action."""

    note: StatusChange = field(default_factory=StatusChange)
    """What changes in the promotion's status."""
    settled: str | None = None
    """The commit that needs no revoking any more: it is merged, or GitHub does not call it approved."""


async def act(  # noqa: PLR0911, PLR0913  (one return for each action; what was decided, about what, and the clients it may use)
    action: Action,
    promotion: Promotion,
    loaded: Loaded,
    evidence: Evidence,
    *,
    config: Config,
    store: Store,
    clients: Clients,
) -> Outcome:
    """Do the action and return its outcome.

    Raises:
        Temporary: it may not have happened; doing it again is safe.
        Permanent: the other side refuses, and an operator must mend it.
    """
    match action:
        case Propose():
            return Outcome(note=await _propose(action, promotion, evidence, store, clients))
        case Post():
            return Outcome(note=await _post(promotion, loaded, evidence, config, clients))
        case Reply():
            await _reply(action, promotion, evidence, config, store, clients)
            return Outcome()
        case Report():
            return await _report(action, promotion, evidence, clients)
        case Revoke():
            return await _revoke(action, promotion, clients)
        case Merge():
            return await _merge(action, promotion, evidence, clients)
        case ClosePull():
            await clients.github.close_pull(action.number, pull_request.closing(action.reason))
            await clients.github.delete_branch(branch(promotion.target))
            pull = promotion.status.pull
            return Outcome(note={"pull": replace(pull, closed=True)} if pull is not None else {})
        case MoveAlias():
            await clients.mlflow.move_alias(promotion.target.model, promotion.target.stage, action.version)
            registry = replace(promotion.status.registry, alias_moved=True, previous_alias=action.previous)
            return Outcome(note={"registry": registry})
        case Tag():
            await clients.mlflow.tag(
                ModelVersion(model=promotion.target.model, version=action.version), action.key, action.value
            )
            return Outcome(note={"registry": replace(promotion.status.registry, tagged=True)})


async def _propose(
    action: Propose, promotion: Promotion, evidence: Evidence, store: Store, clients: Clients
) -> StatusChange:
    comparison = evidence.comparison if isinstance(evidence, Proposal) else promotion.status.comparison
    body = pull_request.body(promotion, comparison, evidence.policy, None)
    title, name = pull_request.title(promotion), branch(promotion.target)
    pull = await clients.github.propose(name, action.base, action.change.after, title, body)
    await store.place(promotion.target, action.place)
    proposed = PullStatus(
        number=pull.number, url=pull.url, digest=action.change.digest, head=pull.head, base=action.base.commit
    )
    return {"place": action.place, "pull": proposed}


async def _report(action: Report, promotion: Promotion, evidence: Evidence, clients: Clients) -> Outcome:
    """Report the approval.  A token that may not write statuses stops no release."""
    head, state = action.approval.head, action.approval.state
    before = head in evidence.approved_heads
    revokes, approved = before and state is not ApprovalState.SUCCESS, state is ApprovalState.SUCCESS
    try:
        await clients.github.report_approval(head, state, plain(action.approval.reason), force=revokes)
    except Permanent as error:
        if revokes:
            raise _unrevoked(head, error) from error
        log.warning("the commit status callboard/approval: %s", plain(error.reason))
        approved = before or (approved and not isinstance(error, Denied))  # as far as is known
    return Outcome(note=_reported(promotion, action.approval), settled=None if approved else head)


async def _revoke(action: Revoke, promotion: Promotion, clients: Clients) -> Outcome:
    try:
        words = plain(Revoked(cause=action.reason))
        await clients.github.report_approval(action.head, ApprovalState.FAILURE, words, force=True)
    except Permanent as error:
        raise _unrevoked(action.head, error) from error
    pull = promotion.status.pull
    last = pull.approval if pull is not None else None
    current = last is not None and last.head == action.head
    return Outcome(note=_reported(promotion, None) if current else {}, settled=action.head)


def _reported(promotion: Promotion, approval: Approval | None) -> StatusChange:
    pull = promotion.status.pull
    return {"pull": replace(pull, approval=approval)} if pull is not None else {}


def _unrevoked(head: str, error: Permanent) -> Permanent:
    return Permanent(NotRevoked(head=Name(head[:7]), cause=error.reason))


async def _merge(action: Merge, promotion: Promotion, evidence: Evidence, clients: Clients) -> Outcome:
    """Merge.  If somebody retargeted the pull request at that moment, it is not a merge of ours."""
    pull, ours = await clients.github.merge(action.number, action.head), promotion.status.pull
    if ours is None or not isinstance(evidence, PullReview) or pull.base != evidence.manifest.base.branch:
        return Outcome()
    return Outcome(
        note={"pull": replace(ours, merge_commit=pull.merge_commit, merged_at=pull.merged_at)}, settled=action.head
    )


async def _post(
    promotion: Promotion, loaded: Loaded, evidence: Evidence, config: Config, clients: Clients
) -> StatusChange:
    tried = loaded.intent_at if loaded.intent is Intent.POST else None
    health = evidence.health if isinstance(evidence, Rollout) else None
    message = build_message(promotion, health, evidence.policy, evidence.now)
    key = f"promotion:{promotion.id}:{promotion.digest or promotion.state.value}"
    posted = await clients.slack.post(config.channel_of(promotion.target.model), message, key=key, since=tried)
    return {"message": MessageStatus(posted=posted, digest=promotion.digest)}


async def _reply(
    action: Reply, promotion: Promotion, evidence: Evidence, config: Config, store: Store, clients: Clients
) -> None:
    await store.mark_answered(action.fact, now=evidence.now)
    message = promotion.status.message
    channel = message.posted.channel if message is not None else config.channel_of(promotion.target.model)
    await clients.slack.post_ephemeral(channel, action.to, reply(action.reason))
