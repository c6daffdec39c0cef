"""What people type after a slash command, as data.

Lenient about form (`v3` or `3`, quotes that a phone made curly, bold, spare spaces), strict about meaning: a word that
is not understood is refused with what to type instead, never passed over.  Whether a model, stage or version exists is
not known here; for that see `refusals`.  Every refusal is Slack mrkdwn with all typed words escaped.

To add a command, write one dataclass and one function from text to it.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.errors import Misunderstood
from bot.rules.parsing import moments
from bot.rules.wording.escape import code
from bot.rules.wording.typed import typed

LONGEST: Final = 500
"""Characters of a command that is still looked at."""

_CURLY: Final = str.maketrans({**dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚", "'")})
_LABELLED: Final = re.compile(r"<([@#]?)[^<>|]*\|([^<>]*)>")
"""Slack makes `<https://iris.ai|iris.ai>` of what looks like an address."""
_WORD: Final = re.compile(r"""[*_~]*(?P<quote>["'`])(?P<quoted>.+?)(?P=quote)[*_~]*(?=\s|$)|(?P<bare>\S+)""")
_VERSION: Final = re.compile(r"[vV]?([0-9]{1,9})")
_ALIAS: Final = re.compile(r"@([A-Za-z0-9_-]{1,255})")
"""https://mlflow.org/docs/latest/ml/model-registry/#model-aliases"""

_OVERRIDE: Final = re.compile(r"(?:^|\s)[-‐‑‒–—―−]{1,2}override(?![\w-])[:=]?", re.IGNORECASE)
"""Phones make one long dash of two."""

PROMOTE: Final = (
    "`/promote MODEL STAGE` with, if you like, a version (`3`, `v3`) or an alias (`@champion`), "
    'and `--override "reason"`'
)
ROLLBACK: Final = "`/rollback MODEL STAGE` with, if you like, a version (`3`, `v3`)"
FREEZE: Final = (
    "`/freeze STAGE` with, if you like, `until 2026-12-27T18:00 Europe/Berlin` or `for 3d`, and a reason in quotes; "
    "`/freeze STAGE off` ends it, `/freeze` lists what is frozen"
)
PROMOTIONS: Final = "`/promotions`, `/promotions 12` or `/promotions cancel 12`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """/promote MODEL STAGE [VERSION | @alias] [--override REASON].

    Neither version nor alias: what the stage before runs.
    """

    model: str
    stage: str
    """In lower case; stages are looked up without regard to case."""
    version: int | None = None
    alias: str | None = None
    override: str | None = None
    """Why it shall go on in spite of what holds it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """/rollback MODEL STAGE [VERSION].  No version: the release before."""

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
    """/freeze [STAGE [until MOMENT | for SPAN] [REASON] | STAGE off].  No stage: what is frozen?"""

    stage: str | None = None
    """In lower case."""
    until: datetime | None = None
    """None: until somebody thaws it."""
    reason: str = ""
    off: bool = False


def promote(text: str) -> Promote:
    """Return what `/promote` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    asked, override = _override(_plain(text))
    model, stage, rest = _model_and_stage("promote", asked, PROMOTE)
    if not rest:
        return Promote(model=model, stage=stage, override=override)
    alias = _ALIAS.fullmatch(rest)
    if alias:
        return Promote(model=model, stage=stage, alias=alias.group(1), override=override)
    return Promote(model=model, stage=stage, version=_version(rest, PROMOTE), override=override)


def rollback(text: str) -> Rollback:
    """Return what `/rollback` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    model, stage, rest = _model_and_stage("rollback", text, ROLLBACK)
    return Rollback(model=model, stage=stage, version=_version(rest, ROLLBACK) if rest else None)


def models(text: str) -> Models:
    """Return what `/models` asks for.

    Raises:
        Misunderstood: more than one model is named.
    """
    said = words(text)
    if len(said) > 1:
        whole = code(typed("/models", " ".join(said)), 300)
        raise Misunderstood(
            f"I can show one model at a time. Type {code(typed('/models', said[0]), 300)}; "
            f"if its name has spaces, put it in quotes: {whole}."
        )
    return Models(model=said[0] if said else None)


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
            raise Misunderstood("Which one? Type `/promotions cancel 12`; `/promotions` shows the numbers.")
        case said:
            raise Misunderstood(f"I do not understand {code(' '.join(said))}. Type {PROMOTIONS}.")


def freeze(text: str, now: datetime) -> Freezing:
    """Return what `/freeze` asks for.

    Raises:
        Misunderstood: with what to type instead.
    """
    said = _said(_plain(text))
    if not said:
        return Freezing()
    (stage, _), *rest = said
    if [word.casefold() for word, _ in rest] in (["off"], ["thaw"]):
        return Freezing(stage=stage.lower(), off=True)
    reasons = [word for word, quoted in rest if quoted]
    if len(reasons) > 1:
        raise Misunderstood(f"I understand one reason, in quotes. Type {FREEZE}.")
    until = _end([word for word, quoted in rest if not quoted], now)
    return Freezing(stage=stage.lower(), until=until, reason=reasons[0] if reasons else "")


def words(text: str) -> list[str]:
    """Return the words of a command, freed of quotes, links and formatting.

    Raises:
        Misunderstood: it is too long to be a command.
    """
    return [word for word, _ in _said(_plain(text))]


def _plain(text: str) -> str:
    """Return a command without what Slack or a phone made of it; no word of it is changed."""
    if len(text) > LONGEST:
        raise Misunderstood(f"That is longer than {LONGEST} characters, and no command is. Please type it again.")
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    seen = "".join(c for c in text.translate(_CURLY) if unicodedata.category(c) not in {"Cf", "Cs"})
    return _LABELLED.sub(r"\1\2", seen)


def _said(plain: str) -> list[tuple[str, bool]]:
    """Return the words, and whether each is a quotation; backticks only dress a word."""
    found = _WORD.finditer(plain)
    said = ((m["quoted"].strip() if m["quote"] else _undressed(m["bare"]), m["quote"] in {'"', "'"}) for m in found)
    return [(word, quoted) for word, quoted in said if word]


def _override(plain: str) -> tuple[str, str | None]:
    """Return what is asked without `--override` and its reason, and the reason: in quotes, or all that follows."""
    found = _OVERRIDE.search(plain)
    if found is None:
        return plain, None
    match _said(plain[found.end() :]):
        case []:
            raise Misunderstood('Why? The reason is recorded and shown. Type it behind: `--override "reason"`.')
        case [(reason, True), *rest]:
            asked = [word for word, _ in (*_said(plain[: found.start()]), *rest)]
            return typed(*asked), reason
        case said:
            return plain[: found.start()], " ".join(word for word, _ in said)


def _end(said: list[str], now: datetime) -> datetime | None:
    match [word.casefold() for word in said[:1]]:
        case []:
            return None
        case ["until"]:
            return moments.moment(said[1:], now)
        case ["for"]:
            return moments.span(said[1:], now)
        case _:
            rest = code(" ".join(said))
            raise Misunderstood(f"I do not know what to do with {rest}. Type {FREEZE}.")


def _undressed(word: str) -> str:
    """Return a word without what a chat puts around words: bold, quotes, a comma after it."""
    bare = word.rstrip(",;").strip("*~`\"'")
    return bare[1:-1] if len(bare) > 2 and bare[0] == bare[-1] == "_" else bare  # noqa: PLR2004


def _model_and_stage(command: str, text: str, usage: str) -> tuple[str, str, str]:
    """Return model, stage and the one word that may follow them (or "")."""
    match words(text):
        case []:
            raise Misunderstood(f"Which model, and on which stage? Type {usage}.")
        case [model]:
            example = code(typed(f"/{command}", model, "STAGE"), 300)
            raise Misunderstood(f"On which stage? Type {example}, with the stage's name in place of STAGE.")
        case [model, version, stage] if _VERSION.fullmatch(version) and not _VERSION.fullmatch(stage):
            swapped = code(typed(f"/{command}", model, stage, version), 300)
            raise Misunderstood(f"The stage comes before the version. Type {swapped}.")
        case [model, stage]:
            return model, stage.lower(), ""
        case [model, stage, version]:
            return model, stage.lower(), version
        case said:
            raise Misunderstood(_too_many(said, usage))


def _too_many(said: list[str], usage: str) -> str:
    spare = said[3:] if _VERSION.fullmatch(said[2]) or _ALIAS.fullmatch(said[2]) else said[2:]
    rest = code(" ".join(spare))
    return f"I do not know what to do with {rest}. Type {usage}; a name with spaces goes in quotes."


def _version(word: str, usage: str) -> int:
    found = _VERSION.fullmatch(word)
    if found is None or int(found.group(1)) == 0:
        raise Misunderstood(f"{code(word)} is not a version. Type {usage}.")
    return int(found.group(1))


def _id(word: str) -> int:
    if not re.fullmatch(r"#?[0-9]{1,15}", word):
        raise Misunderstood(f"{code(word)} is not the number of a promotion. Type {PROMOTIONS}.")
    return int(word.lstrip("#"))
