"""The rules of approving, each taken out of the code once: the suite has to notice."""
# ruff: noqa: E501  (lines of other files, as they stand there)

import shutil
from pathlib import Path
from typing import Final

MUTANTS: Final = {
    "veto": ("bot/rules/release/gates/vetoes.py", "    if against:\n        return Ruling(verdict=Verdict.BLOCK", "    if False:\n        return Ruling(verdict=Verdict.BLOCK"),
    "quorum": ("bot/rules/release/gates/approvals.py", "if len(given) >= needed:", "if len(given) >= 1:"),
    "requester": ("bot/rules/release/gates/votes.py", "if by == it.requested_by and it.kind", "if False and it.kind"),
    "requester's veto": ("bot/rules/release/gates/votes.py", "if by in seen.entitled or by == it.requested_by)", "if by in seen.entitled)"),
    "entitled": ("bot/rules/release/gates/votes.py", "    if by not in seen.entitled:\n        who", "    if False:\n        who"),
    "this change only": ("bot/rules/release/gates/votes.py", "if fact.digest != it.record.digest or it.record.digest is None:", "if False:"),
    "taken back": ("bot/rules/release/gates/votes.py", "elif fact.kind is take:", "elif False:"),
    "what is shown": ("bot/rules/release/gates/votes.py", "if by in shown or not by_reaction]", "]"),
    "a veto that is shown": ("bot/rules/release/gates/votes.py", "(*kept, *sorted(shown))", "(*kept,)"),
    "group": ("bot/engine/evidence.py", "    return people & named.union(*members)", "    return people"),
    "full members": ("bot/engine/evidence.py", "for person in known if person.entitled)", "for person in known)"),
    "deactivated": ("bot/clients/slack/client.py", '("deleted", ', "("),
    "bots": ("bot/clients/slack/client.py", '"is_bot", ', ""),
    "guests": ("bot/clients/slack/client.py", '"is_restricted", ', ""),
    "foreign workspaces": ("bot/clients/slack/client.py", "not guest and team in teams", "not guest"),
    "read again": ("bot/engine/evidence.py", "return await _confirmed(seen, loaded, doors)", "return seen"),
    "group read again": ("bot/engine/evidence.py", "slack.members(group, fresh=fresh)", "slack.members(group)"),
    "person read again": ("bot/engine/evidence.py", "slack.person(user, fresh=fresh)", "slack.person(user)"),
    "fail closed": ("bot/engine/evidence.py", "return replace(seen, entitled=frozenset(), unsure=str(error))", "return seen"),
    "another change, another message": (
        "bot/rules/release/lifecycle.py", "it.record.message_for not in {None, it.record.digest}", "False",
    ),
    "the change is made again": ("bot/rules/release/lifecycle.py", "    if _changed(seen, it):\n        return _again(", "    if False:\n        return _again("),
    "remembered before it is said": ("bot/store/heads.py", "    if decision.approves is not None:", "    if False:"),
    "remembered until it is revoked": ("bot/engine/actions.py", "settled=None if approved else action.head", "settled=action.head"),
    "revoked when it is made again": ("bot/rules/release/statuses.py", "    if it.state not in HELD:\n", "    if False:\n"),
    "revoked when it is pushed over": ("bot/rules/release/statuses.py", " if pull.head != head else None", " if False else None"),
    "revoked when it is closed": ("bot/rules/release/statuses.py", "    if pull.state is PullState.CLOSED:\n        return f", "    if False:\n        return f"),
    "base branch": ("bot/rules/release/gates/base_branch.py", "or seen.pull.base == seen.base.branch:", "or True:"),
    "merged elsewhere": ("bot/rules/release/closing.py", "or pull.base == base.branch:", "or True:"),
    "asked again before each try": ("bot/rules/release/lifecycle.py", ".verdict is not Verdict.PASS:\n        note", ".verdict is None:\n        note"),
    "read again before each try": ("bot/engine/evidence.py", "(it.state is State.PROPOSED or tried)", "it.state is State.PROPOSED"),
    "listening again": ("bot/rules/release/unheard.py", "found += [(give, by) for by in sorted(now - heard)]", "pass"),
}  # fmt: skip
"""What it is called → (file, how it stands there, how it stands there when the rule is taken out)."""


def without(name: str, root: Path, folder: Path) -> Path:
    """Return a copy of the program and its tests, in `folder`, from which a rule was taken out.

    Raises:
        AssertionError: the rule does not stand there in these words any more.
    """
    for part in ("bot", "handlers", "callboard_demo", "tests"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "page"))
    shutil.copy(root / "pyproject.toml", folder)
    path, old, new = MUTANTS[name]
    source = (folder / path).read_text()
    assert source.count(old) == 1, f"{name}: {source.count(old)} places in {path}"
    (folder / path).write_text(source.replace(old, new))
    return folder
