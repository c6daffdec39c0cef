"""Candidate against live: two cards in, what differs between them out.

Reads no registry and judges nothing: whether a difference is acceptable is a gate's question.  The sentences hold names
as the registry gave them, so whoever shows them escapes them.  The rule for signatures is our own, because MLflow has
none: what callers of the live version send and expect must still do.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.domain.registry import Card, Comparison

Columns: TypeAlias = tuple[tuple[str, str, bool], ...]
"""(name, type, required) of each column."""

WIDER: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"long", "double"}),
    "long": frozenset({"double"}),
    "float": frozenset({"double"}),
}
"""Types that take every value of the type they are named under."""

_LINE: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)")
"""A requirement: name, extras, all the rest.  https://packaging.python.org/en/latest/specifications/dependency-specifiers/"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing about a signature that is not as it was."""

    breaks: bool
    """Callers of the live version would notice."""
    what: str


def compare(live: Card | None, candidate: Card) -> Comparison:
    """Return what a person should see before the candidate takes the place of what is live (None: nothing is)."""
    names = sorted({*candidate.metrics, *(live.metrics if live else ())})
    verdict, changes = signature(live, candidate)
    return Comparison(
        metrics=tuple((n, live.metrics.get(n) if live else None, candidate.metrics.get(n)) for n in names),
        signature=verdict,
        signature_changes=changes,
        requirements=requirements(live.requirements, candidate.requirements) if live else (),
        runs_code=candidate.runs_code,
    )


def signature(live: Card | None, candidate: Card) -> tuple[str, tuple[str, ...]]:
    """Return `same`, `compatible`, `breaking` or `unknown`, with one sentence for each difference."""
    if live is None:
        return "unknown", ()
    silent = [f"v{card.what.version} has no signature" for card in (live, candidate) if card.inputs is None]
    if live.inputs is None or candidate.inputs is None:
        return "unknown", tuple(silent)
    if (live.outputs is None) != (candidate.outputs is None):
        which = live if live.outputs is None else candidate
        return "unknown", (f"v{which.what.version} does not say what it puts out",)
    found = [*_inputs(live.inputs, candidate.inputs), *_outputs(live.outputs or (), candidate.outputs or ())]
    verdict = "breaking" if any(d.breaks for d in found) else "compatible" if found else "same"
    found.sort(key=lambda d: not d.breaks)  # what breaks comes first, where lists are cut
    return verdict, tuple(d.what for d in found)


def _inputs(live: Columns, candidate: Columns) -> Iterable[Difference]:
    before, after = _by_name(live), _by_name(candidate)
    for name, (kind, required) in after.items():
        if name in before:
            yield from _input(name, before[name], (kind, required))
        else:
            need = "required" if required else "optional"
            yield Difference(breaks=required, what=f"input “{name}” ({kind}) is new and {need}")
    for name in before:
        if name not in after:
            yield Difference(breaks=False, what=f"input “{name}” is no longer read")


def _input(name: str, before: tuple[str, bool], after: tuple[str, bool]) -> Iterable[Difference]:
    (was, was_required), (now, required) = before, after
    if was != now:
        wider = now in WIDER.get(was, ())
        how = "wider" if wider else "not what callers send"
        yield Difference(breaks=not wider, what=f"input “{name}” was {was} and is {now}, which is {how}")
    if required != was_required:
        what = "must be sent now, and was optional" if required else "is optional now"
        yield Difference(breaks=required, what=f"input “{name}” {what}")


def _outputs(live: Columns, candidate: Columns) -> Iterable[Difference]:
    before, after = _by_name(live), _by_name(candidate)
    for name, (kind, _) in after.items():
        if name not in before:
            yield Difference(breaks=True, what=f"output “{name}” ({kind}) is new")
        elif before[name] != after[name]:
            was = before[name][0]
            how = f"was {was} and is {kind}" if was != kind else "changed between always and sometimes there"
            yield Difference(breaks=True, what=f"output “{name}” {how}")
    for name in before:
        if name not in after:
            yield Difference(breaks=True, what=f"output “{name}” is gone")
    if before == after and live != candidate:
        yield Difference(breaks=True, what="the outputs come in another order")


def _by_name(columns: Columns) -> dict[str, tuple[str, bool]]:
    """Return type and need by name; a name that stands there again is told apart by its place."""
    named: dict[str, tuple[str, bool]] = {}
    for place, (name, kind, required) in enumerate(columns):
        named[name if name and name not in named else f"{name}#{place}"] = (kind, required)
    return named


def requirements(live: Iterable[str], candidate: Iterable[str]) -> tuple[str, ...]:
    """Return one sentence for each dependency that was added, removed or changed, in the order of their names."""
    before, after = _pinned(live), _pinned(candidate)
    differing = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return tuple(_moved(name, before.get(name), after.get(name)) for name in differing)


def _moved(name: str, was: str | None, now: str | None) -> str:
    if was is None:
        return f"{name} {now} added".replace("  ", " ")
    if now is None:
        return f"{name} {was} removed".replace("  ", " ")
    return f"{name} {was or 'any version'} → {now or 'any version'}"


def _pinned(lines: Iterable[str]) -> dict[str, str]:
    """Return the version of each dependency, or what stands in place of one, by its normalised name.

    https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    pinned: dict[str, list[str]] = {}
    for line in lines:
        text = line.split(" #")[0].split(" --hash")[0].strip().rstrip("\\").strip()
        if not text or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        plausible = found is not None and not re.match(r"[^\s=<>!~;@]", found.group(2))
        name = re.sub(r"[-_.]+", "-", found.group(1)).lower() if found and plausible else text
        pinned.setdefault(name, []).append(_version(found.group(2)) if found and plausible else "")
    return {name: " | ".join(sorted(set(versions))) for name, versions in pinned.items()}


def _version(specifier: str) -> str:
    """Return "1.6.1" for "==1.6.1", and any other specifier as it stands, its spaces evened out."""
    requirement, semicolon, marker = (part.strip() for part in specifier.partition(";"))
    pin = re.fullmatch(r"={2,3}\s*([^\s,*]+)", requirement)
    return " ".join(f"{pin.group(1) if pin else requirement}{semicolon} {marker}".split())
