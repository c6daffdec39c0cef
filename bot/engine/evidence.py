"""Gather what a decision may look at: the store and the doors to the world, read only.

Each state asks only for what its rule looks at, so that waiting for an approval costs nobody a request.
"""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bot.clients.github.client import GitHub
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.mlflow.client import MLflow
from bot.clients.pods import Pods
from bot.clients.slack.client import Slack
from bot.cluster.watch import Watch
from bot.config.app_yaml import App
from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import ANYONE, Policy
from bot.domain.promotion import FactKind, Kind, Promotion, State, Verdict
from bot.domain.registry import Card, Comparison, ModelVersion
from bot.domain.repository import Base, Pull, PullState
from bot.domain.target import Pair, Pin
from bot.rules import pins
from bot.rules.kubernetes import health
from bot.rules.parsing import emoji
from bot.rules.release.comparison import compare
from bot.rules.release.decision import Evidence, Place
from bot.rules.release.freezes import in_force
from bot.rules.release.gates import judge, verdict
from bot.rules.release.statuses import HELD
from bot.rules.wording import redaction
from bot.store.store import Loaded, Store

SPOKEN: Final = frozenset({FactKind.APPROVE, FactKind.VETO, FactKind.OVERRIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The outside systems, one client each."""

    slack: Slack
    github: GitHub
    mlflow: MLflow
    kubernetes: Kubernetes
    pods: Pods


async def gather(loaded: Loaded, *, app: App, store: Store, doors: Doors, watch: Watch, now: datetime) -> Evidence:
    """Return the evidence for a decision about the pair.

    Raises:
        Temporary: a system that has to be asked does not answer.
        Permanent: one refuses, and an operator must mend it.
    """
    policy = app.policy(loaded.pair)
    more: dict[str, Any] = {}
    it = loaded.promotion
    if it is not None and it.state.open and not (loaded.approved_heads and it.state not in HELD):
        match it.state:  # else what was approved is revoked, which waits for no other system
            case State.CHECKING if it.record.digest is None:
                more = await _for_checking(loaded, it, app, doors)
            case State.PROPOSED | State.MERGING:
                more = await _for_gates(loaded, it, app, store, doors)
            case State.SYNCING | State.ROLLING_OUT | State.PROVING:
                more = await _for_rollout(it, doors, watch, now)
                if it.state is State.PROVING:
                    more |= await _late_metrics(loaded, it, doors)
            case _:
                pass  # proposed already, or over
    seen = Evidence(
        now=now,
        pair=loaded.pair,
        policy=policy,
        promotion=it,
        release=loaded.release,
        approved_heads=loaded.approved_heads,
        newest=loaded.newest,
        attempted=loaded.attempted,
        facts=loaded.facts,
        freeze=in_force(await store.freezes.of(loaded.pair.stage), policy, loaded.pair.stage, now),
        **more,
    )
    return await _confirmed(seen, loaded, doors)


async def _for_checking(loaded: Loaded, it: Promotion, app: App, doors: Doors) -> dict[str, Any]:
    card, repository = await asyncio.gather(doors.mlflow.card(it.what), _repository(loaded, it, app, doors.github))
    return {"card": card, "comparison": await _compared(loaded, it, card, doors), **repository}


async def _compared(loaded: Loaded, it: Promotion, card: Card | None, doors: Doors) -> Comparison | None:
    live = ModelVersion(model=it.pair.model, version=loaded.release.version) if loaded.release else None
    if card is None or live == it.what:
        return None
    return compare(await doors.mlflow.card(live) if live is not None else None, card)


async def _late_metrics(loaded: Loaded, it: Promotion, doors: Doors) -> dict[str, Any]:
    """Compare again while the candidate lacks a metric: they are often logged after the version is registered."""
    known = it.record.comparison
    if known is not None and known.metrics and all(candidate is not None for _, _, candidate in known.metrics):
        return {}
    try:
        return {"comparison": await _compared(loaded, it, await doors.mlflow.card(it.what), doors)}
    except (Temporary, Permanent):
        return {}  # good to know, and no reason to stop


async def _repository(loaded: Loaded, it: Promotion, app: App, github: GitHub) -> dict[str, Any]:
    """Return the base, and the change that this promotion makes to it (or why it cannot be made)."""
    base = await github.base()
    # Going back is never blocked: where no digest is known, the one that is pinned is emptied.
    digest = loaded.digest or ("" if it.kind is Kind.ROLLBACK else None)
    pin = Pin(stage=it.pair.stage, version=it.version, digest=digest)
    try:
        place, files = await _known_place(loaded, base, github) or await _found_place(loaded.pair, base, app, github)
        change = pins.edit({path: files[path] for path in place.paths}, pin, it.pair.model)
    except Permanent as error:
        return {"base": base, "refusal": str(error)}
    return {"base": base, "place": place, "change": change}


async def _known_place(loaded: Loaded, base: Base, github: GitHub) -> tuple[Place, dict[str, str]] | None:
    """Return the place that is remembered and its files, if the pin still stands there: a request a file, no more."""
    if loaded.place is None:
        return None
    files = await github.files(loaded.place.paths, base)
    try:
        found = find_place(files, loaded.pair)
    except Permanent:
        return None  # it stood there once; the whole folder must be looked through again
    return (loaded.place, files) if found.paths == loaded.place.paths else None


async def _found_place(pair: Pair, base: Base, app: App, github: GitHub) -> tuple[Place, dict[str, str]]:
    files = await github.folder(app.folder(pair), base)
    return find_place(files, pair), files


def find_place(files: Mapping[str, str], pair: Pair) -> Place:
    """Return where a pair's pin stands in these files.

    Raises:
        Permanent: nowhere, or in more than one place.
    """
    found = pins.find(files, pair.model)
    return Place(paths=(found.path,), namespace=found.namespace, workload=found.workload)


async def _for_gates(loaded: Loaded, it: Promotion, app: App, store: Store, doors: Doors) -> dict[str, Any]:
    if it.record.pull is None:
        return {}
    policy = app.policy(it.pair)
    upstream = await store.release(Pair(model=it.pair.model, stage=policy.after)) if policy.after else None
    pull, repository, entitled, metrics = await asyncio.gather(
        doors.github.pull(it.record.pull),
        _repository(loaded, it, app, doors.github),
        _entitled(loaded, it, policy, doors.slack),
        _late_metrics(loaded, it, doors),
    )
    withheld = await doors.github.missing(pull) if pull.withheld and _consented(it, pull) else ()
    return {"pull": pull, "upstream": upstream, "withheld": withheld, **repository, **entitled, **metrics}


def _consented(it: Promotion, pull: Pull) -> bool:
    """Say whether this very head tells that it is approved: only then is what GitHub lacks somebody else's."""
    return it.record.approval is not None and it.record.approval.startswith(f"success {pull.head}:")


async def _confirmed(seen: Evidence, loaded: Loaded, doors: Doors) -> Evidence:
    """Read again what may have changed since, where this would decide: who reacts at this moment, and who counts."""
    it = seen.promotion
    if it is None or it.record.message is None or not _decides(seen, it):
        return seen
    try:
        shown = await doors.slack.reactions(it.record.message) or {}
        against = shown.get(emoji.OF[FactKind.VETO], frozenset())
        fresh = await _entitled(loaded, it, seen.policy, doors.slack, more=against, fresh=True)
    except (Temporary, Permanent) as error:
        return replace(seen, entitled=frozenset(), unsure=str(error))
    return replace(seen, reactions=shown, **({"entitled": frozenset(), "overriders": frozenset()} | fresh))


def _decides(seen: Evidence, it: Promotion) -> bool:
    """Say whether people's words decide now: before the head is said to be approved, and before each try to merge."""
    tried = it.state is State.MERGING and seen.pull is not None and seen.pull.state is PullState.OPEN
    return (it.state is State.PROPOSED or tried) and verdict(judge(seen, it)) is not Verdict.WAIT


async def _entitled(
    loaded: Loaded, it: Promotion, policy: Policy, slack: Slack, *, more: Set[str] = frozenset(), fresh: bool = False
) -> dict[str, Any]:
    """Return which of those who spoke may decide.  Where the chat cannot say, nobody may."""
    said = {f.by for f in loaded.facts if f.kind in SPOKEN and f.by != "callboard"}
    people = said | more
    if it.kind is Kind.ROLLBACK and not it.automatic:
        people.add(it.requested_by)
    if not people:
        return {}
    try:
        allowed = await _allowed(people, policy.approvers, slack, fresh=fresh)
        may_override = await _allowed(people, policy.may_override or policy.approvers, slack, fresh=fresh)
        known = await asyncio.gather(*(slack.person(user, fresh=fresh) for user in sorted(allowed | may_override)))
    except (Temporary, Permanent) as error:
        return {"unsure": str(error)}
    members = frozenset(person.id for person in known if person.entitled)
    return {"entitled": members & allowed, "overriders": members & may_override}


async def _allowed(people: set[str], names: tuple[str, ...], slack: Slack, *, fresh: bool) -> set[str]:
    """Return those of the people whom `names` (user ids and user groups; none, or ANYONE: everybody) means."""
    if not names or ANYONE in names:
        return people
    named = {name for name in names if not name.startswith(("@", "S"))}
    groups = [name for name in names if name not in named]
    members = await asyncio.gather(*(slack.members(group, fresh=fresh) for group in groups))
    return people & named.union(*members)


async def _for_rollout(it: Promotion, doors: Doors, watch: Watch, now: datetime) -> dict[str, Any]:
    namespace = it.record.namespace or "default"
    await watch.ensure(namespace)
    seen = look(it, watch, now)
    more: dict[str, Any] = {"health": seen}
    if seen is None:
        return more
    if seen.status is HealthStatus.DEGRADED and seen.culprit is not None:
        more["log"] = await _last_words(doors.kubernetes, namespace, seen)
    if it.state is State.PROVING:
        asked = [pod for pod in seen.pods if pod.ready]
        said = await asyncio.gather(*(_served(doors.pods, pod) for pod in asked))
        more["served"] = dict(zip((pod.name for pod in asked), said, strict=True))
        more["alias"] = await doors.mlflow.alias(it.pair.model, it.pair.stage)
    return more


def look(it: Promotion, watch: Watch, now: datetime) -> Health | None:
    """Return how the promotion's workload does; None when there is no such workload.

    Raises:
        Temporary: what the watch holds is not current.
    """
    namespace = it.record.namespace or "default"
    trouble = watch.trouble(namespace)
    if trouble is not None or not watch.fresh(namespace):
        raise Temporary(trouble or f"the cluster has not listed namespace {namespace} yet")
    sighting = watch.sighting(namespace, it.pair.model, it.pair.stage, it.record.workload)
    return health.judge(sighting, now=now, stage=it.pair.stage) if sighting is not None else None


async def _served(pods: Pods, pod: PodSeen) -> Served | str:
    if pod.address is None:
        return "it has no address yet"
    try:
        return await pods.served(pod.address)
    except (Temporary, Permanent) as error:
        return str(error)


async def _last_words(kubernetes: Kubernetes, namespace: str, seen: Health) -> str | None:
    """Return the end of the culprit's log: of the run before, where it was restarted since."""
    culprit = seen.culprit
    assert culprit is not None  # noqa: S101
    restarted = any(pod.name == culprit and pod.restarts for pod in seen.pods)
    for previous in (True, False) if restarted else (False, True):
        try:
            text = await kubernetes.log(namespace, culprit, previous=previous)
        except (Temporary, Permanent):
            continue
        if text.strip():
            return redaction.last_words(redaction.redact(text))
    return None
