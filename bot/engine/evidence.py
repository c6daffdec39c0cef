"""Gather what a decision may look at: the store and the outside systems, read only.

Each state asks only for what its rule needs, so that waiting for an approval costs few requests.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from bot.clients.github.client import GitHub
from bot.clients.mlflow.client import MLflow
from bot.clients.slack.client import Slack
from bot.cluster.clusters import Clusters
from bot.cluster.watch import Watch
from bot.config.app_yaml import Config
from bot.domain.cluster import HealthStatus
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import Policy
from bot.domain.promotion import (
    ApprovalState,
    FactKind,
    Kind,
    PinnedStatus,
    Promotion,
    PullStatus,
    Release,
    State,
    Verdict,
)
from bot.domain.registry import Comparison, ModelVersion, VersionDetails
from bot.domain.repository import Base, Pull, PullState
from bot.domain.target import Pin, Place, Target
from bot.domain.verification import Answer
from bot.engine import agents, verification
from bot.engine.observation import last_lines, observe
from bot.engine.places import check_owner, find_place, followed_anyhow
from bot.engine.voters import entitled_voters
from bot.rules import pins
from bot.rules.kubernetes import kinds
from bot.rules.parsing import emoji
from bot.rules.pins.place import cluster_of
from bot.rules.release.comparison import compare
from bot.rules.release.decision import (
    Editable,
    Evidence,
    Manifest,
    PinReview,
    Proposal,
    PullReview,
    Review,
    Rollout,
    Uneditable,
    Voters,
)
from bot.rules.release.freezes import in_force
from bot.rules.release.gates import judge, verdict
from bot.rules.release.stalled import DECISIONS
from bot.rules.release.statuses import HELD
from bot.rules.release.verification import method_of
from bot.store.store import Loaded, Store

R = TypeVar("R", bound=Review)


ASKED: Final = frozenset({State.VERIFYING, State.STALLED})
"""The states in which new pods are asked for their version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The outside systems, one client each."""

    slack: Slack
    github: GitHub
    mlflow: MLflow
    clusters: Clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where evidence comes from."""

    loaded: Loaded
    config: Config
    store: Store
    clients: Clients


async def gather(loaded: Loaded, *, config: Config, store: Store, clients: Clients, now: datetime) -> Evidence:
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
    pull, pinned = promotion.status.pull, promotion.status.pinned
    sources = Sources(loaded=loaded, config=config, store=store, clients=clients)
    match promotion.state:
        case State.CHECKING if promotion.digest is None:
            return await _proposal(evidence, promotion, sources)
        case State.PROPOSED if pinned is not None:
            return await _confirmed(await _pin_review(evidence, promotion, pinned, sources), clients.slack)
        case State.PROPOSED | State.MERGING if pull is not None:
            review = await _with_live(await _review(evidence, promotion, pull, sources), sources)
            return await _confirmed(review, clients.slack)
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
        merged_last=await sources.store.merged_last(promotion.target),
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
    loaded, github, policy = sources.loaded, sources.clients.github, sources.config.policy(promotion.target)
    base = await github.base()
    # A rollback is never blocked: where no digest is known, the one that is pinned is emptied.
    digest = loaded.digest or ("" if promotion.kind is Kind.ROLLBACK else None)
    pin = Pin(stage=promotion.target.stage, version=promotion.version, digest=digest)
    try:
        place, files = await _known_place(loaded, policy, base, github) or await _found_place(promotion, base, sources)
        texts = {path: files[path] for path in place.paths}
        if not followed_anyhow(promotion):
            places = await sources.store.places()
            await asyncio.to_thread(check_owner, promotion.target, place, texts, places, sources.config)
            await agents.check_seen(promotion, place, texts, sources.clients.clusters, sources.config)
        change = await asyncio.to_thread(pins.edit, texts, pin, promotion.target.model)
    except Permanent as error:
        return Uneditable(base=base, reason=error.reason)
    return Editable(base=base, place=place, change=change)


async def _known_place(
    loaded: Loaded, policy: Policy, base: Base, github: GitHub
) -> tuple[Place, dict[str, str]] | None:
    """Return the stored place and its files, if the pin is still there; this costs one request for each file."""
    if loaded.place is None or loaded.place.namespace is None:  # release 0.1.0 stored places without a namespace
        return None
    if loaded.place.cluster != cluster_of(loaded.target, policy):  # app.yaml was changed since
        return None
    files = await github.files(loaded.place.paths, base)
    try:
        found = await asyncio.to_thread(pins.find, files, loaded.target.model)
    except Permanent:
        return None  # it was there once; the whole folder has to be searched again
    return (loaded.place, files) if (found.path,) == loaded.place.paths else None


async def _found_place(promotion: Promotion, base: Base, sources: Sources) -> tuple[Place, dict[str, str]]:
    config, target = sources.config, promotion.target
    files = await sources.clients.github.folder(config.folder(target), base)
    try:
        return await asyncio.to_thread(find_place, files, target, config), files
    except Permanent:
        if not followed_anyhow(promotion):
            raise
        found = await asyncio.to_thread(pins.find, files, target.model)
        cluster = cluster_of(target, config.policy(target))
        return Place(paths=(found.path,), cluster=cluster), files


async def _upstream(evidence: Evidence, sources: Sources) -> Release | None:
    """Return the release of the stage that has to come first."""
    before = evidence.policy.after
    return await sources.store.release(Target(model=evidence.target.model, stage=before)) if before else None


async def _pin_review(evidence: Evidence, promotion: Promotion, pinned: PinnedStatus, sources: Sources) -> PinReview:
    upstream = await _upstream(evidence, sources)
    manifest, voters, comparison, unusable = await asyncio.gather(
        _manifest(promotion, sources),
        entitled_voters(evidence, promotion, sources.clients.slack),
        _late_metrics(promotion, sources),
        sources.clients.clusters.unusable(promotion.cluster),
    )
    return PinReview(
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
        pinned=pinned,
        manifest=manifest,
        upstream=upstream,
        voters=voters,
        comparison=comparison,
        unusable=unusable,
    )


async def _review(evidence: Evidence, promotion: Promotion, ours: PullStatus, sources: Sources) -> PullReview:
    clients = sources.clients
    upstream = await _upstream(evidence, sources)
    pull, manifest, voters, comparison, unusable = await asyncio.gather(
        clients.github.pull(ours.number),
        _manifest(promotion, sources),
        entitled_voters(evidence, promotion, clients.slack),
        _late_metrics(promotion, sources),
        clients.clusters.unusable(promotion.cluster),
    )
    withheld = await clients.github.missing(pull) if pull.withheld and _consented(ours, pull) else ()
    return PullReview(
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
        unusable=unusable,
    )


def _consented(ours: PullStatus, pull: Pull) -> bool:
    """Return whether our status on this head already says approved; only then is a missing check somebody else's."""
    approval = ours.approval
    return approval is not None and approval.state is ApprovalState.SUCCESS and approval.head == pull.head


async def _with_live(review: PullReview, sources: Sources) -> PullReview:
    """If the pull request may be merged now, ask the pods that run, whose answers tell how to verify the release."""
    if review.promotion.state is not State.PROPOSED:
        return review
    namespace = review.promotion.namespace
    cluster = sources.clients.clusters.of(review.promotion.cluster)
    await _watched(review.promotion, cluster.watch)  # early: the first lists take a moment
    if not _decides(review):
        return review
    try:
        health = observe(review.promotion, cluster.watch, review.now)
    except Temporary:
        return review  # no reason to wait: the new pods can be asked too
    workload = verification.workload(review.promotion, health, namespace)
    return replace(review, live=await verification.live(review, workload, cluster.pods))


async def _confirmed(review: R, slack: Slack) -> R:
    """If votes decide now, read again who reacts at this moment and who may vote."""
    message = review.promotion.status.message
    if message is None or not _decides(review):
        return review
    try:
        reactions = await slack.reactions(message.posted) or {}
        against = reactions.get(emoji.OF[FactKind.VETO], frozenset())
        voters = await entitled_voters(review, review.promotion, slack, more=against, fresh=True)
    except (Temporary, Permanent) as error:
        return replace(review, voters=Voters(overriders=review.voters.overriders, unsure=error.reason))
    return replace(review, voters=replace(voters, reactions=reactions))


async def _watched(promotion: Promotion, watch: Watch) -> None:
    """Start to watch what a promotion is followed by."""
    place = promotion.status.place
    configmaps = place is not None and place.in_configmap
    await watch.ensure(promotion.namespace, kinds.followed(place), configmaps=configmaps)


def _decides(review: Review) -> bool:
    """Return whether votes decide now: before the head is reported as approved, and before each attempt to merge."""
    open_pull = isinstance(review, PullReview) and review.pull.state is PullState.OPEN
    tried = review.promotion.state is State.MERGING and open_pull
    return (review.promotion.state is State.PROPOSED or tried) and verdict(judge(review)) is not Verdict.WAIT


async def _rollout(evidence: Evidence, promotion: Promotion, sources: Sources) -> Rollout:
    clients, cluster = sources.clients, sources.clients.clusters.of(promotion.cluster)
    namespace = promotion.namespace
    await _watched(promotion, cluster.watch)
    health = observe(promotion, cluster.watch, evidence.now, patient=not evidence.overdue)
    failing = health is not None and health.status is HealthStatus.DEGRADED
    log = await last_lines(cluster.kubernetes, namespace, health) if health is not None and failing else None
    served: Mapping[str, Answer] = {}
    alias, comparison, live = None, None, None
    workload = verification.workload(promotion, health, namespace)
    if promotion.state is State.SYNCING and promotion.status.verified_by is None:
        live = await verification.live(evidence, workload, cluster.pods)
    voters = Voters()
    decided = promotion.state is State.STALLED and any(f.kind in DECISIONS and not f.answered for f in evidence.facts)
    if decided:
        voters = await entitled_voters(evidence, promotion, clients.slack, fresh=True)
    silent = health is not None and (health.pin is None or health.pending is not None)  # then the pods tell
    if workload is not None and (promotion.state in ASKED or (promotion.state is State.SYNCING and silent)):
        how = method_of(promotion, evidence.policy.verify)
        values = await verification.values_of(promotion, how, sources.loaded.digest, clients.mlflow)
        served = await verification.ask(how, workload, values, cluster.pods)
    if promotion.state in ASKED:
        comparison = await _late_metrics(promotion, sources)
        if workload is not None or decided:  # only then the alias may move
            alias = await clients.mlflow.alias(promotion.target.model, promotion.target.stage)
    rollout = Rollout(
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
        live=live,
    )
    repository = sources.config.repository_of(promotion.target.model)
    return await agents.with_agent(rollout, cluster.watch, clients.github, repository)
