"""What GitHub is told of the approval, commit by commit.  Pure.

GitHub knows a status by its commit alone: whoever opens another pull request of an approved commit, or the same one
again, may merge it.  So an approval that does not hold any more is revoked at its commit, before anything else is done;
a promotion ends only when no approved commit of it is left but the one that was merged.
"""

from typing import Final

from bot.domain.promotion import Promotion, State, Verdict
from bot.domain.repository import PullState
from bot.rules.release import gates
from bot.rules.release.closing import elsewhere, why_close
from bot.rules.release.decision import Evidence, Revoke, Say
from bot.rules.wording.escape import bare

HELD: Final = frozenset({State.PROPOSED, State.MERGING})
"""The states in which the approval of a commit can hold; in any other, every approved commit that is left is void."""


def revocation(seen: Evidence, it: Promotion) -> Revoke | Say | None:
    """Return what must be said at an approved commit at once, one commit at a time."""
    for head in seen.approved_heads:
        because = _void(seen, it, head)
        if because is not None:
            return Revoke(head=head, because=because)
    return _withdrawn(seen, it)


def _void(seen: Evidence, it: Promotion, head: str) -> str | None:
    """Return why nobody may merge an approved commit any more, whatever the gates say."""
    if it.state not in HELD:
        return "the change is made again" if it.state is State.CHECKING else f"promotion {it.id} is {it.state}"
    pull = seen.pull
    if pull is None:
        return None
    if pull.state is PullState.CLOSED:
        return f"pull request {pull.number} was closed"
    if (told := elsewhere(seen)) is not None:
        return bare(told)
    return "the branch holds another commit now" if pull.head != head else None


def _withdrawn(seen: Evidence, it: Promotion) -> Say | None:
    """Return what the head says from now on, if it is approved and the gates do not pass any more."""
    pull = seen.pull
    if it.state is not State.PROPOSED or pull is None or pull.state is not PullState.OPEN:
        return None
    if pull.head not in seen.approved_heads:
        return None
    closing = why_close(seen, it)
    said = failure(pull.head, *closing) if closing is not None else status(seen, it)
    return said if said.state != "success" else None


def status(seen: Evidence, it: Promotion) -> Say:
    """Return what the pull request's head is to say of the approval: its first line is all that GitHub shows."""
    assert seen.pull is not None  # noqa: S101
    missing = [ruling for ruling in gates.consent(seen, it) if ruling.verdict is not Verdict.PASS]
    if not missing:
        return Say(head=seen.pull.head, state="success", because="approved in Slack")
    return Say(head=seen.pull.head, state="pending", because=bare(missing[0].because))


def failure(head: str, state: State, because: str) -> Say:
    """Return what the head of a pull request says that is closed in a moment."""
    return Say(head=head, state="failure", because=f"{state}: {bare(because)}")
