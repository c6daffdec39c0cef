"""What follows when GitHub refuses our status at a commit that may be approved, or its answer is lost."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.domain.errors import Denied, Permanent, Temporary
from bot.domain.promotion import Approval, ApprovalState, Promotion, StatusChange
from bot.domain.reason import Name
from bot.domain.reasons.approval import ApprovedInSlack, HeadMoved, NotRevoked
from bot.domain.repository import Pull, PullState
from bot.engine.actions import Outcome, act
from bot.engine.evidence import Clients
from bot.rules.release.decision import Action, Evidence, Merge, Report, Revoke
from tests.fixtures.evidence import OURS, PROMOTION, READY, told

HEAD = "c0ffee0"
SUCCESS = Report(approval=Approval(head=HEAD, state=ApprovalState.SUCCESS, reason=ApprovedInSlack()))
PENDING = Report(approval=Approval(head=HEAD, state=ApprovalState.PENDING, reason=told("1 of 2 approvals")))
REVOKE = Revoke(head=HEAD, reason=HeadMoved())
UNKNOWN = READY
APPROVED = replace(UNKNOWN, approved_heads=(HEAD,))


def reported(approval: Approval | None) -> StatusChange:
    """Return the note that GitHub was told this."""
    return {"pull": replace(OURS, approval=approval)}


@dataclass
class GitHub:
    """Says yes, or raises what it is given."""

    error: Exception | None = None
    base: str = "main"
    asked: list[tuple[str, str, str, bool]] = field(default_factory=list)

    async def report_approval(self, sha: str, state: str, description: str, *, force: bool) -> None:
        self.asked.append((sha, state, description, force))
        if self.error is not None:
            raise self.error

    async def merge(self, number: int, head: str) -> Pull:
        return Pull(number=number, url="u", state=PullState.MERGED, head=head, base=self.base, merge_commit="m")


async def done(action: Action, seen: Evidence, github: GitHub, promotion: Promotion = PROMOTION) -> Outcome:
    no: Any = None
    clients = Clients(slack=no, mlflow=no, clusters=no, github=cast("Any", github))
    return await act(action, promotion, no, seen, config=no, store=no, clients=clients)


async def test_an_approval_stays_revocable_and_any_other_status_settles_the_commit() -> None:
    github = GitHub()
    assert await done(SUCCESS, UNKNOWN, github) == Outcome(note=reported(SUCCESS.approval), settled=None)
    assert await done(PENDING, APPROVED, github) == Outcome(note=reported(PENDING.approval), settled=HEAD)
    assert (await done(REVOKE, APPROVED, github)).settled == HEAD
    assert [(state, force) for _, state, _, force in github.asked] == [
        ("success", False), ("pending", True), ("failure", True),
    ]  # fmt: skip
    assert github.asked[-1][2] == "not approved any more: the branch holds another commit now"


@pytest.mark.parametrize(
    ("seen", "error", "settled"),
    [
        pytest.param(UNKNOWN, Denied(told("403")), HEAD, id="a token that may not write never approved it"),
        pytest.param(APPROVED, Denied(told("403")), None, id="a try before this one may have"),
        pytest.param(UNKNOWN, Permanent(told("not GitHub's answer")), None, id="nobody knows what became of it"),
    ],
)
async def test_an_approval_that_cannot_be_written_holds_up_no_release(
    seen: Evidence, error: Exception, settled: str | None
) -> None:
    assert await done(SUCCESS, seen, GitHub(error)) == Outcome(note=reported(SUCCESS.approval), settled=settled)


@pytest.mark.parametrize("action", [REVOKE, PENDING])
async def test_a_refused_revocation_stops_everything_else_and_is_reported(action: Action) -> None:
    with pytest.raises(Permanent) as refused:
        await done(action, APPROVED, GitHub(Denied(told("403"))))
    assert refused.value.reason == NotRevoked(head=Name("c0ffee0"), cause=told("403"))
    with pytest.raises(Temporary):
        await done(action, APPROVED, GitHub(Temporary(told("no answer"))))


async def test_our_status_at_the_present_head_is_written_again_after_a_revocation() -> None:
    pull = replace(OURS, approval=SUCCESS.approval)
    promotion = replace(PROMOTION, status=replace(PROMOTION.status, pull=pull))
    assert await done(REVOKE, APPROVED, GitHub(), promotion) == Outcome(note=reported(None), settled=HEAD)


async def test_a_merge_settles_its_head_where_it_went_into_main() -> None:
    merge = Merge(number=7, head=HEAD)
    assert await done(merge, APPROVED, GitHub()) == Outcome(
        note={"pull": replace(OURS, merge_commit="m")}, settled=HEAD
    )
    assert await done(merge, APPROVED, GitHub(base="release-1")) == Outcome()
