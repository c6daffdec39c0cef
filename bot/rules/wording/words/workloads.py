"""The words of `bot.domain.reasons.workloads`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import workloads as r
from bot.rules.wording.words.template import Words, plural


def _no_health_rule(reason: r.NoHealthRule) -> str:
    named = " ".join(field for field, value in (("{kind}", reason.kind), ("{name}", reason.name)) if value)
    version = "apiVersion {api_version}" if reason.api_version else "no apiVersion"
    return f"there is no health rule for {named or 'the object'} ({version})"


def _pods_updated(reason: r.PodsUpdated) -> str:
    return "{count} of {wanted} pods are updated" + (" (partition {partition})" if reason.partition else "")


def _model_transition(reason: r.ModelTransition) -> str:
    return "model status {status}" + (": {detail}" if reason.detail is not None else "")


def _last_run(reason: r.LastRun) -> str:
    if reason.succeeded is None:
        return "the outcome of the last run is not known"
    return "the last run succeeded" if reason.succeeded else "the last run did not succeed"


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.NoHealthRule: _no_health_rule,
    r.PodsCreated: "{count} of {wanted} new pods exist",
    r.PodsUpdated: _pods_updated,
    r.PodsAvailable: lambda reason: f"{{count}} of {{wanted}} {'new ' if reason.new else ''}pods are available",
    r.PodsReady: "{count} of {wanted} pods are ready",
    r.PodsLabelled: "{count} of {wanted} pods have all labels",
    r.PodsExisting: "{count} of {wanted} pods exist",
    r.PodsCurrent: "{count} of {wanted} pods are of the current revision",
    r.ExtraPods: lambda reason: f"waiting for {{count}} extra {plural(reason.count, 'pod')} to terminate",
    r.OldPodsLeft: lambda reason: f"waiting for {{count}} old {plural(reason.count, 'pod')} to terminate",
    r.PodInTheWay: (
        "pod {pod} of another version is not ready, and the StatefulSet neither replaces it nor goes on:"
        " delete it ({delete})"
    ),
    r.OnDelete: "pods are replaced only when someone deletes them (update strategy OnDelete)",
    r.DeadlineExceeded: "the progress deadline has passed",
    r.RolloutPaused: "the rollout is paused",
    r.TrafficNotSwitched: "the new pods do not receive all traffic yet",
    r.Phase: "phase {phase}",
    r.Condition: "{type}: {message}",
    r.ModelTransition: _model_transition,
    r.Stopped: "the InferenceService is stopped",
    r.AllConditionsTrue: "every condition is True",
    r.CronJobSuspended: "the CronJob is suspended",
    r.NeverScheduled: "no run has started yet",
    r.LastRun: _last_run,
}
