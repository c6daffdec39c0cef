"""Answers to /models, /promotions and /freeze, from the record alone; all private but those that say `aloud`.

They only show; what to look up is the handler's business.  Every list is bounded and says how much it left out.
To add an answer, add a dataclass for what it shows, if the domain has no word for it, and one function.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from bot.domain.chat import Message
from bot.domain.json import Json
from bot.domain.policy import WINDOW, Freeze
from bot.domain.promotion import Fact, FactKind, Kind, Promotion, Release, State, Verdict
from bot.domain.registry import Card
from bot.rules.wording.blocks import context, link, mention, section, sections, when
from bot.rules.wording.escape import code, mrkdwn, sentence
from bot.rules.wording.figures import number
from bot.rules.wording.promotion_message import title
from bot.rules.wording.typed import typed

Transition: TypeAlias = tuple[datetime, State, str]
"""When a promotion entered which state, and why."""

STAGES: Final = 6
VERSIONS: Final = 10
METRICS: Final = 3
STEPS: Final = 30
"""How many stages, versions, metrics and steps of a story are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model in the list of all."""

    model: str
    releases: tuple[Release, ...] = ()
    newest: int | None = None
    """The newest registered version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetail:
    """One model, with all that is worth knowing at a glance."""

    model: str
    stages: tuple[str, ...] = ()
    """All stages that are configured for it, in their order."""
    releases: tuple[Release, ...] = ()
    versions: tuple[Card, ...] = ()
    """The newest first; metrics are shown where they are known."""
    under_way: tuple[Promotion, ...] = ()


def models_list(rows: Sequence[ModelRow]) -> Message:
    """Return which version of each model each stage runs."""
    if not rows:
        return _words("No model is known yet. Register one in MLflow, and name it in `app.yaml`; it announces itself.")
    head = f"{_count(len(rows), 'model')}. `/models MODEL` shows one of them closely."
    return Message(
        text=f"{_count(len(rows), 'model')} and what the stages run.",
        blocks=(*sections([_row(row) for row in rows]), context(head)),
    )


def models_detail(detail: ModelDetail) -> Message:
    """Return a model's stages, what is on its way, and its newest versions."""
    live = {release.pair.stage: release for release in detail.releases}
    stages = [_stage(stage, live.get(stage)) for stage in detail.stages] or ["No stage is configured for it."]
    versions = [_version(card, detail.releases) for card in detail.versions[:VERSIONS]] or ["No version is known yet."]
    way = [_promotion(p) for p in detail.under_way]
    blocks: list[Json] = [
        section(f"*{mrkdwn(detail.model, 120)}*"),
        *sections(stages, room=3000),
        *(sections(["*On its way*", *way], room=3000) if way else []),
        *sections([f"*Versions*, the newest {len(versions)}", *versions], room=5000),
    ]
    return Message(text=f"Stages and versions of {mrkdwn(detail.model, 120)}.", blocks=tuple(blocks))


def promotions_list(promotions: Sequence[Promotion]) -> Message:
    """Return the latest promotions, the open ones first, each on one line."""
    if not promotions:
        return _words("No promotion yet. Type `/promote MODEL STAGE` to ask for the first.")
    ordered = sorted(promotions, key=lambda p: (not p.state.open, -p.id))
    waiting = sum(p.state.open for p in promotions)
    return Message(
        text=f"{_count(len(promotions), 'promotion')}, {waiting} of them under way.",
        blocks=(
            *sections([_promotion(p) for p in ordered]),
            context("`/promotions 12` tells the story of one, `/promotions cancel 12` takes one back."),
        ),
    )


def promotion_story(p: Promotion, transitions: Sequence[Transition], facts: Sequence[Fact]) -> Message:
    """Return what happened to a promotion, in order: what people did, and what came of it."""
    told = [(fact.at, _fact(fact)) for fact in facts] + [(at, _step(state, why)) for at, state, why in transitions]
    steps = [f"{when(at)}  {what}" for at, what in sorted(told, key=lambda step: step[0])]
    earlier = [f"… {len(steps) - STEPS} earlier steps"] if len(steps) > STEPS else []
    blocks = (
        section(f"*Promotion {p.id}: {title(p)}*\n{_state(p)}"),
        *sections([*earlier, *steps[-STEPS:]] or ["Nothing has happened yet."]),
    )
    return Message(text=f"Promotion {p.id}: {title(p)}, {p.state.value}.", blocks=blocks)


def freezes_list(those: Sequence[tuple[str, Freeze | None]]) -> Message:
    """Return what is frozen: what it is (a stage, or a stage of some models), and its freeze, or None for none."""
    if not any(freeze for _, freeze in those):
        return _words("Nothing is frozen. `/freeze STAGE` stops new releases to a stage; going back always works.")
    lines = [f"• {mrkdwn(what, 200)}: {_frozen(freeze) if freeze else 'not frozen'}" for what, freeze in those]
    told = "`/freeze STAGE off` ends what somebody ordered; going back always works."
    return Message(text="What is frozen.", blocks=(*sections(lines), context(told)))


def frozen(freeze: Freeze) -> Message:
    """Return, aloud, that somebody froze a stage."""
    stage, end = code(freeze.stage), f"until {when(freeze.until)}" if freeze.until else "until somebody ends it"
    why = f": {code(freeze.reason)}" if freeze.reason else ""
    told = f"Nothing new goes there, for any model; going back always works. {_type_off(freeze.stage)} ends it."
    return replace(_words(f"{mention(freeze.by)} froze {stage} {end}{why}. {told}"), aloud=True)


def thawed(stage: str, by: str, still: Freeze | None) -> Message:
    """Return, aloud, that somebody ended a freeze; `still` is one of app.yaml that goes on."""
    goes_on = f"but it is {_frozen(still)}" if still else "so what waits there goes on"
    return replace(_words(f"{mention(by)} ended the freeze of {code(stage)}, {goes_on}."), aloud=True)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────


def _row(row: ModelRow) -> str:
    newest = f", newest v{row.newest}" if row.newest is not None else ""
    runs = [f"{mrkdwn(r.pair.stage, 40)} v{r.version} since {when(r.since)}" for r in row.releases[:STAGES]]
    more = [f"{len(row.releases) - STAGES} more stages"] if len(row.releases) > STAGES else []
    return f"{code(row.model, 120)}{newest}\n    " + (" · ".join([*runs, *more]) or "no release yet")


def _stage(stage: str, release: Release | None) -> str:
    if release is None:
        return f"• {mrkdwn(stage, 80)}: no release yet"
    before = f", before that v{release.previous}" if release.previous is not None else ""
    return f"• {mrkdwn(stage, 80)}: *v{release.version}* since {when(release.since)}{before}"


def _version(card: Card, releases: Sequence[Release]) -> str:
    on = [mrkdwn(r.pair.stage, 40) for r in releases if r.version == card.what.version][:STAGES]
    metrics = [f"{code(name, 60)} {number(value)}" for name, value in sorted(card.metrics.items())[:METRICS]]
    made = f" of {when(card.created)}" if card.created is not None else ""
    runs = f", runs on {', '.join(on)}" if on else ""
    return f"• v{card.what.version}{made}{runs}" + (f" – {', '.join(metrics)}" if metrics else "")


def _promotion(p: Promotion) -> str:
    who = "by itself" if p.automatic else f"asked by {mention(p.requested_by)}"
    pull = [link(p.record.pull_url, f"#{p.record.pull}")] if p.record.pull is not None else []
    state = f"*{STATES[p.state]}* since {when(p.entered_at)}"
    return " · ".join([f"{p.id}: {title(p)}", state, who, *pull])


def _state(p: Promotion) -> str:
    why = f": {_why(p.state, p.because, 300)}" if p.because else ""
    asked = "started by Callboard" if p.automatic else f"asked by {mention(p.requested_by)}"
    pull = f" · {link(p.record.pull_url, f'pull request #{p.record.pull}')}" if p.record.pull is not None else ""
    back = code(typed("/rollback", p.pair.model, p.pair.stage), 300)
    offer = f"\nTo go back, type {back}." if p.state is State.RELEASED and p.kind is Kind.PROMOTE else ""
    cancel = f"\nTo take it back, type `/promotions cancel {p.id}`." if p.state is State.PROPOSED else ""
    return f"Now *{STATES[p.state]}*{why}\n{asked}{pull}{_waiting(p)}{_after(p)}{offer}{cancel}"


def _waiting(p: Promotion) -> str:
    """Return what holds the promotion up, as the gates said last."""
    if p.state is not State.PROPOSED:
        return ""
    held = [r for r in p.record.rulings if r.verdict is not Verdict.PASS]
    return "".join(f"\n• {sentence(r.because, 300, mentions=True)}" for r in held[:10])


def _after(p: Promotion) -> str:
    """Return which promotion came in the place of one that ended so."""
    if p.record.followup is None or p.state not in {State.SUPERSEDED, State.FAILED}:
        return ""
    deed = "took its place" if p.state is State.SUPERSEDED else "goes back"
    return f"\nPromotion {p.record.followup} {deed}: `/promotions {p.record.followup}` tells how."


def _frozen(freeze: Freeze) -> str:
    by = "`app.yaml`" if freeze.by == WINDOW else mention(freeze.by)
    end = f"until {when(freeze.until)}" if freeze.until else "until somebody ends it"
    return f"frozen by {by} {end}" + (f": {code(freeze.reason)}" if freeze.reason else "")


def _type_off(stage: str) -> str:
    return code(typed("/freeze", stage, "off"), 300)


def _step(state: State, because: str) -> str:
    same = because.casefold() == state.value
    return f"*{STATES[state]}*" + (f": {_why(state, because, 200)}" if because and not same else "")


def _why(state: State, because: str, limit: int) -> str:
    """Return a state's reason; those that name people, for consent, veto or a newer wish, hold nothing from outside."""
    return sentence(because, limit, mentions=state in {State.MERGING, State.REJECTED, State.SUPERSEDED})


def _fact(fact: Fact) -> str:
    why = f" ({code(fact.reason)})" if fact.reason else ""
    return f"{mention(fact.by)} {DEEDS[fact.kind]}{why}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _words(text: str) -> Message:
    return Message(text=text, blocks=(section(text),))


STATES: Final = {
    State.CHECKING: "being checked",
    State.PROPOSED: "waiting for approval",
    State.MERGING: "being merged",
    State.SYNCING: "waiting for the cluster",
    State.ROLLING_OUT: "rolling out",
    State.PROVING: "being proven",
    State.RELEASED: "released ✅",
    State.BLOCKED: "blocked ❌",
    State.REJECTED: "rejected ❌",
    State.SUPERSEDED: "superseded",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.FAILED: "failed ❌",
}
"""What a state is called in a list."""

DEEDS: Final = {
    FactKind.PROMOTE: "asked for it",
    FactKind.ROLLBACK: "asked to go back",
    FactKind.APPROVE: "approved ✅",
    FactKind.WITHDRAW: "took the approval back",
    FactKind.VETO: "vetoed ❌",
    FactKind.UNVETO: "took the veto back",
    FactKind.CANCEL: "cancelled it",
    FactKind.OVERRIDE: "wants it to go on in spite of what holds it up",
    FactKind.FREEZE: "froze the stage",
    FactKind.THAW: "thawed the stage",
    FactKind.VERSION: "registered the version",
}
"""What somebody did, after the name."""
