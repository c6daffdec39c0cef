"""What a promotion's message says about where the promotion stands: one headline and a few lines, for every state.

The headline is also what a notification shows, so it is a sentence without formatting.  Nothing is decided here.
To add a state, write one function and name it in `STATES`; a test fails for a state that has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.cluster import Health, HealthStatus
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion, Ruling, State, Verdict
from bot.rules.wording.blocks import link, when
from bot.rules.wording.escape import block, code, mrkdwn, sentence
from bot.rules.wording.figures import duration
from bot.rules.wording.typed import typed

BAR: Final = 12
"""Cells of the progress bar."""
TROUBLED: Final = 3
"""Pods whose trouble is shown."""
LOG: Final = 1500
"""Characters of a pod's last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a promotion's message shows."""

    it: Promotion
    health: Health | None
    rulings: tuple[Ruling, ...]
    policy: Policy
    now: datetime | None = None
    successor: str | None = None
    """The address of the message of the promotion that took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """How a promotion stands."""

    icon: str
    headline: str
    """One sentence in mrkdwn, without a full stop."""
    lines: tuple[str, ...] = ()


def saying(scene: Scene) -> Saying:
    """Return what to say about a promotion as it stands."""
    return STATES[scene.it.state](scene)


def again(it: Promotion) -> str:
    """Return the command that asks for the same once more, to be copied."""
    command = "/promote" if it.kind is Kind.PROMOTE else "/rollback"
    return code(typed(command, it.pair.model, it.pair.stage, str(it.version)), 300)


# ── on the way ───────────────────────────────────────────────────────────────────────────────────────


def _checking(scene: Scene) -> Saying:
    return Saying(icon="⏳", headline="Checking what it would change", lines=_because(scene.it))


def _proposed(scene: Scene) -> Saying:
    missing = [r for r in scene.rulings if r.verdict is not Verdict.PASS]
    asks = [
        f"{'❌' if r.verdict is Verdict.BLOCK else '•'} {sentence(r.because, 300, mentions=True)}" for r in missing[:10]
    ]
    if not scene.rulings:
        return Saying(icon="⏳", headline="Waiting for the first look at its approvals")
    if not missing:
        return Saying(icon="⏳", headline="Nothing is missing: it is merged next")
    if len(missing) == 1:
        return Saying(icon="⏳", headline=f"Waiting: {sentence(missing[0].because, 300, mentions=True)}")
    return Saying(icon="⏳", headline=f"Waiting for {len(missing)} things", lines=tuple(asks))


def _merging(scene: Scene) -> Saying:
    return Saying(icon="⏳", headline="Merging the pull request", lines=_since(scene))


def _syncing(scene: Scene) -> Saying:
    headline = "Waiting for the cluster to take the change up"
    return Saying(icon="⏳", headline=headline, lines=(*_because(scene.it), *_since(scene)))


def _rolling_out(scene: Scene) -> Saying:
    health, version = scene.health, f"v{scene.it.version}"
    if health is None or not health.wanted:
        return Saying(icon="🚀", headline=f"Rolling out {version}", lines=_cluster(scene))
    headline = f"Rolling out: {health.ready} of {health.wanted} pods on {version}"
    return Saying(icon="🚀", headline=headline, lines=(_bar(health), *_cluster(scene)))


def _proving(scene: Scene) -> Saying:
    it, health = scene.it, scene.health
    ready = f"{health.ready} of {health.wanted} pods" if health is not None and health.wanted else "Every pod is"
    doubt = () if it.because == "every pod is ready" else _because(it)
    healthy_since = it.record.healthy_since
    watched = (f"Watched until {when(healthy_since + scene.policy.watch)}.",) if healthy_since else ()
    headline = f"{ready} on v{it.version}: making sure that each serves it"
    return Saying(icon="🚀", headline=headline, lines=(*doubt, *watched, *_cluster(scene)))


def _because(it: Promotion) -> tuple[str, ...]:
    return (full_stop(sentence(_capital(it.because))),) if it.because else ()


def _since(scene: Scene) -> tuple[str, ...]:
    """Say since when, once a step takes longer than people expect: by the clock, so the message need not tick."""
    late = scene.now is not None and (scene.now - scene.it.entered_at).total_seconds() > 60  # noqa: PLR2004
    return (f"Since {when(scene.it.entered_at)}.",) if late else ()


def _bar(health: Health) -> str:
    filled = BAR * max(0, min(health.ready, health.wanted)) // health.wanted
    return "▰" * filled + "▱" * (BAR - filled)


def _cluster(scene: Scene) -> tuple[str, ...]:
    """Name what keeps the rollout: an unseen cluster, a pause, the pods in trouble."""
    health = scene.health
    if health is None or health.status is HealthStatus.HEALTHY:
        return ()
    if health.status is HealthStatus.UNKNOWN:
        return (f"⚠️ The cluster cannot be judged now: {mrkdwn(health.because)}. This never rolls anything back.",)
    pods = [p for p in health.pods if p.trouble]
    named = tuple(f"⚠️ {code(pod.name)}: {mrkdwn(pod.trouble or '')}" for pod in pods[:TROUBLED])
    if len(pods) > TROUBLED:
        named += (f"… and {len(pods) - TROUBLED} more pods in trouble",)
    if health.status is HealthStatus.PROGRESSING:
        return named
    return named or (f"⚠️ {mrkdwn(_capital(health.because))}",)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────


def _released(scene: Scene) -> Saying:
    it = scene.it
    took = duration(it.entered_at - it.requested_at)
    headline = f"Released v{it.version} to {mrkdwn(it.pair.stage, 80)} in {took}"
    alias = (f"The alias {code(it.pair.stage)} points at v{it.version}.",) if it.record.alias_moved else ()
    icon = "✅" if it.kind is Kind.PROMOTE else "↩️"
    return Saying(icon=icon, headline=headline, lines=(*_because(it), *alias))


def _failed(scene: Scene) -> Saying:
    it = scene.it
    log = block(it.record.log or "", LOG)
    lines = (*((f"Its last words:\n{log}",) if log else ()), _now_what(it))
    return Saying(icon="❌", headline=f"Failed: {sentence(it.because or 'no reason was recorded')}", lines=lines)


def _now_what(it: Promotion) -> str:
    """Return what happens, or what to do, after a failure."""
    stage = mrkdwn(it.pair.stage, 80)
    if it.record.followup is not None:
        to = f"to v{it.previous}" if it.previous is not None else "to the last release"
        return f"↩️ Going back {to}: promotion {it.record.followup} tells how that goes."
    if it.kind is Kind.ROLLBACK:
        return f"⚠️ Going back failed too, so {stage} needs a person now. To try once more, type {again(it)}."
    if it.record.merge_commit is None:
        return f"Nothing was merged. To try again, type {again(it)}."
    if it.previous is None:
        return "There is no earlier release to go back to: mend the version, register it again and promote that."
    back = code(typed("/rollback", it.pair.model, it.pair.stage), 300)
    return f"Git still says v{it.version}. To go back to v{it.previous}, type {back}."


def _blocked(scene: Scene) -> Saying:
    live = scene.it.previous == scene.it.version
    advice = "Nothing is left to do." if live else "Nothing was changed. When that is mended, type {again}."
    return _over("❌", "Blocked", advice)(scene)


def _superseded(scene: Scene) -> Saying:
    it = scene.it
    told = _over("↩️", "Superseded", "")(scene)
    if it.record.followup is None:
        return told
    newer = link(scene.successor, f"Promotion {it.record.followup}")
    return Saying(icon=told.icon, headline=told.headline, lines=(f"{newer} took its place.",))


def _over(icon: str, word: str, advice: str) -> Callable[[Scene], Saying]:
    """Return how an ending is told whose reason says everything; `advice` holds {again}."""

    def told(scene: Scene) -> Saying:
        it = scene.it
        why = sentence(it.because, mentions=it.state in {State.REJECTED, State.SUPERSEDED})
        same = not it.because or it.because.casefold() == word.casefold()
        lines = (advice.format(again=again(it)),) if advice else ()
        return Saying(icon=icon, headline=word if same else f"{word}: {why}", lines=lines)

    return told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def full_stop(text: str) -> str:
    """Return a sentence that ends like one."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


STATES: Final[Mapping[State, Callable[[Scene], Saying]]] = {
    State.CHECKING: _checking,
    State.PROPOSED: _proposed,
    State.MERGING: _merging,
    State.SYNCING: _syncing,
    State.ROLLING_OUT: _rolling_out,
    State.PROVING: _proving,
    State.RELEASED: _released,
    State.FAILED: _failed,
    State.BLOCKED: _blocked,
    State.REJECTED: _over("❌", "Rejected", "Nothing was released. To ask again, type {again}."),
    State.EXPIRED: _over("⌛", "Expired", "Nothing was changed. To ask again, type {again}."),
    State.CANCELLED: _over("↩️", "Cancelled", "Nothing was changed. To ask again, type {again}."),
    State.SUPERSEDED: _superseded,
}
