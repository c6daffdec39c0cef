"""The rules of approving, each removed from the code once: the suite must notice."""
# ruff: noqa: E501  (lines of other files, as they stand there)

import shutil
from pathlib import Path
from typing import Final

MUTANTS: Final = {
    "veto": ("bot/rules/release/gates/vetoes.py", "    if against:\n        return Ruling(verdict=Verdict.BLOCK", "    if False:\n        return Ruling(verdict=Verdict.BLOCK"),
    "quorum": ("bot/rules/release/gates/approvals.py", "if given >= needed:", "if given >= 1:"),
    "requester": ("bot/rules/release/gates/votes.py", "own = by == promotion.requested_by and", "own = False and"),
    "requester's veto": ("bot/rules/release/gates/votes.py", "return by in review.voters.entitled or by == review.promotion.requested_by", "return by in review.voters.entitled"),
    "entitled": ("bot/rules/release/gates/votes.py", "    if by not in review.voters.entitled:\n        model", "    if False:\n        model"),
    "this change only": ("bot/rules/release/gates/votes.py", "if fact.digest != digest or digest is None:", "if False:"),
    "taken back": ("bot/rules/release/gates/votes.py", "elif fact.kind is take:", "elif False:"),
    "what is shown": ("bot/rules/release/gates/votes.py", "if by in now or not by_reaction]", "]"),
    "a veto that is shown": ("bot/rules/release/gates/votes.py", "(*kept, *sorted(now))", "(*kept,)"),
    "group": ("bot/engine/voters.py", "    return people & named.union(*members)", "    return people"),
    "full members": ("bot/engine/voters.py", "for person in known if person.entitled)", "for person in known)"),
    "deactivated": ("bot/clients/slack/answers.py", 'bool(self.deleted or ', "bool("),
    "bots": ("bot/clients/slack/answers.py", 'self.is_bot or ', ""),
    "guests": ("bot/clients/slack/answers.py", 'self.is_restricted or ', ""),
    "foreign workspaces": ("bot/clients/slack/answers.py", "entitled=full and team in teams", "entitled=full"),
    "read again": ("bot/engine/evidence.py", "return await _confirmed(review, clients.slack)", "return review"),
    "group read again": ("bot/engine/voters.py", "slack.members(group, fresh=fresh)", "slack.members(group)"),
    "person read again": ("bot/engine/voters.py", "slack.person(user, fresh=fresh)", "slack.person(user)"),
    "fail closed": ("bot/engine/evidence.py", "return replace(review, voters=Voters(overriders=review.voters.overriders, unsure=error.reason))", "return review"),
    "another change, another message": (
        "bot/rules/release/lifecycle.py", "message.digest not in {None, promotion.digest}", "False",
    ),
    "the change is made again": ("bot/rules/release/merging.py", "    if _changed(evidence):\n        return _remake(", "    if False:\n        return _remake("),
    "remembered before it is said": ("bot/store/heads.py", "    if decision.approves is not None:", "    if False:"),
    "remembered until it is revoked": ("bot/engine/actions.py", "settled=None if approved else head", "settled=head"),
    "revoked when it is made again": ("bot/rules/release/statuses.py", "    if promotion.state is State.CHECKING:\n        return BeingRemade()\n    if promotion.state not in HELD:\n", "    if False:\n"),
    "revoked when it is pushed over": ("bot/rules/release/statuses.py", "HeadMoved() if evidence.pull.head != head else None", "None"),
    "revoked when it is closed": ("bot/rules/release/statuses.py", "    if evidence.pull.state is PullState.CLOSED:\n", "    if False:\n"),
    "base branch": ("bot/rules/release/gates/base_branch.py", "    if pull.base == main:\n", "    if True:\n"),
    "merged elsewhere": ("bot/rules/release/closing.py", "or pull.base == main:", "or True:"),
    "asked again before each try": ("bot/rules/release/merging.py", "if lacking.verdict is not Verdict.PASS:", "if lacking.verdict is None:"),
    "read again before each try": ("bot/engine/evidence.py", "(review.promotion.state is State.PROPOSED or tried)", "review.promotion.state is State.PROPOSED"),
    "a pin is judged": ("bot/rules/release/by_hand.py", "if gates.verdict(rulings) is not Verdict.PASS:", "if False:"),
    "a pin is approved as it stands": ("bot/rules/release/by_hand.py", "manifest.change.digest == evidence.pinned.digest", "True"),
    "read again for a pin": ("bot/engine/evidence.py", "return await _confirmed(await _pin_review(evidence, promotion, pinned, sources), clients.slack)", "return await _pin_review(evidence, promotion, pinned, sources)"),
    "listening again": ("bot/rules/release/unheard.py", "found += [(give, by) for by in sorted(now - heard)]", "pass"),
}  # fmt: skip
"""What it is called → (file, how it stands there, how it stands there when the rule is taken out)."""


def places(name: str, root: Path) -> int:
    """Return in how many places the rule is found as it is written here."""
    path, old, _ = MUTANTS[name]
    return (root / path).read_text().count(old)


def without(name: str, root: Path, folder: Path) -> Path:
    """Return a copy of the program and its tests, in `folder`, from which a rule was taken out.

    Raises:
        AssertionError: the rule does not stand there in these words any more.
    """
    for part in ("bot", "handlers", "callboard_demo", "tests"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "page"))
    shutil.copy(root / "pyproject.toml", folder)
    path, old, new = MUTANTS[name]
    assert places(name, folder) == 1, f"{name}: {places(name, folder)} places in {path}"
    source = (folder / path).read_text()
    (folder / path).write_text(source.replace(old, new))
    return folder
