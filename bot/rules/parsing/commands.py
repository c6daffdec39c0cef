"""What people type after a slash command, as data.

Lenient about form (`v3` or `3`, quotes that a phone made curly, bold, spare spaces), strict about meaning: a word that
is not understood is refused with what to type instead, never ignored.  Whether a model, stage or version exists is not
known here; the handlers check that.

To add a command, write its `Syntax`, one dataclass and one function from text to it.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.errors import Misunderstood
from bot.domain.reason import Command, Name
from bot.domain.reasons.commands import (
    CommandTooLong,
    FreezeUsage,
    NotAPromotion,
    NotAVersion,
    NotUnderstood,
    OneModelAtATime,
    OverrideNeedsReason,
    PromoteUsage,
    SeveralFreezeReasons,
    SpareWords,
    StageComesFirst,
    WhichModel,
    WhichPromotion,
    WhichStage,
)
from bot.rules.parsing import moments
from bot.rules.parsing.syntax import Syntax
from bot.rules.parsing.typed import typed

PROMOTE: Final = Syntax(
    name="/promote", arguments='MODEL STAGE [VERSION|@alias] [--override "reason"]', explained=PromoteUsage()
)
ROLLBACK: Final = Syntax(name="/rollback", arguments="MODEL STAGE [VERSION]")
MODELS: Final = Syntax(name="/models", arguments="[MODEL]")
PROMOTIONS: Final = Syntax(name="/promotions", arguments="[ID | cancel ID]")
FREEZE: Final = Syntax(
    name="/freeze", arguments='[STAGE [until 2026-12-27|for 3d] ["reason"] | STAGE off]', explained=FreezeUsage()
)

MAX_TEXT: Final = 500
"""Most characters of a command."""

_CURLY: Final = str.maketrans({**dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚", "'")})
_LABELLED: Final = re.compile(r"<([@#]?)[^<>|]*\|([^<>]*)>")
"""Slack makes `<https://iris.ai|iris.ai>` of what looks like an address."""
_WORD: Final = re.compile(r"""[*_~]*(?P<quote>["'`])(?P<quoted>.+?)(?P=quote)[*_~]*(?=\s|$)|(?P<bare>\S+)""")
_VERSION: Final = re.compile(r"[vV]?([0-9]{1,9})")
_ALIAS: Final = re.compile(r"@([A-Za-z0-9_-]{1,255})")
"""https://mlflow.org/docs/latest/ml/model-registry/#model-aliases"""

_OVERRIDE: Final = re.compile(r"(?:^|\s)[-‐‑‒–—―−]{1,2}override(?![\w-])[:=]?", re.IGNORECASE)
"""Phones make one long dash of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """/promote MODEL STAGE [VERSION | @alias] [--override REASON].

    Neither version nor alias: the release of the previous stage.
    """

    model: str
    stage: str
    """In lower case; stages are looked up without regard to case."""
    version: int | None = None
    alias: str | None = None
    override: str | None = None
    """Why what holds it up is overridden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """/rollback MODEL STAGE [VERSION].  No version: the previous release."""

    model: str
    stage: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """/models [MODEL]."""

    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotions:
    """/promotions [ID | cancel ID]."""

    id: int | None = None
    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """/freeze [STAGE [until MOMENT | for SPAN] [REASON] | STAGE off].  No stage: list what is frozen."""

    stage: str | None = None
    """In lower case."""
    until: datetime | None = None
    """None: until someone lifts it."""
    reason: str = ""
    off: bool = False


def promote(text: str) -> Promote:
    """Return what `/promote` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    rest, override = _override(_plain(text))
    model, stage, word = _release(rest, PROMOTE)
    if not word:
        return Promote(model=model, stage=stage, override=override)
    alias = _ALIAS.fullmatch(word)
    if alias:
        return Promote(model=model, stage=stage, alias=alias.group(1), override=override)
    return Promote(model=model, stage=stage, version=_version(word, PROMOTE), override=override)


def rollback(text: str) -> Rollback:
    """Return what `/rollback` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    model, stage, word = _release(text, ROLLBACK)
    return Rollback(model=model, stage=stage, version=_version(word, ROLLBACK) if word else None)


def models(text: str) -> Models:
    """Return what `/models` asks for.

    Raises:
        Misunderstood: more than one model is named.
    """
    given = words(text)
    if len(given) > 1:
        whole = Command(typed(MODELS.name, " ".join(given)))
        raise Misunderstood(OneModelAtATime(first=Command(typed(MODELS.name, given[0])), whole=whole))
    return Models(model=given[0] if given else None)


def promotions(text: str) -> Promotions:
    """Return what `/promotions` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    match words(text):
        case []:
            return Promotions()
        case [word] if word.casefold() != "cancel":
            return Promotions(id=_id(word))
        case [verb, word] if verb.casefold() == "cancel":
            return Promotions(id=_id(word), cancel=True)
        case [verb] if verb.casefold() == "cancel":
            raise Misunderstood(WhichPromotion())
        case given:
            raise Misunderstood(NotUnderstood(words=Name(" ".join(given)), usage=PROMOTIONS.usage))


def freeze(text: str, now: datetime) -> Freezing:
    """Return what `/freeze` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    given = _quotable(_plain(text))
    if not given:
        return Freezing()
    (stage, _), *rest = given
    if [word.casefold() for word, _ in rest] in (["off"], ["thaw"]):
        return Freezing(stage=stage.lower(), off=True)
    reasons = [word for word, quoted in rest if quoted]
    if len(reasons) > 1:
        raise Misunderstood(SeveralFreezeReasons(usage=FREEZE.usage))
    until = _end([word for word, quoted in rest if not quoted], now)
    return Freezing(stage=stage.lower(), until=until, reason=reasons[0] if reasons else "")


def words(text: str) -> list[str]:
    """Return the words of a command without quotes, links and formatting.

    Raises:
        Misunderstood: it is too long to be a command.
    """
    return [word for word, _ in _quotable(_plain(text))]


def _plain(text: str) -> str:
    """Return a command without what Slack or a phone added; its words stay as they are."""
    if len(text) > MAX_TEXT:
        raise Misunderstood(CommandTooLong(limit=MAX_TEXT))
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    visible = "".join(c for c in text.translate(_CURLY) if unicodedata.category(c) not in {"Cf", "Cs"})
    return _LABELLED.sub(r"\1\2", visible)


def _quotable(plain: str) -> list[tuple[str, bool]]:
    """Return the words, and whether each is a quotation; backticks only format a word."""
    found = _WORD.finditer(plain)
    given = ((m["quoted"].strip() if m["quote"] else _bare(m["bare"]), m["quote"] in {'"', "'"}) for m in found)
    return [(word, quoted) for word, quoted in given if word]


def _override(plain: str) -> tuple[str, str | None]:
    """Return the command without `--override` and its reason, and the reason: in quotes, or all that follows."""
    found = _OVERRIDE.search(plain)
    if found is None:
        return plain, None
    match _quotable(plain[found.end() :]):
        case []:
            raise Misunderstood(OverrideNeedsReason())
        case [(reason, True), *rest]:
            command = [word for word, _ in (*_quotable(plain[: found.start()]), *rest)]
            return typed(*command), reason
        case given:
            return plain[: found.start()], " ".join(word for word, _ in given)


def _end(given: list[str], now: datetime) -> datetime | None:
    match [word.casefold() for word in given[:1]]:
        case []:
            return None
        case ["until"]:
            return moments.moment(given[1:], now)
        case ["for"]:
            return moments.span(given[1:], now)
        case _:
            raise Misunderstood(NotUnderstood(words=Name(" ".join(given)), usage=FREEZE.usage))


def _bare(word: str) -> str:
    """Return a word without what people put around words in a chat: bold, quotes, a comma after it."""
    bare = word.rstrip(",;").strip("*~`\"'")
    return bare[1:-1] if len(bare) > 2 and bare[0] == bare[-1] == "_" else bare  # noqa: PLR2004  (two underscores and something between)


def _model_and_stage(given: list[str], syntax: Syntax) -> tuple[str, str]:
    """Return the model and the stage of a command that takes nothing more."""
    match given:
        case []:
            raise Misunderstood(WhichModel(usage=syntax.usage))
        case [model]:
            raise Misunderstood(WhichStage(instead=Command(typed(syntax.name, model, "STAGE"))))
        case [model, stage]:
            return model, stage.lower()
        case _:
            raise Misunderstood(SpareWords(words=Name(" ".join(given[2:])), usage=syntax.usage))


def _release(text: str, syntax: Syntax) -> tuple[str, str, str]:
    """Return model, stage and the one word that may follow them to name a version (or "")."""
    match words(text):
        case [model, version, stage] if _VERSION.fullmatch(version) and not _VERSION.fullmatch(stage):
            raise Misunderstood(StageComesFirst(instead=Command(typed(syntax.name, model, stage, version))))
        case [model, stage, version]:
            return model, stage.lower(), version
        case [_, _, version, *spare] if _VERSION.fullmatch(version) or _ALIAS.fullmatch(version):
            raise Misunderstood(SpareWords(words=Name(" ".join(spare)), usage=syntax.usage))
        case given:
            return *_model_and_stage(given, syntax), ""


def _version(word: str, syntax: Syntax) -> int:
    found = _VERSION.fullmatch(word)
    if found is None or int(found.group(1)) == 0:
        raise Misunderstood(NotAVersion(word=Name(word), usage=syntax.usage))
    return int(found.group(1))


def _id(word: str) -> int:
    if not re.fullmatch(r"#?[0-9]{1,15}", word):
        raise Misunderstood(NotAPromotion(word=Name(word), usage=PROMOTIONS.usage))
    return int(word.lstrip("#"))
