"""What a pass gathers about a merged promotion."""

from dataclasses import replace
from typing import Any, cast

import pytest

from bot.domain.chat import Person
from bot.domain.errors import Temporary
from bot.domain.promotion import Fact, FactKind, State
from bot.engine.evidence import Clients, gather
from bot.rules.release.decision import MoveAlias, Rollout
from bot.rules.release.lifecycle import decide
from bot.store.store import Loaded
from tests.fixtures.evidence import LIVE, PROMOTION, READY, fact, told
from tests.fixtures.promotions import NOON


class Nothing:
    """A cluster without the workload, a chat in which everybody may decide, and a registry that knows the alias."""

    freezes: Any = property(lambda self: self)

    async def of_stage(self, _stage: str) -> None:
        return

    def policy(self, _target: object) -> object:
        return replace(READY.policy, approvers=())

    def repository_of(self, _model: str) -> str:
        return "acme/models"

    def of(self, _cluster: object) -> object:
        return self

    @property
    def watch(self) -> object:
        return self

    kubernetes: Any = watch
    pods: Any = watch

    async def ensure(self, *_: object, **__: object) -> None:
        return

    def trouble(self, *_: object) -> None:
        return

    def fresh(self, *_: object) -> bool:
        return True

    def snapshot(self, *_: object, **__: object) -> None:
        return

    async def person(self, user: str, *, fresh: bool) -> Person:
        return Person(id=user, name=user, entitled=fresh)

    async def alias(self, _model: str, _stage: str) -> int:
        return 1

    async def version_details(self, _what: object) -> None:
        raise Temporary(told("no answer"))


async def gathered(*facts: Fact) -> Rollout:
    nothing = cast("Any", Nothing())
    stalled = replace(PROMOTION, state=State.STALLED, previous=1)
    loaded = Loaded(
        target=stalled.target,
        revision=1,
        wake_ups=0,
        tries=0,
        intent=None,
        intent_at=None,
        place=None,
        promotion=stalled,
        facts=facts,
        release=LIVE,
        newest=None,
        approved_heads=(),
        attempted=0,
        digest=None,
    )
    clients = Clients(slack=nothing, github=nothing, mlflow=nothing, clusters=nothing)
    seen = await gather(loaded, config=nothing, store=nothing, clients=clients, now=NOON)
    assert isinstance(seen, Rollout)
    return seen


async def test_the_alias_is_known_when_somebody_accepts_what_the_cluster_does_not_show() -> None:
    accepted = await gathered(fact(FactKind.ACCEPT, "bob"))
    assert accepted.health is None
    assert decide(accepted).action == MoveAlias(version=3, previous=1)


@pytest.mark.parametrize("facts", [(), (fact(FactKind.ACCEPT, "bob", answered=True),)])
async def test_the_registry_is_not_asked_while_there_is_nothing_to_conclude(facts: tuple[Fact, ...]) -> None:
    assert (await gathered(*facts)).alias is None
