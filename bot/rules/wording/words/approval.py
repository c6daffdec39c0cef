"""The words of `bot.domain.reasons.approval`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import approval as r
from bot.rules.wording.words.template import Words


def _missing(a: r.ApprovalsMissing) -> str:
    return "{given} of {needed} approvals" + (" from {approvers}" if a.approvers else "") + ": react with ✅"


def _frozen(f: r.Frozen) -> str:
    end = " until {until}" if f.until else " until someone lifts the freeze"
    return "{stage} is frozen by " + ("{by}" if f.by else "app.yaml") + end + (" ({note})" if f.note else "")


def _not_released_before(n: r.NotReleasedBefore) -> str:
    runs = "v{runs}" if n.runs is not None else "no verified version"
    return "v{version} must be the release on {stage} first; {stage} runs " + runs


def _not_an_approver(n: r.NotAnApprover) -> str:
    who = "{approvers}" if n.approvers else "full members of this workspace"
    return "your ✅ was not counted: only " + who + " can approve {model} on {stage}"


def _veto_too_late(v: r.VetoTooLate) -> str:
    why = "this promotion is over" if v.over else "v{version} is already being merged or rolled out"
    return "your ❌ came too late: " + why + ". To roll back, type {rollback}"


WORDS: Final[Mapping[type[Reason], Words]] = {
    r.ApprovalsEnough: "{given} of {needed} approvals",
    r.ApprovalsMissing: _missing,
    r.ApproversUnknown: "Slack cannot say who may approve: {cause}",
    r.NoVeto: "nobody objects",
    r.Vetoed: "vetoed by {people}",
    r.TargetsMain: "it targets the main branch",
    r.Retargeted: "somebody retargeted #{number} to {to}, and only a merge into {main} is approved; set its base "
    "branch to {main} again on GitHub, or type {cancel}",
    r.ClusterUsable: "Callboard has access to the cluster",
    r.ClusterUnusable: "Callboard could not follow the rollout: {cause}",
    r.NotFrozen: "{stage} is not frozen",
    r.Frozen: _frozen,
    r.GitHubReady: "GitHub requires nothing more",
    r.GitHubWithholds: "GitHub does not allow #{number} to be merged yet: {missing}",
    r.OwnCommit: "the branch holds exactly the change",
    r.EditedByHand: "the branch was edited by hand (its head is {head}), and Callboard merges only its own commit; "
    "merge it yourself, or type {cancel}",
    r.NoStageBefore: "no other stage has to run it first",
    r.NotReleasedBefore: _not_released_before,
    r.MustStayHealthy: "it must stay healthy on {stage} until {until}",
    r.VerifiedBefore: "verified on {stage}",
    r.RollbacksPass: "rollbacks are never held up",
    r.NothingToMerge: "there is nothing to merge",
    r.Overridden: "{held}; overridden by {by} ({note})",
    r.OwnApproval: "you requested this, so your ✅ was not counted. Someone else must approve it",
    r.NotAnApprover: _not_an_approver,
    r.OlderChange: "that message shows an older change. Please read the newer message and react there",
    r.VetoNotCounted: "your ❌ was not counted: only approvers and the requester can stop this promotion",
    r.VetoTooLate: _veto_too_late,
    r.ApprovedInSlack: "approved in Slack",
    r.BeingRemade: "the change is being remade",
    r.PromotionEnded: "promotion {promotion} is {state}",
    r.HeadMoved: "the branch holds another commit now",
    r.EndedAs: "{state}: {cause}",
    r.Revoked: "not approved any more: {cause}",
    r.NotRevoked: "the approval of commit {head} cannot be revoked, so anybody may merge it: {cause}",
}
