"""A target in a cluster that app.yaml names: what holds it up before the merge, and that its reasons name it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.promotion import Kind, State, Status, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.approval import ClusterUnusable
from bot.domain.reasons.rollout import NotPickedUp, NoWorkload, PickedUp
from bot.domain.target import Place
from bot.rules.release import gates
from bot.rules.release.decision import LATER, Rollout
from bot.rules.release.gates import cluster
from bot.rules.release.lifecycle import decide
from bot.rules.release.rollout import syncing
from bot.rules.wording.promotion_message import message
from bot.rules.wording.reasons import plain
from tests.fixtures.evidence import COMMON, HEALTHY, MANIFEST, PINNED, PROMOTION, READY, told, vary

BLIND = replace(READY, unusable=told("cluster prod: no such file"))
PLACE = Place(paths=("a.yaml",), namespace="ml", workload="iris", cluster="prod")


@pytest.mark.parametrize("review", [BLIND, replace(PINNED, unusable=BLIND.unusable)])
def test_nothing_is_released_where_nobody_could_follow_it(review: object) -> None:
    assert isinstance(review, type(READY) | type(PINNED))
    ruling = cluster.GATE.ask(review)
    assert (ruling.verdict, ruling.reason) == (Verdict.WAIT, ClusterUnusable(cause=told("cluster prod: no such file")))
    assert plain(ruling.reason) == "Callboard could not follow the rollout: cluster prod: no such file"
    assert gates.ends(review) == [review.now + LATER], "the file may be mounted any time"
    decision = decide(review)
    assert decision.state is None
    assert decision.wake is None or decision.wake <= LATER


def test_a_rollback_is_not_held_up() -> None:
    back = replace(BLIND, promotion=replace(BLIND.promotion, kind=Kind.ROLLBACK))
    assert cluster.GATE.ask(back).verdict is Verdict.PASS


def test_until_the_merge_a_promotion_moves_with_app_yaml() -> None:
    known = vary(READY, status_place=PLACE)
    moved = replace(PLACE, cluster="prod-eu")
    assert decide(replace(known, manifest=replace(MANIFEST, place=moved))).note["place"] == moved
    assert "place" not in decide(replace(known, manifest=replace(MANIFEST, place=PLACE))).note


def rollout(place: Place, **changes: object) -> Rollout:
    promotion = replace(PROMOTION, state=State.SYNCING, status=replace(PROMOTION.status, place=place))
    common = {name: getattr(READY, name) for name in COMMON}
    found = Rollout(
        **common,
        promotion=promotion,
        health=None,
        served={},
        voters=READY.voters,
        log=None,
        alias=None,
        comparison=None,
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # each has its field's type


@pytest.mark.parametrize(("name", "said"), [(None, "the cluster"), ("prod", "cluster prod")])
def test_what_the_cluster_does_is_said_with_its_name(name: str | None, said: str) -> None:
    place = replace(PLACE, cluster=name)
    picked_up = syncing(rollout(place, health=HEALTHY)).reason
    assert picked_up == PickedUp(cluster=Name(name) if name else None)
    assert plain(picked_up) == f"{said} has picked up the change"
    late = syncing(rollout(place, now=READY.now + timedelta(days=1))).reason
    assert isinstance(late, NotPickedUp)
    assert isinstance(late.found, NoWorkload)
    of_it = f" of {said}" if name else ""
    assert plain(late) == (
        f"{said} did not pick up the change within 15 minutes: no workload with MODEL_STAGE=production was found in "
        f"ml{of_it}"
    )


def test_the_message_names_it() -> None:
    status = Status(place=PLACE, pull=PROMOTION.status.pull)
    shown = message(replace(PROMOTION, state=State.SYNCING, status=status), health=None, policy=READY.policy)
    assert "Waiting for cluster `prod` to pick up the change" in str(shown.blocks)
