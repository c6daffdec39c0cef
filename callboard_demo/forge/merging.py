"""Whether a pull request may merge, and the three merge methods, as real merges of real commits.

Source of the states: https://docs.github.com/en/graphql/reference/enums#mergestatestatus.  The messages are those that
GitHub's merge endpoint was seen to return; clients can tell the cases apart only by them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from callboard_demo.forge.hub import BRANCH, Hub
from callboard_demo.forge.records import PullRecord
from callboard_demo.forge.refused import Refused
from callboard_demo.forge.repository import Signed

NAMES = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mergeability:
    """GitHub's view of a pull request before a merge is attempted.  `because` is the error message."""

    mergeable: bool | None
    state: str
    because: str | None = None


def mergeability(hub: Hub, pull: PullRecord) -> Mergeability:
    """Return whether `pull` can be merged now, and why not."""
    base = hub.git.head(pull.base)
    if not pull.open or base is None:
        return Mergeability(mergeable=None, state="unknown", because="Pull Request is not mergeable")
    if hub.git.merged_tree(base, pull.head_sha) is None:
        return Mergeability(mergeable=False, state="dirty", because="Pull Request is not mergeable")
    if pull.draft:
        return Mergeability(mergeable=True, state="draft", because="Pull Request is still a draft")
    if because := _unmet(hub, pull):
        return Mergeability(mergeable=True, state="blocked", because=because)
    protection = hub.records.protections.get(pull.base)
    if protection and protection.strict and not hub.git.contains(pull.head_sha, base):
        return Mergeability(mergeable=True, state="behind", because="Head branch is out of date with the base branch.")
    return Mergeability(mergeable=True, state="clean" if _green(hub, pull.head_sha) else "unstable")


def outcomes(hub: Hub, sha: str) -> dict[str, bool | None]:
    """Return each check and status of a commit: True passed, False failed, None pending."""
    states = {status.context: status.state for status in hub.records.statuses_of(sha)}
    runs = {check.name: check.conclusion for check in hub.records.checks_of(sha)}
    seen: dict[str, bool | None] = {
        context: None if state == "pending" else state == "success" for context, state in states.items()
    }
    passed = {"success", "neutral", "skipped"}
    return seen | {name: None if conclusion is None else conclusion in passed for name, conclusion in runs.items()}


def _green(hub: Hub, sha: str) -> bool:
    return all(outcomes(hub, sha).values())


def _unmet(hub: Hub, pull: PullRecord) -> str | None:
    protection = hub.records.protections.get(pull.base)
    if protection is None:
        return None
    if protection.locked:
        return "Cannot change this locked branch"
    if protection.queued:
        return "Repository rule violations found\n\nChanges must be made through the merge queue\n\n"
    return _unmet_checks(outcomes(hub, pull.head_sha), protection.checks) or _unmet_reviews(pull, protection.approvals)


def _unmet_reviews(pull: PullRecord, wanted: int) -> str | None:
    newest = {review.user: review.state for review in pull.reviews if review.state != "COMMENTED"}
    if "CHANGES_REQUESTED" in newest.values():
        return "Changes have been requested on this pull request."
    if sum(state == "APPROVED" for state in newest.values()) < wanted:
        return f"At least {wanted} approving review is required by reviewers with write access."
    return None


def _unmet_checks(seen: dict[str, bool | None], required: Sequence[str]) -> str | None:
    words = {False: "failing", None: "pending"}
    unmet = {check: words[seen[check]] if check in seen else "expected" for check in required if not seen.get(check)}
    if not unmet:
        return None
    if len(required) == 1:
        [(check, word)] = unmet.items()
        return f'Required status check "{check}" is {word}.'
    kinds = Counter(unmet.values())
    if len(kinds) == 1 and "failing" not in kinds:
        return f"{len(unmet)} of {len(required)} required status checks are {next(iter(kinds))}."
    counts = " and ".join(f"{count} {word}" for word, count in sorted(kinds.items()))
    return f"{len(unmet)} of {len(required)} required status checks have not succeeded: {counts}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A merge request's parameters."""

    by: str
    method: str = "merge"
    sha: str | None = None
    """The reviewed head; any other is refused."""
    title: str | None = None
    message: str | None = None


def merge(hub: Hub, pull: PullRecord, wish: Wish) -> str:
    """Merge a pull request; return the new head of the base branch.

    Raises:
        Refused: 405 if rules or conflicts forbid it, 409 if the head is not the one named in `wish`.
            Source: https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
    """
    _refuse(hub, pull, wish)
    base = hub.git.head(pull.base)
    if base is None:
        raise Refused(405, "Pull Request is not mergeable")
    makers = {"merge": _merge_commit, "squash": _squash, "rebase": _rebase}
    sha = makers[wish.method](hub, pull, base, wish)
    closed = hub.shut(pull, by=wish.by, merge_sha=sha)
    hub.move(BRANCH + pull.base, sha, by=wish.by)
    hub.changed(closed)
    return sha


def _refuse(hub: Hub, pull: PullRecord, wish: Wish) -> None:
    if pull.open and wish.sha not in {None, pull.head_sha}:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    if pull.open and hub.base_races:
        hub.base_races -= 1
        raise Refused(405, "Base branch was modified. Review and try the merge again.")
    if wish.method not in NAMES:
        raise Refused(422, "Invalid request.\n\nNo such merge_method.")
    if pull.open and wish.method not in hub.methods:
        raise Refused(405, f"{NAMES[wish.method]} are not allowed on this repository.")
    if because := mergeability(hub, pull).because:
        raise Refused(405, because)


def _merge_commit(hub: Hub, pull: PullRecord, base: str, wish: Wish) -> str:
    title = wish.title or f"Merge pull request #{pull.number} from {hub.owner}/{pull.head}"
    message = pull.title if wish.message is None else wish.message
    return _commit(hub, _tree(hub, base, pull), [base, pull.head_sha], _text(title, message), wish.by)


def _squash(hub: Hub, pull: PullRecord, base: str, wish: Wish) -> str:
    mine = [commit.message for commit in hub.git.log(pull.head_sha, without=base)]
    title = wish.title or f"{pull.title} (#{pull.number})"
    titles = "\n\n".join(f"* {text}" for text in reversed(mine)) if len(mine) > 1 else ""
    message = titles if wish.message is None else wish.message
    return _commit(hub, _tree(hub, base, pull), [base], _text(title, message), wish.by)


def _rebase(hub: Hub, pull: PullRecord, base: str, wish: Wish) -> str:
    onto = base
    mine = [commit for commit in hub.git.log(pull.head_sha, without=base) if not commit.parents[1:]]  # no merges
    for commit in reversed(mine):
        under = hub.git.commit(onto)
        tree = hub.git.picked_tree(under, commit) if under else None
        if tree is None:
            raise Refused(405, "This branch can't be rebased due to conflicts")
        author = Signed(name=commit.author.name, email=commit.author.email, time=commit.author.time)
        onto = hub.git.write_commit(
            commit.message, tree=tree, parents=[onto], author=author, committer=Signed.by(wish.by)
        )
    return onto


def _tree(hub: Hub, base: str, pull: PullRecord) -> str:
    tree = hub.git.merged_tree(base, pull.head_sha)
    if tree is None:
        raise Refused(405, "Pull Request is not mergeable")
    return tree


def _commit(hub: Hub, tree: str, parents: list[str], message: str, by: str) -> str:
    return hub.git.write_commit(message, tree=tree, parents=parents, author=Signed.by(by))


def _text(title: str, message: str) -> str:
    return f"{title}\n\n{message}" if message else title


def update(hub: Hub, pull: PullRecord, *, expected: str | None, by: str) -> None:
    """Merge the base branch into the head branch.

    Raises:
        Refused: 422 for a head other than `expected`, a conflict, or a head that already contains the base.
            Source: https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request-branch
    """
    base = hub.git.head(pull.base)
    if expected not in {None, pull.head_sha}:
        raise Refused(422, "expected head sha didn't match current head ref.")
    if base is None or not pull.open or hub.git.contains(pull.head_sha, base):
        raise Refused(422, "There are no new commits on the base branch.")
    tree = hub.git.merged_tree(pull.head_sha, base)
    if tree is None:
        raise Refused(422, "merge conflict between base and head")
    message = f"Merge branch '{pull.base}' into {pull.head}"
    hub.move(BRANCH + pull.head, _commit(hub, tree, [pull.head_sha, base], message, by), by=by)


def trial(hub: Hub, pull: PullRecord) -> str | None:
    """Return the test merge that GitHub shows as `merge_commit_sha` of an open pull request, which is easy to misread.

    Source: https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
    """
    base = hub.git.head(pull.base)
    if not pull.open or base is None:
        return pull.merge_sha
    tree, head = hub.git.merged_tree(base, pull.head_sha), hub.git.commit(pull.head_sha)
    if tree is None or head is None:
        return None
    signed = Signed(
        name="GitHub", email="noreply@github.test", time=head.commit_time
    )  # so that it is always the same commit
    return hub.git.write_commit(
        f"Merge {pull.head_sha} into {base}", tree=tree, parents=[base, pull.head_sha], author=signed
    )
