"""An agent's word is asked for only where it counts, and GitHub only for a revision that is new."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.config.app_yaml import parse
from bot.domain.cluster import AgentObject, Health, HealthStatus, Snapshot
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.promotion import Promotion, State
from bot.domain.reasons.agents import LastApplied
from bot.domain.reasons.cluster import NotListed
from bot.domain.reasons.places import NothingTells
from bot.domain.reasons.rollout import EveryPodReady
from bot.domain.target import Pin, Place, Target
from bot.domain.verification import Method
from bot.engine.agents import check_seen, with_agent
from bot.rules.kubernetes.kinds import deployment as deployments
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.release.decision import Rollout, Voters
from tests.fixtures.agent_objects import APPLICATION, REPOSITORY, TRACKING, application
from tests.fixtures.evidence import told
from tests.fixtures.promotions import NOON
from tests.fixtures.rollout_history import MERGE, POLICY, RELEASE, merged
from tests.fixtures.workload import NAME, deployment

CONFIGMAP = "kind: ConfigMap\nmetadata: {name: pin, namespace: models}\ndata: {MODEL_STAGE: production}\n"
ENV = "kind: Deployment\nmetadata: {name: iris, namespace: models}\nenv: [{name: MODEL_STAGE, value: production}]\n"
PLACE = Place(paths=("a.yaml",), namespace="models", workload=NAME)
SILENT = Health(status=HealthStatus.HEALTHY, reason=EveryPodReady())


@dataclass
class Cluster:
    """A watch of one Deployment, which an Application applies."""

    objects: Mapping[AgentObject, Json] = field(default_factory=dict)
    tracked: bool = True
    complete: bool = True
    known: bool = True

    @property
    def watch(self) -> "Cluster":
        return self

    def of(self, _name: str | None) -> "Cluster":
        return self

    async def ensure(self, namespace: str, kind: Kind) -> None:
        assert (namespace, kind) == ("models", deployments.KIND)

    def fresh(self, _namespace: str, _kind: Kind) -> bool:
        return self.complete

    def trouble(self, _namespace: str, _kind: Kind) -> None:
        return None

    def snapshot(self, _namespace: str, _model: str, _stage: str, workload: str | None, _kind: Kind) -> Snapshot:
        assert workload == NAME
        its = deployment()
        if self.tracked:
            its["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = TRACKING
        return Snapshot(workload=its)

    def agent(self, its: AgentObject, *, namespace: str, target: Target) -> Json | None:
        assert (namespace, target.stage) == ("models", "production")
        return self.objects.get(its)

    def listed(self, _its: AgentObject) -> bool:
        return self.known


@dataclass
class GitHub:
    """A repository in which every commit contains the merge; it counts what is asked."""

    trouble: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def contains(self, revision: str, commit: str) -> bool:
        self.asked.append((revision, commit))
        if self.trouble:
            raise Temporary(told("GitHub is down"))
        return True


def rollout(state: State = State.SYNCING, method: Method = Method.ROLLOUT, health: Health | None = SILENT) -> Rollout:
    promotion = merged(state, method)
    return Rollout(
        now=NOON,
        target=promotion.target,
        policy=POLICY,
        promotion=promotion,
        release=RELEASE,
        newest=None,
        attempted=promotion.version,
        approved_heads=(),
        facts=(),
        freeze=None,
        health=health,
        served={},
        voters=Voters(),
        log=None,
        alias=None,
        comparison=None,
    )


async def seen(evidence: Rollout, cluster: Cluster, github: GitHub | None = None) -> Rollout:
    return await with_agent(evidence, cast("Any", cluster), cast("Any", github or GitHub()), REPOSITORY)


SYNCED = {APPLICATION: application(revision=MERGE)}


async def test_a_revision_with_the_merge_is_applied() -> None:
    github = GitHub()
    found = await seen(rollout(), Cluster(SYNCED), github)
    assert found.agent is not None
    assert isinstance(found.agent.waits, LastApplied)
    assert (found.applied, github.asked) == (True, [(MERGE, MERGE)])


@pytest.mark.parametrize(
    "evidence",
    [
        rollout(method=Method.CALLBOARD),
        rollout(health=replace(SILENT, pin=Pin(stage="production", version=2))),
        rollout(health=None),
    ],
)
async def test_github_is_not_asked_where_the_template_or_the_pods_tell(evidence: Rollout) -> None:
    github = GitHub()
    found = await seen(evidence, Cluster(SYNCED), github)
    assert found.agent is not None
    assert (found.applied, github.asked) == (False, [])


@pytest.mark.parametrize("state", [State.ROLLING_OUT, State.VERIFYING, State.STALLED])
async def test_what_is_picked_up_needs_no_agent(state: State) -> None:
    assert await seen(rollout(state), Cluster(SYNCED)) == rollout(state)


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(SYNCED, tracked=False)])
async def test_without_an_agent_nothing_changes(cluster: Cluster) -> None:
    assert await seen(rollout(), cluster) == rollout()


async def test_a_github_that_does_not_answer_applies_nothing() -> None:
    found = await seen(rollout(), Cluster(SYNCED), GitHub(trouble=True))
    assert (found.agent is not None, found.applied) == (True, False)


# ── before a change is proposed ──────────────────────────────────────────────────────────────────────


def checking() -> Promotion:
    return replace(merged(State.CHECKING), status=replace(merged(State.CHECKING).status, pull=None))


async def check(
    cluster: Cluster, *, verify: str = "rollout", text: str = CONFIGMAP, state: State = State.CHECKING
) -> None:
    config = parse(f"repository: {REPOSITORY}\nstages: {{production: {{verify: {verify}}}}}\n")
    promotion = replace(checking(), state=state)
    await check_seen(promotion, PLACE, {"a.yaml": text}, cast("Any", cluster), config)


async def test_a_pin_that_only_an_agent_tells_of_needs_one() -> None:
    await check(Cluster(SYNCED))
    with pytest.raises(Permanent) as refused:
        await check(Cluster())
    assert isinstance(refused.value.reason, NothingTells)
    with pytest.raises(Permanent):
        await check(Cluster(SYNCED, tracked=False))


@pytest.mark.parametrize("cluster", [Cluster(SYNCED, complete=False), Cluster(known=False)])
async def test_what_is_not_known_yet_is_waited_for(cluster: Cluster) -> None:
    with pytest.raises(Temporary) as waits:
        await check(cluster)
    assert isinstance(waits.value.reason, NotListed)


async def test_whatever_else_tells_needs_no_agent() -> None:
    await check(Cluster(), verify="callboard")
    await check(Cluster(), text=ENV)
    await check(Cluster(), state=State.PROPOSED)
