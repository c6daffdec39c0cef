"""Manifests: where the pin is in YAML of many shapes, and how another pin is written there.

    {path: text} + Pin → Change, whose `after` differs from `before` in the pinned values and in nothing else

A format only says where in a document a pin is; finding, editing and proving are common to all.  CONTRIBUTING.md ("A
pin format") has the steps to add one.  No template is filled in and no kustomization is built: what cannot be edited
safely is refused, with its file and line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import (
    DigestUnknown,
    NoManifest,
    NotEditable,
    PinMentionedOnly,
    PinNotEffective,
    PinOfModel,
    PinsOfOtherModels,
    PinStageInvalid,
    PinWithoutVersion,
    SeveralPins,
)
from bot.domain.target import Change, Pin
from bot.rules.pins import application, configmap, env, kustomize, names, splice
from bot.rules.pins.carrier import STAGE, Carrier, Format, doubt
from bot.rules.pins.tree import documents, shared

FORMATS: Final[tuple[Format, ...]] = (
    env.FORMAT,
    kustomize.FORMAT,
    configmap.FORMAT,
    application.FORMAT,
)
KUSTOMIZATIONS: Final = names.KUSTOMIZATIONS
taken_in: Final = names.taken_in
SUFFIXES: Final = (".yaml", ".yml", ".json", "Kustomization")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The one place among some files that carries MODEL_STAGE."""

    path: str
    format: str
    carrier: Carrier

    @property
    def line(self) -> int:
        """Return its line, as editors count."""
        return self.carrier.line

    @property
    def pin(self) -> Pin:
        """Return what it pins now."""
        return self.carrier.pin

    @property
    def model(self) -> str | None:
        """Return the MODEL_NAME beside it; None: the place does not tell whose pin it is."""
        return self.carrier.model


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    path: str
    format: str
    carrier: Carrier
    aliased: frozenset[int]

    @property
    def place(self) -> Name:
        return Name(f"{self.path}:{self.carrier.line}")

    def refused(self, why: Reason) -> Permanent:
        return _refused(self.path, self.carrier.line, why)


def find(files: Mapping[str, str], model: str | None = None) -> Found:
    """Return where the pin is among `files` ({path: text}).

    Documents whose environment names another MODEL_NAME than `model` belong to another model and are skipped.

    Raises:
        Permanent: no file carries MODEL_STAGE, several places do, or the one cannot be edited (lines are named).
    """
    hit = _only(files, model)
    return Found(path=hit.path, format=hit.format, carrier=hit.carrier)


def carrier(files: Mapping[str, str], model: str | None = None) -> tuple[str, Carrier]:
    """Return the file that carries the pin, and where in it.

    Raises:
        Permanent: as `find`.
    """
    hit = _only(files, model)
    return hit.path, hit.carrier


def pin(text: str, model: str | None = None) -> Pin:
    """Return the pin of one manifest.

    Raises:
        Permanent: as `find`.
    """
    return _only({"manifest.yaml": text}, model).carrier.pin


def edit(files: Mapping[str, str], wanted: Pin, model: str | None = None) -> Change:
    """Return the change, of one file, that writes `wanted`; a MODEL_VERSION that is missing is added.

    A digest is written only where there is one already.  If the manifest holds that pin, `after` equals `before`.

    Raises:
        Permanent: as `find`; or the pin has no version, an invalid stage, or no digest where one is needed.
    """
    if wanted.version is None:
        raise Permanent(PinWithoutVersion())
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", wanted.stage):
        raise Permanent(PinStageInvalid(stage=Name(wanted.stage)))
    hit = _only(files, model)
    before = files[hit.path]
    whole = replace(wanted, digest=_digest(hit, wanted, wanted.version))
    after = splice.write(before, hit.carrier, whole, hit.path)
    if _only({hit.path: after}, model).carrier.pin != whole:
        raise hit.refused(PinNotEffective(stage=Name(wanted.stage), version=wanted.version))
    return Change(before={hit.path: before}, after={hit.path: after})


def _digest(hit: _Hit, wanted: Pin, version: int) -> str | None:
    """Return the digest to write beside the wanted version: with another version's digest the pods would not start."""
    now = hit.carrier.pin
    if now.digest is None or wanted.digest is not None:
        return None if now.digest is None else wanted.digest
    if now.digest and now.version != version:
        raise hit.refused(DigestUnknown(version=version))
    return now.digest


def _only(files: Mapping[str, str], model: str | None) -> _Hit:
    hits = [hit for path, text in sorted(files.items()) for hit in _hits(path, text)]
    mine = [hit for hit in hits if model is None or hit.carrier.model in {None, model}]
    firm = [hit for hit in mine if not hit.carrier.refers]
    if len(firm) > 1:
        raise Permanent(SeveralPins(places=tuple(hit.place for hit in firm)))
    if not firm:
        raise Permanent(_nothing(files, hits, mine, model))
    if found := doubt(firm[0].carrier, firm[0].aliased):
        raise _refused(firm[0].path, *found)
    return firm[0]


def _refused(path: str, line: int, why: Reason) -> Permanent:
    return Permanent(NotEditable(file=Name(path), line=line, why=why))


def _hits(path: str, text: str) -> Iterator[_Hit]:
    if not path.endswith(SUFFIXES) or STAGE not in text:
        return
    for document in documents(text, path):
        found = [(each.name, carrier) for each in FORMATS for carrier in each.carriers(document)]
        aliased = shared(document) if found else frozenset()
        yield from (_Hit(path=path, format=name, carrier=carrier, aliased=aliased) for name, carrier in found)


def _nothing(files: Mapping[str, str], hits: list[_Hit], mine: list[_Hit], model: str | None) -> Reason:
    """Return what was found instead of a pin."""
    if mine and mine[0].carrier.doubt:
        return NotEditable(file=Name(mine[0].path), line=mine[0].carrier.line, why=mine[0].carrier.doubt)
    if hits:
        return PinsOfOtherModels(model=Name(model or ""), others=tuple(_other(hit) for hit in hits))
    for path, text in sorted(files.items()):
        if path.endswith(SUFFIXES) and STAGE in text:
            line = text[: text.index(STAGE)].count("\n") + 1
            return PinMentionedOnly(file=Name(path), line=line, expected=tuple(each.place for each in FORMATS))
    return NoManifest(files=tuple(Name(path) for path in sorted(files)))


def _other(hit: _Hit) -> PinOfModel:
    return PinOfModel(file=Name(hit.path), line=hit.carrier.line, model=Name(hit.carrier.model or ""))
