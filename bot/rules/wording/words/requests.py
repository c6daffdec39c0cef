"""The words of `bot.domain.reasons.requests`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import requests
from bot.rules.wording.words.template import Words


def _unknown_model(reason: requests.UnknownModel) -> str:
    if reason.instead is None:
        return "there is no model {word}. No model is known yet: register one in MLflow, and name it in `app.yaml`"
    if reason.nearest is not None:
        return "there is no model {word}. Did you mean {nearest}? Type {instead}"
    return "there is no model {word}. Models: {known:5}. Type {instead}"


def _unknown_stage(reason: requests.UnknownStage) -> str:
    if reason.instead is None:
        return "there is no stage {word}. Name the stages in `app.yaml`"
    if reason.nearest is not None:
        return "there is no stage {word}. Did you mean {nearest}? Type {instead}"
    return "there is no stage {word}. Stages: {known:5}. Type {instead}"


def _unknown_alias(reason: requests.UnknownAlias) -> str:
    if not reason.known:
        return "{model} has no alias {alias}, nor any other. Name a version by its number. Type {instead}"
    return "{model} has no alias {alias}. Aliases: {known:5}. Type {instead}"


def _promotion(reason: requests.AlreadyUnderWay | requests.AlreadyRollingOut) -> str:
    pull = ", {pull:pull request}" if reason.pull is not None else ""
    return f"(promotion {{number}}{pull}, requested by {{by}})"


def _under_way(reason: requests.AlreadyUnderWay) -> str:
    return (
        f"{{model}} v{{version}} is already on its way to {{stage}} {_promotion(reason)}. Wait for it to finish, or "
        "type `/promotions cancel {number}`"
    )


def _rolling_out(reason: requests.AlreadyRollingOut) -> str:
    instead = ", or type {rollback} to roll back" if reason.rollback is not None else ""
    return (
        f"{{model}} v{{version}} is already being merged or rolled out to {{stage}} {_promotion(reason)}. Wait for it "
        f"to finish{instead}"
    )


def _no_earlier_release(reason: requests.NoEarlierRelease) -> str:
    if reason.version is None:
        return "{model} has no release on {stage} yet, so there is nothing to roll back. Type {instead}"
    return "{model} v{version} is the first release on {stage}, so there is nothing to roll back to. Type {instead}"


def _never_released(reason: requests.NeverReleased) -> str:
    released = " Released versions: {released:5}." if reason.released else ""
    return (
        f"{{model}} v{{version}} was never released on {{stage}}, so you cannot roll back to it.{released} To promote "
        "it instead, type {instead}"
    )


def _unknown_promotion(reason: requests.UnknownPromotion) -> str:
    under_way = " Under way: {under_way:5}." if reason.under_way else ""
    return f"there is no promotion {{number}}.{under_way} Type `/promotions` to see the latest"


def _already_over(reason: requests.AlreadyOver) -> str:
    rollback = ". To roll back, type {rollback}" if reason.rollback is not None else ""
    return f"promotion {{number}} is over ({{state}} since {{since}}), so it cannot be cancelled{rollback}"


def _not_allowed(reason: requests.NotAllowed) -> str:
    who = " and ".join(each for each, some in (("{people}", reason.people), ("{groups}", reason.groups)) if some)
    return f"only {who} can {{deed}}. Nothing was changed"


def _started(reason: requests.Started) -> str:
    known = reason.replaced is not None and reason.replaced_version is not None
    replaced = ", replacing promotion {replaced} (v{replaced_version})" if known else ""
    return f"started: {{model}} v{{version}} → {{stage}} (promotion {{number}}){replaced}. Updates in {{channel}}"


WORDS: Final[Mapping[type[Reason], Words]] = {
    requests.UnknownModel: _unknown_model,
    requests.UnknownStage: _unknown_stage,
    requests.NoSuchVersion: "{model} has no version {version}. Newest versions: {newest:5}. Type {instead}",
    requests.NoVersions: "{model} has no version yet. Register one in MLflow, and Callboard will announce it",
    requests.UnknownAlias: _unknown_alias,
    requests.FirstStageNeedsVersion: "{stage} is the first stage, so please name a version. Type {instead}",
    requests.NothingToPromote: (
        "{model} has no verified release on {before} to promote. Name a version. Type {instead}"
    ),
    requests.AlreadyLive: (
        "{stage} already runs {model} v{version}, since {since}. {instead} shows the other versions"
    ),
    requests.AlreadyUnderWay: _under_way,
    requests.AlreadyRollingOut: _rolling_out,
    requests.NoEarlierRelease: _no_earlier_release,
    requests.NeverReleased: _never_released,
    requests.NothingToLift: "{stage} is not frozen. `/freeze` lists what is",
    requests.FrozenByConfig: (
        "{stage} is frozen by `app.yaml` until {until}; no command lifts that. Wait, or override it for one promotion: "
        "{instead}"
    ),
    requests.UnknownPromotion: _unknown_promotion,
    requests.AlreadyOver: _already_over,
    requests.AlreadyMerged: (
        "promotion {number} is already merged, so it cannot be cancelled. Once it has finished, type {rollback} to "
        "roll back"
    ),
    requests.NotAllowed: _not_allowed,
    requests.MembershipUnknown: (
        "Slack has not listed the members of {groups} in the last {window}, so Callboard cannot tell whether you can "
        "{deed}. Nothing was changed. Try again in a minute. If this persists, ask the operator of Callboard whether "
        "that user group exists, and whether Callboard reaches Slack"
    ),
    requests.ToPromote: "promote {model} to {stage}",
    requests.ToRollBack: "roll back {model} on {stage}",
    requests.ToOverride: "override a hold on {stage}",
    requests.ToFreeze: "freeze or unfreeze {stage}",
    requests.ToCancel: "cancel promotion {number}",
    requests.Started: _started,
    requests.OverrideAccepted: "{result}. Once it is approved, these gates no longer hold it up: {holds}. "
    "Reason: {why}",
    requests.StillUnderWay: "promotion {number} is already under way",
    requests.Cancelling: "promotion {number} is being cancelled; its pull request will be closed",
    requests.AlreadyReceived: "already received",
}
