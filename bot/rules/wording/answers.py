"""Answers to /models, /promotions and /freeze, from the database alone; all private but those that are `aloud`.

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
from bot.domain.reason import Reason
from bot.domain.reasons.lifecycle import Cancelled
from bot.domain.registry import VersionDetails
from bot.rules.parsing.typed import typed
from bot.rules.wording.blocks import context, link, mention, section, sections, when
from bot.rules.wording.escape import code, mrkdwn
from bot.rules.wording.figures import number
from bot.rules.wording.promotion_message import requester, title
from bot.rules.wording.reasons import reply, slack

Transition: TypeAlias = tuple[datetime, State, Reason | None]
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
    versions: tuple[VersionDetails, ...] = ()
    """The newest first; metrics are shown where they are known."""
    under_way: tuple[Promotion, ...] = ()


def models_list(rows: Sequence[ModelRow]) -> Message:
    """Return which version of each model each stage runs."""
    if not rows:
        return _words("No models yet. Register one in MLflow and name it in `app.yaml`; it will be announced here.")
    head = f"{_count(len(rows), 'model')}. `/models MODEL` shows one in detail."
    return Message(
        text=f"{_count(len(rows), 'model')} and what the stages run.",
        blocks=(*sections([_row(row) for row in rows]), context(head)),
    )


def models_detail(detail: ModelDetail) -> Message:
    """Return a model's stages, what is on its way, and its newest versions."""
    live = {release.target.stage: release for release in detail.releases}
    stages = [_stage(stage, live.get(stage)) for stage in detail.stages] or ["No stage is configured for it."]
    versions = [_version(details, detail.releases) for details in detail.versions[:VERSIONS]] or [
        "No version is known yet."
    ]
    way = [_promotion(p) for p in detail.under_way]
    blocks: list[Json] = [
        section(f"*{mrkdwn(detail.model, 120)}*"),
        *sections(stages, room=3000),
        *(sections(["*Under way*", *way], room=3000) if way else []),
        *sections([f"*Versions*, the newest {len(versions)}", *versions], room=5000),
    ]
    return Message(text=f"Stages and versions of {mrkdwn(detail.model, 120)}.", blocks=tuple(blocks))


def promotions_list(promotions: Sequence[Promotion]) -> Message:
    """Return the latest promotions, the open ones first, each on one line."""
    if not promotions:
        return _words("No promotions yet. Type `/promote MODEL STAGE` to request the first.")
    ordered = sorted(promotions, key=lambda p: (not p.state.open, -p.id))
    waiting = sum(p.state.open for p in promotions)
    return Message(
        text=f"{_count(len(promotions), 'promotion')}, {waiting} of them under way.",
        blocks=(
            *sections([_promotion(p) for p in ordered]),
            context("`/promotions ID` shows its history; `/promotions cancel ID` cancels it."),
        ),
    )


def promotion_story(promotion: Promotion, transitions: Sequence[Transition], facts: Sequence[Fact]) -> Message:
    """Return what happened to a promotion, in order: what people did, and what came of it."""
    told = [(fact.at, _fact(fact)) for fact in facts] + [(at, _step(state, why)) for at, state, why in transitions]
    steps = [f"{when(at)}  {what}" for at, what in sorted(told, key=lambda step: step[0])]
    earlier = [f"… {len(steps) - STEPS} earlier steps"] if len(steps) > STEPS else []
    blocks = (
        section(f"*Promotion {promotion.id}: {title(promotion)}*\n{_state(promotion)}"),
        *sections([*earlier, *steps[-STEPS:]] or ["Nothing has happened yet."]),
    )
    return Message(text=f"Promotion {promotion.id}: {title(promotion)}, {promotion.state.value}.", blocks=blocks)


def freezes_list(those: Sequence[tuple[str, Freeze | None]]) -> Message:
    """Return what is frozen: what it is (a stage, or a stage of some models), and its freeze, or None for none."""
    if not any(freeze for _, freeze in those):
        return _words("Nothing is frozen. `/freeze STAGE` stops new releases to a stage; rollbacks always work.")
    lines = [f"• {mrkdwn(what, 200)}: {_frozen(freeze) if freeze else 'not frozen'}" for what, freeze in those]
    told = "`/freeze STAGE off` lifts a freeze that somebody set; rollbacks always work."
    return Message(text="What is frozen.", blocks=(*sections(lines), context(told)))


def frozen(freeze: Freeze) -> Message:
    """Return, aloud, that somebody froze a stage."""
    stage, end = code(freeze.stage), f"until {when(freeze.until)}" if freeze.until else "until someone lifts it"
    why = f": {code(freeze.reason)}" if freeze.reason else ""
    told = f"No model is promoted there; rollbacks always work. {_type_off(freeze.stage)} lifts it."
    return replace(_words(f"{mention(freeze.by)} froze {stage} {end}{why}. {told}"), aloud=True)


def thawed(stage: str, by: str, still: Freeze | None) -> Message:
    """Return, aloud, that somebody lifted a freeze; `still` is one of app.yaml that is still in force."""
    goes_on = f"but it is {_frozen(still)}" if still else "so what waits there continues"
    return replace(_words(f"{mention(by)} lifted the freeze of {code(stage)}, {goes_on}."), aloud=True)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────


def _row(row: ModelRow) -> str:
    newest = f", newest v{row.newest}" if row.newest is not None else ""
    runs = [f"{mrkdwn(r.target.stage, 40)} v{r.version} since {when(r.since)}" for r in row.releases[:STAGES]]
    more = [f"{len(row.releases) - STAGES} more stages"] if len(row.releases) > STAGES else []
    return f"{code(row.model, 120)}{newest}\n    " + (" · ".join([*runs, *more]) or "no release yet")


def _stage(stage: str, release: Release | None) -> str:
    if release is None:
        return f"• {mrkdwn(stage, 80)}: no release yet"
    before = f", before that v{release.previous}" if release.previous is not None else ""
    return f"• {mrkdwn(stage, 80)}: *v{release.version}* since {when(release.since)}{before}"


def _version(details: VersionDetails, releases: Sequence[Release]) -> str:
    on = [mrkdwn(r.target.stage, 40) for r in releases if r.version == details.what.version][:STAGES]
    metrics = [f"{code(name, 60)} {number(value)}" for name, value in sorted(details.metrics.items())[:METRICS]]
    made = f" of {when(details.created)}" if details.created is not None else ""
    runs = f", runs on {', '.join(on)}" if on else ""
    return f"• v{details.what.version}{made}{runs}" + (f" – {', '.join(metrics)}" if metrics else "")


def _promotion(promotion: Promotion) -> str:
    who = "automatic" if promotion.automatic else requester(promotion)
    pull = promotion.status.pull
    where = [link(pull.url, f"#{pull.number}")] if pull is not None else []
    state = f"*{STATES[promotion.state]}* since {when(promotion.entered_at)}"
    trouble = [f"⚠️ {slack(promotion.status.trouble)}"] if promotion.status.trouble is not None else []
    return " · ".join([f"{promotion.id}: {title(promotion)}", state, who, *where, *trouble])


def _state(promotion: Promotion) -> str:
    why = f": {slack(promotion.reason)}" if promotion.reason is not None else ""
    pull = promotion.status.pull
    where = f" · {link(pull.url, f'pull request #{pull.number}')}" if pull is not None else ""
    lines = [
        f"Now *{STATES[promotion.state]}*{why}",
        requester(promotion) + where,
        *_waiting(promotion),
        *_followup(promotion),
        *_commands(promotion),
    ]
    return "\n".join(lines)


def _commands(promotion: Promotion) -> list[str]:
    if promotion.state is State.RELEASED and promotion.kind is Kind.PROMOTE:
        return [f"To roll back, type {code(typed('/rollback', promotion.target.model, promotion.target.stage), 300)}."]
    if promotion.state is State.PROPOSED:
        return [f"To cancel it, type `/promotions cancel {promotion.id}`."]
    return []


def _waiting(promotion: Promotion) -> list[str]:
    """Return what holds the promotion up: the trouble of an outside system, and what the gates ruled last."""
    trouble = promotion.status.trouble
    told = [f"⚠️ {reply(trouble)}"] if trouble is not None else []
    if promotion.state is not State.PROPOSED:
        return told
    held = [ruling for ruling in promotion.status.consent.rulings if ruling.verdict is not Verdict.PASS]
    return told + [f"• {slack(ruling.reason)}" for ruling in held[:10]]


def _followup(promotion: Promotion) -> list[str]:
    """Return which promotion superseded this one, or rolls it back."""
    number = promotion.status.followup
    if number is None or promotion.state not in {State.SUPERSEDED, State.FAILED}:
        return []
    does = "took its place" if promotion.state is State.SUPERSEDED else "rolls it back"
    return [f"Promotion {number} {does}: `/promotions {number}` shows how."]


def _frozen(freeze: Freeze) -> str:
    by = "`app.yaml`" if freeze.by == WINDOW else mention(freeze.by)
    end = f"until {when(freeze.until)}" if freeze.until else "until someone lifts it"
    return f"frozen by {by} {end}" + (f": {code(freeze.reason)}" if freeze.reason else "")


def _type_off(stage: str) -> str:
    return code(typed("/freeze", stage, "off"), 300)


def _step(state: State, reason: Reason | None) -> str:
    obvious = reason is None or isinstance(reason, Cancelled)
    return f"*{STATES[state]}*" + ("" if obvious or reason is None else f": {slack(reason)}")


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
    State.VERIFYING: "being verified",
    State.STALLED: "stalled ⚠️",
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
    FactKind.PROMOTE: "requested it",
    FactKind.ROLLBACK: "requested a rollback",
    FactKind.APPROVE: "approved ✅",
    FactKind.WITHDRAW: "withdrew the approval",
    FactKind.VETO: "vetoed ❌",
    FactKind.UNVETO: "withdrew the veto",
    FactKind.CANCEL: "cancelled it",
    FactKind.OVERRIDE: "overrode the hold",
    FactKind.KEEP_WAITING: "gave it more time",
    FactKind.ACCEPT: "accepted it unverified",
    FactKind.GO_BACK: "asked to roll it back",
    FactKind.FREEZE: "froze the stage",
    FactKind.THAW: "lifted the freeze",
    FactKind.VERSION: "registered the version",
}
"""What somebody did, after the name."""
