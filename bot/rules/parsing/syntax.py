"""How a slash command is typed; the parsers, the Slack app's manifest and the answers all read it."""

from dataclasses import dataclass

from bot.domain.reason import Command, Reason
from bot.domain.reasons.commands import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """The name of a command and what follows it."""

    name: str
    """With its slash."""
    arguments: str
    """The usage hint: words in capitals are placeholders, brackets mark what is optional."""
    explained: Reason | None = None
    """The usage in a sentence, where the hint does not explain itself."""

    @property
    def usage(self) -> Reason:
        """Return how the command is used, to be put into a refusal."""
        return self.explained or Usage(command=Command(f"{self.name} {self.arguments}"))
