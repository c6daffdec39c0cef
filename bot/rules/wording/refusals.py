"""What to answer when a command names what is not there, or asks for what cannot be: what is so, and what to type.

Each function returns Slack mrkdwn with every name escaped, for a private answer.  Whether to refuse is decided by the
caller, who knows what there is.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from heapq import nlargest
from itertools import pairwise
from typing import Final

from bot.domain.policy import Freeze
from bot.domain.promotion import UNMERGED, Kind, Promotion, Release
from bot.rules.wording.blocks import link, mention, when
from bot.rules.wording.escape import code
from bot.rules.wording.typed import typed

ALIKE: Final = 0.6
"""How much of two words must agree (0 to 1) before one is taken for a slip of the other."""
CLOSELY: Final = 50
"""How many names are compared letter by letter."""
SHOWN: Final = 5


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


def unknown_model(word: str, models: Sequence[str], *, command: str = "promote", rest: Sequence[str] = ()) -> str:
    """Answer a model that does not exist; `rest` are the words that followed it."""
    return _unknown("model", word, models, lambda name: typed(f"/{command}", name, *rest))


def unknown_stage(
    model: str, word: str, stages: Sequence[str], *, command: str = "promote", rest: Sequence[str] = ()
) -> str:
    """Answer a stage that the model does not have."""
    return _unknown("stage", word, stages, lambda name: typed(f"/{command}", model, name, *rest))


def unknown_stage_to_freeze(word: str, stages: Sequence[str], rest: Sequence[str] = ()) -> str:
    """Answer a /freeze of a stage that does not exist; `rest` are the words that followed it."""
    return _unknown("stage", word, stages, lambda name: typed("/freeze", name, *rest))


def not_frozen(stage: str, window: Freeze | None) -> str:
    """Answer a /freeze STAGE off where nobody ordered a freeze; `window` is one of app.yaml that is in force."""
    if window is None or window.until is None:
        return f"{code(stage)} is not frozen, so nothing is left to end. `/freeze` lists what is."
    return (
        f"It is `app.yaml` that freezes {code(stage)} until {when(window.until)}, and no command ends that. Wait, or "
        "let one promotion pass: " + code(f'/promote MODEL {stage} --override "reason"') + "."
    )


def unknown_version(model: str, stage: str, version: int, newest: Sequence[int], *, command: str = "promote") -> str:
    """Answer a version that is not registered; `newest` are those that are, the newest first."""
    if not newest:
        return f"{code(model)} has no version yet. Register one in MLflow; it announces itself here."
    known = _listed([f"v{n}" for n in newest])
    instead = _type(typed(f"/{command}", model, stage, str(newest[0])))
    return f"{code(model)} has no version {version}. Its newest: {known}. {instead}"


def unknown_alias(model: str, stage: str, alias: str, aliases: Sequence[str]) -> str:
    """Answer an alias that the model does not have."""
    if not aliases:
        instead = _type(typed("/promote", model, stage, "3"))
        return f"{code(model)} has no alias {code('@' + alias)}, nor any other. Name a version by its number. {instead}"
    near = nearest(alias, aliases)
    known = _listed([code("@" + name) for name in aliases])
    instead = _type(typed("/promote", model, stage, "@" + (near or aliases[0])))
    return f"{code(model)} has no alias {code('@' + alias)}. It has {known}. {instead}"


def no_version_named(model: str, stage: str, before: str | None, newest: int | None) -> str:
    """Answer a /promote without a version where the stage before has no release to take over."""
    version = str(newest) if newest is not None else "VERSION"
    instead = _type(typed("/promote", model, stage, version))
    if before is None:
        return f"{code(stage)} is the first stage, so please say which version. {instead}"
    return f"{code(before)} has no proven release of {code(model)} to take over. Say which version. {instead}"


def already_live(release: Release) -> str:
    """Answer a request for what the stage runs already."""
    stage, model = code(release.pair.stage), code(release.pair.model)
    instead = code(typed("/models", release.pair.model), 300)
    return f"{stage} runs {model} v{release.version} already, since {when(release.since)}. {instead} shows the others."


def under_way(p: Promotion, url: str | None) -> str:
    """Answer a request for a pair whose promotion is still open; `url` leads to its message or pull request."""
    where = link(url or p.record.pull_url, f"promotion {p.id}")
    who = f"{where}, asked by {mention(p.requested_by)}"
    if p.state in UNMERGED:
        way = f"is on its way to {code(p.pair.stage)} already ({who})"
        return f"{code(p.pair.model)} v{p.version} {way}. Wait for its end, or type `/promotions cancel {p.id}`."
    way = f"is being merged, or rolled out to {code(p.pair.stage)}, already ({who})"
    back = code(typed("/rollback", p.pair.model, p.pair.stage), 300)
    instead = f", or type {back} to go back" if p.kind is Kind.PROMOTE else ""
    return f"{code(p.pair.model)} v{p.version} {way}. Wait for its end{instead}."


def nowhere_to_go_back(model: str, stage: str, release: Release | None) -> str:
    """Answer a /rollback where no earlier release is known."""
    runs = f"v{release.version} is its first" if release is not None else "it has none yet"
    instead = _type(typed("/promote", model, stage, "VERSION"))
    return f"{code(stage)} has no earlier release of {code(model)} to go back to: {runs}. {instead}"


def never_released(model: str, stage: str, version: int, released: Sequence[int]) -> str:
    """Answer a /rollback to a version that never was the stage's release; `released` are those that were."""
    known = f"Its releases were {_listed([f'v{n}' for n in released])}. " if released else ""
    instead = _type(typed("/promote", model, stage, str(version)))
    return (
        f"{code(stage)} never ran {code(model)} v{version}, so it is no way back. {known}To release it anew: {instead}"
    )


def unknown_promotion(number: int, open_ones: Sequence[int] = ()) -> str:
    """Answer a promotion's number that does not exist."""
    known = f"Open now: {_listed([str(n) for n in open_ones])}. " if open_ones else ""
    return f"There is no promotion {number}. {known}Type `/promotions` to see the latest."


def over_already(p: Promotion) -> str:
    """Answer a cancel that comes too late: the story has ended."""
    back = ""
    if p.state.value == "released" and p.kind is Kind.PROMOTE:
        back = f" To go back, type {code(typed('/rollback', p.pair.model, p.pair.stage), 300)}."
    return f"Promotion {p.id} is over: {p.state.value} since {when(p.entered_at)}. Nothing is left to cancel.{back}"


def merged_already(p: Promotion) -> str:
    """Answer a cancel of a promotion whose change is merged: only a rollback undoes that."""
    back = code(typed("/rollback", p.pair.model, p.pair.stage), 300)
    return f"Promotion {p.id} is merged already, so it cannot be cancelled. When it has ended, type {back} to go back."


def _unknown(kind: str, word: str, names: Sequence[str], command: Callable[[str], str]) -> str:
    near = nearest(word, names)
    start = f"There is no {kind} {code(word)}."
    if near is not None:
        return f"{start} Did you mean {code(near)}? {_type(command(near))}"
    if not names:
        return f"{start} None is known yet: is it registered in MLflow, and named in app.yaml?"
    return f"{start} There is {_listed([code(name) for name in sorted(names)])}. {_type(command(sorted(names)[0]))}"


def _type(command: str) -> str:
    return f"Type {code(command, 300)}."


def _listed(names: Sequence[str]) -> str:
    """Return names that are escaped already, the first few of them."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


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
