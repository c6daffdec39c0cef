"""What comes of a word at a commit that may be approved, when GitHub refuses it or its answer is lost."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.domain.errors import Denied, Permanent, Temporary
from bot.domain.promotion import Promotion
from bot.domain.repository import Base, Pull, PullState
from bot.engine.actions import Outcome, act
from bot.engine.evidence import Doors
from bot.rules.release.decision import Action, Evidence, Merge, Revoke, Say
from tests.fixtures.evidence import IT, READY

HEAD = "c0ffee0"
SUCCESS = Say(head=HEAD, state="success", because="approved in Slack")
PENDING = Say(head=HEAD, state="pending", because="1 of 2 approvals")
REVOKE = Revoke(head=HEAD, because="the branch holds another commit now")
UNKNOWN = replace(READY, base=Base(branch="main", commit="c", tree="t"))
APPROVED = replace(UNKNOWN, approved_heads=(HEAD,))


@dataclass
class GitHub:
    """Says yes, or raises what it is given."""

    error: Exception | None = None
    base: str = "main"
    asked: list[tuple[str, str, str, bool]] = field(default_factory=list)

    async def say_approval(self, sha: str, state: str, description: str, *, anew: bool) -> None:
        self.asked.append((sha, state, description, anew))
        if self.error is not None:
            raise self.error

    async def merge(self, number: int, head: str) -> Pull:
        return Pull(number=number, url="u", state=PullState.MERGED, head=head, base=self.base, merge_commit="m")


async def done(action: Action, seen: Evidence, github: GitHub, it: Promotion = IT) -> Outcome:
    no: Any = None
    doors = Doors(slack=no, mlflow=no, kubernetes=no, pods=no, github=cast("Any", github))
    return await act(action, it, no, seen, app=no, store=no, doors=doors)


async def test_what_is_said_to_be_approved_stays_to_be_revoked_and_anything_else_settles_it() -> None:
    github = GitHub()
    assert await done(SUCCESS, UNKNOWN, github) == Outcome(note={"approval": SUCCESS.mark}, settled=None)
    assert await done(PENDING, APPROVED, github) == Outcome(note={"approval": PENDING.mark}, settled=HEAD)
    assert (await done(REVOKE, APPROVED, github)).settled == HEAD
    assert [(state, anew) for _, state, _, anew in github.asked] == [
        ("success", False), ("pending", True), ("failure", True),
    ]  # fmt: skip
    assert github.asked[-1][2] == "not approved any more: the branch holds another commit now"


@pytest.mark.parametrize(
    ("seen", "error", "settled"),
    [
        pytest.param(UNKNOWN, Denied("403"), HEAD, id="a token that may not write never approved it"),
        pytest.param(APPROVED, Denied("403"), None, id="a try before this one may have"),
        pytest.param(UNKNOWN, Permanent("that is no answer of GitHub's"), None, id="nobody knows what became of it"),
    ],
)
async def test_an_approval_that_cannot_be_written_holds_up_no_release(
    seen: Evidence, error: Exception, settled: str | None
) -> None:
    assert await done(SUCCESS, seen, GitHub(error)) == Outcome(note={"approval": SUCCESS.mark}, settled=settled)


@pytest.mark.parametrize("action", [REVOKE, PENDING])
async def test_a_revocation_that_is_refused_stops_everything_else_and_says_so(action: Action) -> None:
    with pytest.raises(
        Permanent, match="the approval at commit c0ffee0 cannot be revoked, so anybody may merge it: 403"
    ):
        await done(action, APPROVED, GitHub(Denied("403")))
    with pytest.raises(Temporary):
        await done(action, APPROVED, GitHub(Temporary("no answer")))


async def test_a_word_at_the_present_head_is_said_again_after_a_revocation() -> None:
    it = replace(IT, record=replace(IT.record, approval=SUCCESS.mark))
    assert await done(REVOKE, APPROVED, GitHub(), it) == Outcome(note={"approval": None}, settled=HEAD)


async def test_a_merge_settles_its_head_where_it_went_into_main() -> None:
    merge = Merge(number=7, head=HEAD)
    assert await done(merge, APPROVED, GitHub()) == Outcome(note={"merge_commit": "m"}, settled=HEAD)
    assert await done(merge, APPROVED, GitHub(base="release-1")) == Outcome()
