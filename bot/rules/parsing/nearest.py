"""Find the name that was probably meant by a word that is none."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from heapq import nlargest
from itertools import pairwise
from typing import Final

ALIKE: Final = 0.6
"""How much of two words must agree (0 to 1) before one is taken for a slip of the other."""
CLOSELY: Final = 50
"""How many names are compared letter by letter."""


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that was most likely meant, or None; ties go to the first in the alphabet."""
    names, meant = sorted(names), word.casefold()[:100]
    begun = [name for name in names if meant and name.casefold().startswith(meant)]
    if len(begun) == 1:
        return begun[0]
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(meant)  # the slow part, done once
    scores = [(_score(matcher, name), name) for name in _likely(meant, begun or names)]
    best = max((score for score, _ in scores), default=0.0)
    return next((name for score, name in scores if score == best and best >= ALIKE), None)


def _likely(meant: str, names: Sequence[str]) -> Sequence[str]:
    """Return the few names that share most neighbouring letters: comparing ten thousand closely takes too long."""
    if len(names) <= CLOSELY:
        return names
    wanted = _neighbours(meant)
    best = nlargest(CLOSELY, names, key=lambda name: _shared(wanted, _neighbours(name.casefold()[:100])))
    return sorted(best)


def _neighbours(word: str) -> set[tuple[str, str]]:
    return set(pairwise(word))


def _shared(wanted: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    return len(wanted & other) / (len(wanted) + len(other) + 1)


def _score(matcher: "SequenceMatcher[str]", name: str) -> float:
    """Return how alike two words are, from 0 to 1."""
    matcher.set_seq1(name.casefold()[:100])
    return matcher.ratio()
