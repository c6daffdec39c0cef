"""Manifests: where a pin stands in YAML of many shapes, and how another one is written there.

    {path: text} + Pin → Change, whose `after` differs from `before` in the pinned values and in nothing else

To add a format: one module that ends in its FORMAT, whose `carriers` yields every place of a YAML document that carries
MODEL_STAGE, and one line in FORMATS.  Finding, editing and proving are common to all.  No templates are filled in,
no kustomization is built: what cannot be edited without doubt is refused, the line named.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.errors import Permanent
from bot.domain.target import Change, Pin
from bot.rules.pins import configmap, deployment, kustomize, names, splice
from bot.rules.pins.carrier import DIGEST, STAGE, Carrier, Format, doubt
from bot.rules.pins.tree import documents, shared

FORMATS: Final[tuple[Format, ...]] = (
    deployment.FORMAT,
    kustomize.FORMAT,
    configmap.FORMAT,
)
KUSTOMIZATIONS: Final = names.KUSTOMIZATIONS
taken_in: Final = names.taken_in
SUFFIXES: Final = (".yaml", ".yml", ".json", "Kustomization")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The one place among some files that carries MODEL_STAGE."""

    path: str
    line: int
    format: str
    pin: Pin
    namespace: str | None
    """Where the workload lives; None when only something out of sight says so."""
    workload: str | None
    """The workload's name in the cluster, a kustomization's prefix and suffix included; None as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    path: str
    format: str
    carrier: Carrier
    aliased: frozenset[int]

    @property
    def place(self) -> str:
        return f"{self.path}:{self.carrier.line}"


def find(files: Mapping[str, str], model: str | None = None) -> Found:
    """Return where the pin stands among `files` ({path: text}).

    Documents whose environment names another MODEL_NAME than `model` are another model's, and passed over.

    Raises:
        Permanent: no file carries MODEL_STAGE, several places do, or the one cannot be edited (lines are named).
    """
    hit = _only(files, model)
    return Found(
        path=hit.path,
        line=hit.carrier.line,
        format=hit.format,
        pin=hit.carrier.pin,
        namespace=names.namespace(files, hit.path, hit.carrier),
        workload=names.workload(files, hit.path, hit.carrier),
    )


def carrier(files: Mapping[str, str], model: str | None = None) -> tuple[str, Carrier]:
    """Return the file that carries the pin, and where it stands in it.

    Raises:
        Permanent: as `find`.
    """
    hit = _only(files, model)
    return hit.path, hit.carrier


def pin(text: str, model: str | None = None) -> Pin:
    """Return what one manifest holds.

    Raises:
        Permanent: as `find`.
    """
    return _only({"manifest.yaml": text}, model).carrier.pin


def edit(files: Mapping[str, str], wanted: Pin, model: str | None = None) -> Change:
    """Return the change, of one file, that writes `wanted`; a MODEL_VERSION that is missing is added.

    A digest is written only where one stands.  Where the manifest holds that pin already, `after` equals `before`.

    Raises:
        Permanent: as `find`; or the pin names no version, a stage that is not a word, or no digest where one is needed.
    """
    if wanted.version is None:
        raise Permanent("cannot pin: there is no version")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", wanted.stage):
        raise Permanent(f"cannot pin the stage `{wanted.stage}`: expected letters and digits, with .-_ at most between")
    hit = _only(files, model)
    before = files[hit.path]
    whole = replace(wanted, digest=_digest(hit, wanted))
    after = splice.write(before, hit.carrier, whole, hit.path)
    if _only({hit.path: after}, model).carrier.pin != whole:
        raise Permanent(f"{hit.place}: edited, it would still not say {wanted.stage} {wanted.version}")
    return Change(before={hit.path: before}, after={hit.path: after})


def _digest(hit: _Hit, wanted: Pin) -> str | None:
    """Return the digest that is to stand beside the wanted version: another version's would keep the pods from it."""
    now = hit.carrier.pin
    if now.digest is None or wanted.digest is not None:
        return None if now.digest is None else wanted.digest
    if now.digest and now.version != wanted.version:
        raise Permanent(
            f"{hit.place}: {DIGEST} is pinned beside {STAGE}, and the digest of v{wanted.version} is not known, as it "
            "was released nowhere yet; release it first on a stage that pins no digest, or take this one out"
        )
    return now.digest


def _only(files: Mapping[str, str], model: str | None) -> _Hit:
    hits = [hit for path, text in sorted(files.items()) for hit in _hits(path, text)]
    mine = [hit for hit in hits if model is None or hit.carrier.model in {None, model}]
    firm = [hit for hit in mine if not hit.carrier.elsewhere]
    if len(firm) > 1:
        raise Permanent(f"{STAGE} stands in several places, and only one may: {', '.join(h.place for h in firm)}")
    if not firm:
        raise Permanent(_nothing(files, hits, mine, model))
    if why := doubt(firm[0].carrier, firm[0].aliased):
        raise Permanent(f"{firm[0].path}:{why[0]}: {why[1]}")
    return firm[0]


def _hits(path: str, text: str) -> Iterator[_Hit]:
    if not path.endswith(SUFFIXES) or STAGE not in text:
        return
    for document in documents(text, path):
        aliased = shared(document)
        for each in FORMATS:
            found = each.carriers(document)
            yield from (_Hit(path=path, format=each.name, carrier=carrier, aliased=aliased) for carrier in found)


def _nothing(files: Mapping[str, str], hits: list[_Hit], mine: list[_Hit], model: str | None) -> str:
    """Say what was found instead of a pin."""
    if mine:
        return f"{mine[0].place}: {mine[0].carrier.doubt}"
    if hits:
        others = ", ".join(f"{hit.place} (MODEL_NAME {hit.carrier.model})" for hit in hits)
        return f"no manifest carries {STAGE} for {model}; these are other models': {others}"
    for path, text in sorted(files.items()):
        if path.endswith(SUFFIXES) and STAGE in text:
            line = text[: text.index(STAGE)].count("\n") + 1
            return (
                f"{path}:{line}: {STAGE} is mentioned, but not where Callboard can edit it: "
                f"as {', '.join(each.place for each in FORMATS[:-1])}, or {FORMATS[-1].place}"
            )
    seen = ", ".join(sorted(files)) or "no files at all"
    return f"no manifest carries {STAGE} (looked at: {seen}); add it to the env of the container that serves the model"
