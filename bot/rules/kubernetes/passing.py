"""Tell causes that may pass by themselves from those that stay until someone changes something.

The messages are those of the kubelet, container runtimes, image registries and the API server.  Where a message has
signs of both, the cause may pass: a rollback that nobody needed is worse than one that comes later.
"""

import re
from typing import Final

_PASSING: Final = re.compile(
    r"too\s?many\s?requests|rate\s?limit|qps\sexceeded|(?:(?:http|code|status|response)\W{0,3}|:\s|^)(?:429|5\d\d)\b"
    r"|internal\s(?:server\s)?error|bad\sgateway|unavailable|temporar(?:y|ily)|try\sagain"
    r"|time[d-]?\s?-?out|deadline\s?exceeded|cancell?ed|connection\s(?:refused|reset)|broken\spipe|\beof\b"
    r"|no\sroute\sto\shost|unreachable|no\ssuch\shost|server\smisbehaving|could\snot\sconnect|no\sendpoints"
    r"|is\sreserved\sfor|already\sin\suse|etcdserver|has\sbeen\smodified|no\sspace\sleft",
    re.IGNORECASE,
)
_ABSENT: Final = re.compile(
    r"\b(?:secret|configmap|serviceaccount)s?\b.*\bnot\sfound|find\skey\b|non-existent\ssecret",
    re.IGNORECASE,
)
_WEBHOOK: Final = re.compile(r"fail(?:ed|ing|ure)\s(?:to\scall(?:ing)?|calling)\s(?:\w+\s)?webhook", re.IGNORECASE)
_DENIED: Final = re.compile(r"denied\sthe\srequest|is\sforbidden|is\sinvalid|violates\s", re.IGNORECASE)

LONGEST: Final = 4096
"""Characters of a message that are looked at."""


def outage(message: str, image: str = "") -> bool:
    """Return whether a message tells of an outage, a time-out or a limit; digits in the image's name tell nothing."""
    return bool(_PASSING.search(message[:LONGEST].replace(image, "") if image else message[:LONGEST]))


def absent_yet(message: str) -> bool:
    """Return whether something that a pod refers to is missing, and may be created a moment later."""
    return bool(_ABSENT.search(message[:LONGEST]))


def refused_for_now(message: str) -> bool:
    """Return whether the API server may accept the same object later: it was not denied, only not accepted.

    A webhook that cannot be called has decided nothing, whatever its error says.
    """
    said = message[:LONGEST]
    if _WEBHOOK.search(said) or absent_yet(said):
        return True
    return outage(said) and not _DENIED.search(said)
