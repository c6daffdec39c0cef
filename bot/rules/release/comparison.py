"""Candidate against live: the details of two versions in, what differs between them out.

Reads no registry and judges nothing: whether a difference is acceptable is a gate's question.  The rule for signatures
is our own, because MLflow has none: what callers of the live version send and expect must still do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.comparison import (
    DependencyAdded,
    DependencyChanged,
    DependencyDropped,
    InputAdded,
    InputDropped,
    InputNeedChanged,
    InputTypeChanged,
    NoOutputSignature,
    NoSignature,
    OutputAdded,
    OutputDropped,
    OutputNeedChanged,
    OutputsReordered,
    OutputTypeChanged,
)
from bot.domain.registry import Comparison, Compatibility, VersionDetails

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
    reason: Reason


def compare(live: VersionDetails | None, candidate: VersionDetails) -> Comparison:
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


def signature(live: VersionDetails | None, candidate: VersionDetails) -> tuple[Compatibility, tuple[Reason, ...]]:
    """Return whether callers of the live version can call the candidate, and each difference."""
    unknown = Compatibility.UNKNOWN
    if live is None:
        return unknown, ()
    if live.inputs is None or candidate.inputs is None:
        without = [details.what.version for details in (live, candidate) if details.inputs is None]
        return unknown, tuple(NoSignature(version=version) for version in without)
    if (live.outputs is None) != (candidate.outputs is None):
        which = live if live.outputs is None else candidate
        return unknown, (NoOutputSignature(version=which.what.version),)
    found = [*_inputs(live.inputs, candidate.inputs), *_outputs(live.outputs or (), candidate.outputs or ())]
    found.sort(key=lambda d: not d.breaks)  # what breaks comes first, where lists are cut
    return _verdict(found), tuple(d.reason for d in found)


def _verdict(found: Sequence[Difference]) -> Compatibility:
    if any(difference.breaks for difference in found):
        return Compatibility.BREAKING
    return Compatibility.COMPATIBLE if found else Compatibility.SAME


def _inputs(live: Columns, candidate: Columns) -> Iterable[Difference]:
    before, after = _by_name(live), _by_name(candidate)
    for name, (kind, required) in after.items():
        if name in before:
            yield from _input(name, before[name], (kind, required))
        else:
            added = InputAdded(name=Name(name), type=Said(kind), required=required)
            yield Difference(breaks=required, reason=added)
    for name in before:
        if name not in after:
            yield Difference(breaks=False, reason=InputDropped(name=Name(name)))


def _input(name: str, before: tuple[str, bool], after: tuple[str, bool]) -> Iterable[Difference]:
    (was, was_required), (now, required) = before, after
    if was != now:
        wider = now in WIDER.get(was, ())
        changed = InputTypeChanged(name=Name(name), was=Said(was), now=Said(now), wider=wider)
        yield Difference(breaks=not wider, reason=changed)
    if required != was_required:
        yield Difference(breaks=required, reason=InputNeedChanged(name=Name(name), required=required))


def _outputs(live: Columns, candidate: Columns) -> Iterable[Difference]:
    before, after = _by_name(live), _by_name(candidate)
    for name, (kind, _) in after.items():
        if name not in before:
            yield Difference(breaks=True, reason=OutputAdded(name=Name(name), type=Said(kind)))
        elif before[name] != after[name]:
            yield Difference(breaks=True, reason=_output(name, before[name][0], kind))
    for name in before:
        if name not in after:
            yield Difference(breaks=True, reason=OutputDropped(name=Name(name)))
    if before == after and live != candidate:
        yield Difference(breaks=True, reason=OutputsReordered())


def _output(name: str, was: str, now: str) -> Reason:
    if was == now:
        return OutputNeedChanged(name=Name(name))
    return OutputTypeChanged(name=Name(name), was=Said(was), now=Said(now))


def _by_name(columns: Columns) -> dict[str, tuple[str, bool]]:
    """Return type and need by name; a name that stands there again is told apart by its place."""
    named: dict[str, tuple[str, bool]] = {}
    for place, (name, kind, required) in enumerate(columns):
        named[name if name and name not in named else f"{name}#{place}"] = (kind, required)
    return named


def requirements(live: Iterable[str], candidate: Iterable[str]) -> tuple[Reason, ...]:
    """Return each dependency that was added, removed or changed, in the order of their names."""
    before, after = _pinned(live), _pinned(candidate)
    differing = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return tuple(_moved(Name(name), before.get(name), after.get(name)) for name in differing)


def _moved(name: Name, was: str | None, now: str | None) -> Reason:
    if was is None:
        return DependencyAdded(name=name, now=Said(now or ""))
    if now is None:
        return DependencyDropped(name=name, was=Said(was))
    return DependencyChanged(name=name, was=Said(was), now=Said(now))


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
