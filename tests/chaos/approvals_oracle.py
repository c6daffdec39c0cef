"""Who may merge, restated from the people's side: by the reactions on the message at this moment, without the bot."""

from dataclasses import dataclass, field

CAPTAINS = frozenset({"UBOB", "UCAROL", "UDAVE", "UGUS", "UTIM", "UROBOT", "UERIN", "UALICE"})
"""Members of the group at the start; some of them may not approve, for other reasons."""
NO_FULL_MEMBERS = frozenset({"UGUS", "UTIM", "UROBOT"})
REQUESTER = "UALICE"
NEEDED = 2


@dataclass(slots=True)
class Oracle:
    """The truth: who is who, and what each says on the message that stands for the change as it is now."""

    group: set[str] = field(default_factory=lambda: set(CAPTAINS))
    deactivated: set[str] = field(default_factory=lambda: {"UERIN"})
    says: set[tuple[str, str]] = field(default_factory=set)
    """(user, "yes" or "no")"""
    answers: bool = True
    """Slack can say who is in a group."""
    pushed: bool = False
    """Somebody pushed on top of the change."""
    retargeted: bool = False
    """The pull request goes into another branch than main."""

    def counts(self, user: str) -> bool:
        """Say whether somebody's word counts for approvals and vetoes."""
        return user in self.group and user not in self.deactivated | NO_FULL_MEMBERS

    def vetoed(self) -> bool:
        """Say whether somebody who may, stops it."""
        return any(word == "no" and (self.counts(user) or user == REQUESTER) for user, word in self.says)

    def approving(self) -> set[str]:
        """Return whose approvals stand at this moment."""
        return {user for user, word in self.says if word == "yes" and self.counts(user) and user != REQUESTER}

    def may_merge(self) -> bool:
        """Say whether it may be merged, or be said to be approved, at this moment."""
        as_approved = not self.pushed and not self.retargeted
        return as_approved and self.answers and len(self.approving()) >= NEEDED and not self.vetoed()
