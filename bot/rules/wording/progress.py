"""What a promotion's message says about where the promotion stands: one headline and a few lines, for every state.

The headline is also what a notification shows, so it is a sentence without formatting.  Nothing is decided here.
To add a state, write one function and name it in `STATES`; a test fails for a state that has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.domain.cluster import Health, HealthStatus
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion, Ruling, State, Verdict
from bot.domain.reasons.agents import HeldUp
from bot.domain.reasons.lifecycle import Cancelled
from bot.domain.reasons.rollout import EveryPodReady, NotPickedUp
from bot.domain.verification import Method
from bot.rules.parsing.typed import typed
from bot.rules.wording.blocks import link, when
from bot.rules.wording.escape import block, code, mrkdwn
from bot.rules.wording.figures import duration
from bot.rules.wording.reasons import reply, slack
from bot.rules.wording.sentences import capital

BAR: Final = 12
"""Cells of the progress bar."""
TROUBLED: Final = 3
"""Pods whose trouble is shown."""
LOG: Final = 1500
"""Characters of a pod's last log lines."""
RULINGS: Final = 10
"""Rulings that are listed."""
SLOW: Final = 60
"""Seconds after which a step says since when it has been going on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a promotion's message shows."""

    promotion: Promotion
    health: Health | None
    policy: Policy
    now: datetime | None = None
    successor: str | None = None
    """The address of the message of the promotion that took its place, or rolls it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a promotion is doing."""

    icon: str
    headline: str
    """One sentence in mrkdwn, without a full stop."""
    lines: tuple[str, ...] = ()


def describe(scene: Scene) -> Progress:
    """Return how a promotion is doing, for its message."""
    return STATES[scene.promotion.state](scene)


def again(promotion: Promotion) -> str:
    """Return the command that requests the same once more, to be copied."""
    command = "/promote" if promotion.kind is Kind.PROMOTE else "/rollback"
    return code(typed(command, promotion.target.model, promotion.target.stage, str(promotion.version)), 300)


# ── on the way ───────────────────────────────────────────────────────────────────────────────────────


def _checking(scene: Scene) -> Progress:
    return Progress(icon="⏳", headline="Checking what it would change", lines=_reason(scene.promotion))


def _proposed(scene: Scene) -> Progress:
    rulings = scene.promotion.status.consent.rulings
    missing = [ruling for ruling in rulings if ruling.verdict is not Verdict.PASS]
    pinned = _pinned(scene)
    if not rulings:
        return Progress(icon="⏳", headline="Checking approvals", lines=pinned)
    if not missing:
        return Progress(icon="⏳", headline="Approved" if pinned else "Ready to merge", lines=pinned)
    if len(missing) == 1:
        return Progress(icon="⏳", headline=f"Waiting: {slack(missing[0].reason)}", lines=pinned)
    listed = tuple(map(_ruling, missing[:RULINGS]))
    return Progress(icon="⏳", headline=f"Waiting for {len(missing)} things", lines=(*listed, *pinned))


def _pinned(scene: Scene) -> tuple[str, ...]:
    """Say that Git pins the version already, where, and what an approval and a veto then mean."""
    promotion, pinned = scene.promotion, scene.promotion.status.pinned
    if pinned is None:
        return ()
    paths = promotion.status.place.paths if promotion.status.place is not None else ()
    where = f" In Git: {', '.join(map(code, paths))} at {code(pinned.commit[:7])}." if paths else ""
    effect = (
        f"{capital(_where(promotion))} may be running it. Approving makes it the release; a veto leaves the pin in Git."
    )
    why = slack(promotion.reason) if promotion.reason is not None else f"v{promotion.version} is pinned already"
    return (f"📌 {why}.{where}", effect)


def _ruling(ruling: Ruling) -> str:
    return f"{'❌' if ruling.verdict is Verdict.BLOCK else '•'} {slack(ruling.reason)}"


def _merging(scene: Scene) -> Progress:
    return Progress(icon="⏳", headline="Merging the pull request", lines=_since(scene))


def _syncing(scene: Scene) -> Progress:
    headline = f"Waiting for {_where(scene.promotion)} to pick up the change"
    more = (*_pending(scene), *_agent(scene), *_since(scene))
    return Progress(icon="⏳", headline=headline, lines=(*_reason(scene.promotion), *more))


def _pending(scene: Scene) -> tuple[str, ...]:
    """Say what is missing until the pods have the version that is in a ConfigMap."""
    health = scene.health
    if health is None or health.pending is None:
        return ()
    other = health.pin is not None and health.pin.version != scene.promotion.version
    return () if other else (f"⚠️ {capital(slack(health.pending))}",)


def _rolling_out(scene: Scene) -> Progress:
    health, version = scene.health, f"v{scene.promotion.version}"
    if health is None or not health.wanted:
        return Progress(icon="🚀", headline=f"Rolling out {version}", lines=_cluster(scene))
    headline = f"Rolling out: {health.ready} of {health.wanted} pods on {version}"
    return Progress(icon="🚀", headline=headline, lines=(_bar(health), *_cluster(scene)))


def _verifying(scene: Scene) -> Progress:
    promotion, health = scene.promotion, scene.health
    ready = f"{health.ready} of {health.wanted} pods" if health is not None and health.wanted else "Every pod is"
    doubt = () if isinstance(promotion.reason, EveryPodReady) else _reason(promotion)
    healthy_since = promotion.status.healthy_since
    watched = (f"Watched until {when(healthy_since + scene.policy.watch)}.",) if healthy_since else ()
    headline = f"{ready} on v{promotion.version}: {_checked(promotion)}"
    return Progress(icon="🚀", headline=headline, lines=(*doubt, *watched, *_cluster(scene)))


def _checked(promotion: Promotion) -> str:
    """Return what happens to new pods that are ready, by the method of verification."""
    how = promotion.status.verified_by
    match how.method if how is not None else Method.AUTO:
        case Method.ROLLOUT:
            return "watching them"
        case Method.KSERVE:
            return "waiting for KServe to report that the model is loaded"
        case Method.IMAGE:
            return "checking which image each one runs"
        case _:
            return "checking which version each one serves"


def _where(promotion: Promotion) -> str:
    """Name the promotion's cluster, if it is not the bot's own."""
    return f"cluster {code(promotion.cluster, 120)}" if promotion.cluster is not None else "the cluster"


def _reason(promotion: Promotion) -> tuple[str, ...]:
    return (reply(promotion.reason),) if promotion.reason is not None else ()


def _agent(scene: Scene) -> tuple[str, ...]:
    """Say what keeps the GitOps agent from applying the change, unless the promotion's reason says it already."""
    promotion = scene.promotion
    waiting, why = promotion.status.waiting, promotion.reason
    told = isinstance(why, NotPickedUp) and isinstance(why.found, HeldUp) and why.found.agent == waiting
    return (reply(waiting),) if waiting is not None and not told else ()


def _since(scene: Scene) -> tuple[str, ...]:
    """Say since when, once a step takes longer than people expect: by the clock, so the message need not tick."""
    entered = scene.promotion.entered_at
    late = scene.now is not None and (scene.now - entered).total_seconds() > SLOW
    return (f"Since {when(entered)}.",) if late else ()


def _bar(health: Health) -> str:
    filled = BAR * max(0, min(health.ready, health.wanted)) // health.wanted
    return "▰" * filled + "▱" * (BAR - filled)


def _cluster(scene: Scene) -> tuple[str, ...]:
    """Name what keeps the rollout: a cluster that cannot be observed, a pause, the pods in trouble."""
    health = scene.health
    if health is None or health.status is HealthStatus.HEALTHY:
        return ()
    if health.status is HealthStatus.UNKNOWN:
        unknown = f"The state of the rollout is unknown: {slack(health.reason)}"
        return (f"⚠️ {unknown}. Nothing is rolled back because of this.",)
    troubled = [(pod.name, pod.trouble) for pod in health.pods if pod.trouble is not None]
    named = tuple(f"⚠️ {code(pod)}: {slack(trouble)}" for pod, trouble in troubled[:TROUBLED])
    if len(troubled) > TROUBLED:
        named += (f"… and {len(troubled) - TROUBLED} more pods in trouble",)
    if health.status is HealthStatus.PROGRESSING:
        return named
    return named or (f"⚠️ {capital(slack(health.reason))}",)


def _stalled(scene: Scene) -> Progress:
    """Say why, and that nothing happens unless somebody decides or the workload recovers."""
    promotion, failing = scene.promotion, scene.promotion.status.failing
    why = slack(promotion.reason) if promotion.reason is not None else "no reason was recorded"
    if failing is not None:
        log = block(failing.log or "", LOG)
        lines = (*((f"Last log lines:\n{log}",) if log else ()), "Nothing is rolled back until somebody decides.")
        return Progress(icon="⚠️", headline=f"Failing: {why}", lines=(*_cluster(scene), *lines))
    goes_on = f"It goes on by itself once {_where(promotion)} shows the release."
    calm = f"No failure was seen, so nothing is rolled back. {goes_on}"
    agent = _agent(scene) if isinstance(promotion.reason, NotPickedUp) else ()
    return Progress(icon="⚠️", headline=f"Stalled: {why}", lines=(*_cluster(scene), *agent, calm))


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────


def _released(scene: Scene) -> Progress:
    promotion = scene.promotion
    stage, took = promotion.target.stage, duration(promotion.entered_at - promotion.requested_at)
    headline = f"Released v{promotion.version} to {mrkdwn(stage, 80)} in {took}"
    moved = promotion.status.registry.alias_moved
    alias = (f"The alias {code(stage)} points at v{promotion.version}.",) if moved else ()
    icon = "✅" if promotion.kind is Kind.PROMOTE else "↩️"
    return Progress(icon=icon, headline=headline, lines=(*_reason(promotion), *alias))


def _failed(scene: Scene) -> Progress:
    promotion = scene.promotion
    failing = promotion.status.failing
    log = block(failing.log or "", LOG) if failing is not None else ""
    lines = (*((f"Last log lines:\n{log}",) if log else ()), _now_what(scene))
    why = slack(promotion.reason) if promotion.reason is not None else "no reason was recorded"
    return Progress(icon="❌", headline=f"Failed: {why}", lines=lines)


def _now_what(scene: Scene) -> str:
    """Return what happens, or what to do, after a failure."""
    promotion = scene.promotion
    if promotion.status.followup is not None:
        to = f"to v{promotion.previous}" if promotion.previous is not None else "to the last release"
        return f"↩️ Rolling back {to} ({link(scene.successor, f'promotion {promotion.status.followup}')})."
    if promotion.kind is Kind.ROLLBACK:
        stage = mrkdwn(promotion.target.stage, 80)
        return f"⚠️ The rollback failed too, so {stage} needs a person now. To try again, type {again(promotion)}."
    if not promotion.in_git:
        return f"Nothing was merged. To try again, type {again(promotion)}."
    if promotion.previous is None:
        return "There is no earlier release to roll back to: fix the model, register a new version and promote that."
    rollback = code(typed("/rollback", promotion.target.model, promotion.target.stage), 300)
    return f"Git still says v{promotion.version}. To roll back to v{promotion.previous}, type {rollback}."


def _undecided(icon: str, word: str, advice: str) -> Callable[[Scene], Progress]:
    """Return the text for a proposal that ended; where Git pins the version all the same, it says how to undo that."""
    over = _over(icon, word, advice)

    def describe_end(scene: Scene) -> Progress:
        pinned = scene.promotion.status.pinned is not None
        return replace(over(scene), lines=(_pin_stays(scene.promotion),)) if pinned else over(scene)

    return describe_end


def _pin_stays(promotion: Promotion) -> str:
    still = f"Git still pins v{promotion.version}, so {_where(promotion)} may be running it."
    if promotion.previous is None:
        undo = "There is no earlier release to go back to: change the pin in Git, or promote another version."
    else:
        rollback = code(typed("/rollback", promotion.target.model, promotion.target.stage), 300)
        undo = f"To return to v{promotion.previous} through a pull request, type {rollback}."
    return f"{still} {undo} To request it again, type {again(promotion)}."


def _blocked(scene: Scene) -> Progress:
    live = scene.promotion.previous == scene.promotion.version
    advice = "Nothing is left to do." if live else "Nothing was changed. Once that is fixed, type {again}."
    return _over("❌", "Blocked", advice)(scene)


def _superseded(scene: Scene) -> Progress:
    promotion = scene.promotion
    over = _over("↩️", "Superseded", "")(scene)
    if promotion.status.followup is None:
        return over
    newer = link(scene.successor, f"Promotion {promotion.status.followup}")
    return Progress(icon=over.icon, headline=over.headline, lines=(f"{newer} took its place.",))


def _over(icon: str, word: str, advice: str) -> Callable[[Scene], Progress]:
    """Return the text for an end state that needs only its reason; `advice` holds {again}."""

    def describe_end(scene: Scene) -> Progress:
        promotion = scene.promotion
        obvious = promotion.reason is None or isinstance(promotion.reason, Cancelled)
        lines = (advice.format(again=again(promotion)),) if advice else ()
        headline = word if obvious or promotion.reason is None else f"{word}: {slack(promotion.reason)}"
        return Progress(icon=icon, headline=headline, lines=lines)

    return describe_end


STATES: Final[Mapping[State, Callable[[Scene], Progress]]] = {
    State.CHECKING: _checking,
    State.PROPOSED: _proposed,
    State.MERGING: _merging,
    State.SYNCING: _syncing,
    State.ROLLING_OUT: _rolling_out,
    State.VERIFYING: _verifying,
    State.STALLED: _stalled,
    State.RELEASED: _released,
    State.FAILED: _failed,
    State.BLOCKED: _blocked,
    State.REJECTED: _undecided("❌", "Rejected", "Nothing was released. To request it again, type {again}."),
    State.EXPIRED: _undecided("⌛", "Expired", "Nothing was changed. To request it again, type {again}."),
    State.CANCELLED: _undecided("↩️", "Cancelled", "Nothing was changed. To request it again, type {again}."),
    State.SUPERSEDED: _superseded,
}
