"""Gather what a decision may look at: the store and the outside systems, read only.

Each state asks only for what its rule needs, so that waiting for an approval costs few requests.
"""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.clients.github.client import GitHub
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.mlflow.client import MLflow
from bot.clients.pods import Pods
from bot.clients.slack.client import Slack
from bot.cluster.watch import Watch
from bot.config.app_yaml import Config
from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import ANYONE
from bot.domain.promotion import ApprovalState, FactKind, Kind, Promotion, PullStatus, State, Verdict
from bot.domain.reason import Name, Reason
from bot.domain.reasons.cluster import NotListed
from bot.domain.reasons.rollout import NoAddress
from bot.domain.registry import Comparison, ModelVersion, VersionDetails
from bot.domain.repository import Base, Pull, PullState
from bot.domain.target import Pin, Place, Target
from bot.rules import pins
from bot.rules.kubernetes import health
from bot.rules.parsing import emoji
from bot.rules.release.comparison import compare
from bot.rules.release.decision import Editable, Evidence, Manifest, Proposal, Review, Rollout, Uneditable, Voters
from bot.rules.release.freezes import in_force
from bot.rules.release.gates import judge, verdict
from bot.rules.release.rollout import counted
from bot.rules.release.stalled import DECISIONS
from bot.rules.release.statuses import HELD
from bot.rules.wording import redaction
from bot.store.store import Loaded, Store

VOTES: Final = frozenset({FactKind.APPROVE, FactKind.VETO, FactKind.OVERRIDE, *DECISIONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The outside systems, one client each."""

    slack: Slack
    github: GitHub
    mlflow: MLflow
    kubernetes: Kubernetes
    pods: Pods


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where evidence comes from."""

    loaded: Loaded
    config: Config
    store: Store
    clients: Clients
    watch: Watch


async def gather(
    loaded: Loaded, *, config: Config, store: Store, clients: Clients, watch: Watch, now: datetime
) -> Evidence:
    """Return the evidence for a decision about the target.

    Raises:
        Temporary: a system that has to be asked does not answer.
        Permanent: one refuses, and an operator must mend it.
    """
    policy = config.policy(loaded.target)
    promotion = loaded.promotion
    evidence = Evidence(
        now=now,
        target=loaded.target,
        policy=policy,
        promotion=promotion,
        release=loaded.release,
        newest=loaded.newest,
        attempted=loaded.attempted,
        approved_heads=loaded.approved_heads,
        facts=loaded.facts,
        freeze=in_force(await store.freezes.of_stage(loaded.target.stage), policy, loaded.target.stage, now),
    )
    if promotion is None or not promotion.state.open or (loaded.approved_heads and promotion.state not in HELD):
        return evidence  # approvals are revoked first, which needs no other system
    pull = promotion.status.pull
    sources = Sources(loaded=loaded, config=config, store=store, clients=clients, watch=watch)
    match promotion.state:
        case State.CHECKING if promotion.digest is None:
            return await _proposal(evidence, promotion, sources)
        case State.PROPOSED | State.MERGING if pull is not None:
            return await _confirmed(await _review(evidence, promotion, pull, sources), clients.slack)
        case State.SYNCING | State.ROLLING_OUT | State.VERIFYING | State.STALLED:
            return await _rollout(evidence, promotion, sources)
        case _:
            return evidence  # proposed already


async def _proposal(evidence: Evidence, promotion: Promotion, sources: Sources) -> Proposal:
    details, manifest = await asyncio.gather(
        sources.clients.mlflow.version_details(promotion.what), _manifest(promotion, sources)
    )
    comparison = await _compared(promotion, details, sources)
    return Proposal(
        now=evidence.now,
        target=evidence.target,
        policy=evidence.policy,
        release=evidence.release,
        newest=evidence.newest,
        attempted=evidence.attempted,
        approved_heads=evidence.approved_heads,
        facts=evidence.facts,
        freeze=evidence.freeze,
        promotion=promotion,
        details=details,
        comparison=comparison,
        manifest=manifest,
    )


async def _compared(promotion: Promotion, details: VersionDetails | None, sources: Sources) -> Comparison | None:
    release, mlflow = sources.loaded.release, sources.clients.mlflow
    live = ModelVersion(model=promotion.target.model, version=release.version) if release else None
    if details is None or live == promotion.what:
        return None
    return compare(await mlflow.version_details(live) if live is not None else None, details)


async def _late_metrics(promotion: Promotion, sources: Sources) -> Comparison | None:
    """Compare again while the candidate lacks a metric: they are often logged after the version is registered."""
    known = promotion.status.comparison
    if known is not None and known.metrics and all(candidate is not None for _, _, candidate in known.metrics):
        return None
    try:
        details = await sources.clients.mlflow.version_details(promotion.what)
        return await _compared(promotion, details, sources)
    except (Temporary, Permanent):
        return None  # useful, but no reason to stop


async def _manifest(promotion: Promotion, sources: Sources) -> Manifest:
    """Return the change that this promotion makes to the base, or why it cannot be made."""
    loaded, github = sources.loaded, sources.clients.github
    base = await github.base()
    # A rollback is never blocked: where no digest is known, the one that is pinned is emptied.
    digest = loaded.digest or ("" if promotion.kind is Kind.ROLLBACK else None)
    pin = Pin(stage=promotion.target.stage, version=promotion.version, digest=digest)
    try:
        place, files = await _known_place(loaded, base, github) or await _found_place(
            loaded.target, base, sources.config, github
        )
        change = pins.edit({path: files[path] for path in place.paths}, pin, promotion.target.model)
    except Permanent as error:
        return Uneditable(base=base, reason=error.reason)
    return Editable(base=base, place=place, change=change)


async def _known_place(loaded: Loaded, base: Base, github: GitHub) -> tuple[Place, dict[str, str]] | None:
    """Return the stored place and its files, if the pin is still there; this costs one request for each file."""
    if loaded.place is None:
        return None
    files = await github.files(loaded.place.paths, base)
    try:
        found = find_place(files, loaded.target)
    except Permanent:
        return None  # it was there once; the whole folder has to be searched again
    return (loaded.place, files) if found.paths == loaded.place.paths else None


async def _found_place(target: Target, base: Base, config: Config, github: GitHub) -> tuple[Place, dict[str, str]]:
    files = await github.folder(config.folder(target), base)
    return find_place(files, target), files


def find_place(files: Mapping[str, str], target: Target) -> Place:
    """Return where a target's pin is in these files.

    Raises:
        Permanent: nowhere, or in more than one place.
    """
    found = pins.find(files, target.model)
    return Place(paths=(found.path,), namespace=found.namespace, workload=found.workload)


async def _review(evidence: Evidence, promotion: Promotion, ours: PullStatus, sources: Sources) -> Review:
    clients = sources.clients
    policy = evidence.policy
    before = Target(model=promotion.target.model, stage=policy.after) if policy.after else None
    upstream = await sources.store.release(before) if before else None
    pull, manifest, voters, comparison = await asyncio.gather(
        clients.github.pull(ours.number),
        _manifest(promotion, sources),
        _voters(evidence, promotion, clients.slack),
        _late_metrics(promotion, sources),
    )
    withheld = await clients.github.missing(pull) if pull.withheld and _consented(ours, pull) else ()
    return Review(
        now=evidence.now,
        target=evidence.target,
        policy=evidence.policy,
        release=evidence.release,
        newest=evidence.newest,
        attempted=evidence.attempted,
        approved_heads=evidence.approved_heads,
        facts=evidence.facts,
        freeze=evidence.freeze,
        promotion=promotion,
        ours=ours,
        pull=pull,
        manifest=manifest,
        upstream=upstream,
        withheld=withheld,
        voters=voters,
        comparison=comparison,
    )


def _consented(ours: PullStatus, pull: Pull) -> bool:
    """Return whether our status on this head already says approved; only then is a missing check somebody else's."""
    approval = ours.approval
    return approval is not None and approval.state is ApprovalState.SUCCESS and approval.head == pull.head


async def _confirmed(review: Review, slack: Slack) -> Review:
    """If votes decide now, read again who reacts at this moment and who may vote."""
    message = review.promotion.status.message
    if message is None or not _decides(review):
        return review
    try:
        reactions = await slack.reactions(message.posted) or {}
        against = reactions.get(emoji.OF[FactKind.VETO], frozenset())
        voters = await _voters(review, review.promotion, slack, more=against, fresh=True)
    except (Temporary, Permanent) as error:
        return replace(review, voters=Voters(overriders=review.voters.overriders, unsure=error.reason))
    return replace(review, voters=replace(voters, reactions=reactions))


def _decides(review: Review) -> bool:
    """Return whether votes decide now: before the head is reported as approved, and before each attempt to merge."""
    tried = review.promotion.state is State.MERGING and review.pull.state is PullState.OPEN
    return (review.promotion.state is State.PROPOSED or tried) and verdict(judge(review)) is not Verdict.WAIT


async def _voters(
    evidence: Evidence, promotion: Promotion, slack: Slack, *, more: Set[str] = frozenset(), fresh: bool = False
) -> Voters:
    """Return which of those who voted may decide.  Where the chat cannot tell, nobody may."""
    policy = evidence.policy
    people = {f.by for f in evidence.facts if f.kind in VOTES and f.by != "callboard"} | more
    if promotion.kind is Kind.ROLLBACK and not promotion.automatic:
        people.add(promotion.requested_by)
    if not people:
        return Voters()
    try:
        allowed = await _allowed(people, policy.approvers, slack, fresh=fresh)
        may_return = await _allowed(people, policy.rollback_requesters, slack, fresh=fresh)
        may_override = await _allowed(people, policy.may_override or policy.approvers, slack, fresh=fresh)
        known = await asyncio.gather(
            *(slack.person(user, fresh=fresh) for user in sorted(allowed | may_override | may_return))
        )
    except (Temporary, Permanent) as error:
        return Voters(unsure=error.reason)
    members = frozenset(person.id for person in known if person.entitled)
    return Voters(entitled=members & allowed, overriders=members & may_override, returners=members & may_return)


async def _allowed(people: set[str], names: tuple[str, ...], slack: Slack, *, fresh: bool) -> set[str]:
    """Return the people whom `names` includes (user ids and user groups; empty, or ANYONE: everybody)."""
    if not names or ANYONE in names:
        return people
    named = {name for name in names if not name.startswith(("@", "S"))}
    groups = [name for name in names if name not in named]
    members = await asyncio.gather(*(slack.members(group, fresh=fresh) for group in groups))
    return people & named.union(*members)


async def _rollout(evidence: Evidence, promotion: Promotion, sources: Sources) -> Rollout:
    clients, watch = sources.clients, sources.watch
    namespace = namespace_of(promotion)
    await watch.ensure(namespace)
    health = observe(promotion, watch, evidence.now, patient=not evidence.overdue)
    failing = health is not None and health.status is HealthStatus.DEGRADED
    log = await _last_lines(clients.kubernetes, namespace, health) if health is not None and failing else None
    served: dict[str, Served | Reason] = {}
    alias, comparison = None, None
    voters = Voters()
    if promotion.state is State.STALLED and any(f.kind in DECISIONS and not f.answered for f in evidence.facts):
        voters = await _voters(evidence, promotion, clients.slack, fresh=True)
    if promotion.state in {State.VERIFYING, State.STALLED}:
        comparison = await _late_metrics(promotion, sources)
        if health is not None:
            ready = [pod for pod in health.pods if pod.ready]
            answers = await asyncio.gather(*(_served(clients.pods, pod) for pod in ready))
            served = dict(zip((pod.name for pod in ready), answers, strict=True))
            alias = await clients.mlflow.alias(promotion.target.model, promotion.target.stage)
    return Rollout(
        now=evidence.now,
        target=evidence.target,
        policy=evidence.policy,
        release=evidence.release,
        newest=evidence.newest,
        attempted=evidence.attempted,
        approved_heads=evidence.approved_heads,
        facts=evidence.facts,
        freeze=evidence.freeze,
        promotion=promotion,
        health=health,
        served=served,
        voters=voters,
        log=log,
        alias=alias,
        comparison=comparison,
    )


def namespace_of(promotion: Promotion) -> str:
    """Return where the promotion's workload runs."""
    place = promotion.status.place
    return (place.namespace if place is not None else None) or "default"


def observe(promotion: Promotion, watch: Watch, now: datetime, *, patient: bool = True) -> Health | None:
    """Return how the promotion's workload does; None when there is no such workload.

    Not to see it is no failure, but nobody waits for it for ever: once it is stalled, or who asks is not `patient` any
    more, its health is UNKNOWN.

    Raises:
        Temporary: the watch is not up to date, and may be soon.
    """
    namespace, place = namespace_of(promotion), promotion.status.place
    trouble = watch.trouble(namespace)
    if trouble is not None or not watch.fresh(namespace):
        blind = trouble or NotListed(namespace=Name(namespace))
        if patient and promotion.state is not State.STALLED:
            raise Temporary(blind)
        return Health(status=HealthStatus.UNKNOWN, reason=blind)
    workload = place.workload if place is not None else None
    snapshot = watch.snapshot(namespace, promotion.target.model, promotion.target.stage, workload)
    if snapshot is None:
        return None
    return health.judge(snapshot, now=now, stage=promotion.target.stage, only=counted(promotion))


async def _served(pods: Pods, pod: PodSeen) -> Served | Reason:
    if pod.address is None:
        return NoAddress()
    try:
        return await pods.served(pod.address)
    except (Temporary, Permanent) as error:
        return error.reason


async def _last_lines(kubernetes: Kubernetes, namespace: str, seen: Health) -> str | None:
    """Return the last log lines of the pod in trouble: of its previous container, if that was restarted."""
    if seen.culprit is None:
        return None
    restarted = any(pod.name == seen.culprit and pod.restarts for pod in seen.pods)
    for previous in (True, False) if restarted else (False, True):
        try:
            text = await kubernetes.log(namespace, seen.culprit, previous=previous)
        except (Temporary, Permanent):
            continue
        if text.strip():
            return redaction.last_words(redaction.redact(text))
    return None
