"""What the gates rule, whose word counts, and what GitHub is told of the approval."""

from datetime import datetime

from bot.domain.reason import Name, Reason, Said, User, reason


@reason("approvals_enough")
class ApprovalsEnough(Reason):
    """As many people approved as must."""

    given: int
    needed: int


@reason("approvals_missing")
class ApprovalsMissing(Reason):
    """More people must approve; no `approvers`: anybody in the channel may."""

    given: int
    needed: int
    approvers: tuple[User, ...]


@reason("approvers_unknown")
class ApproversUnknown(Reason):
    """Slack does not tell who may approve, so nobody counts."""

    cause: Reason


@reason("no_veto")
class NoVeto(Reason):
    """Nobody objects."""


@reason("vetoed")
class Vetoed(Reason):
    """These people object."""

    people: tuple[User, ...]


@reason("cluster_usable")
class ClusterUsable(Reason):
    """There is a kubeconfig for the target's cluster."""


@reason("cluster_unusable")
class ClusterUnusable(Reason):
    """The rollout could not be followed."""

    cause: Reason


@reason("targets_main")
class TargetsMain(Reason):
    """The pull request goes into the main branch."""


@reason("retargeted")
class Retargeted(Reason):
    """Somebody changed the branch that the pull request goes into."""

    number: int
    to: Name
    main: Name
    promotion: int

    @property
    def cancel(self) -> Name:
        """Return the command that cancels the promotion."""
        return Name(f"/promotions cancel {self.promotion}")


@reason("not_frozen")
class NotFrozen(Reason):
    """Nothing holds new releases of the stage up."""

    stage: Name


@reason("frozen")
class Frozen(Reason):
    """Nothing new goes to the stage; no `by`: a window of app.yaml; no `until`: until somebody lifts it."""

    stage: Name
    by: User | None
    until: datetime | None
    note: Said | None


@reason("github_ready")
class GitHubReady(Reason):
    """GitHub would let anybody merge the pull request."""


@reason("github_withholds")
class GitHubWithholds(Reason):
    """GitHub lets nobody merge the pull request yet."""

    number: int
    missing: tuple[Reason, ...]


@reason("own_commit")
class OwnCommit(Reason):
    """The branch holds exactly Callboard's commit."""


@reason("edited_by_hand")
class EditedByHand(Reason):
    """Somebody pushed to the branch."""

    head: Name
    promotion: int

    @property
    def cancel(self) -> Name:
        """Return the command that cancels the promotion."""
        return Name(f"/promotions cancel {self.promotion}")


@reason("no_stage_before")
class NoStageBefore(Reason):
    """The policy names no stage that must run the version first."""


@reason("not_released_before")
class NotReleasedBefore(Reason):
    """The stage before runs another version, or none (no `runs`)."""

    stage: Name
    version: int
    runs: int | None


@reason("must_stay_healthy")
class MustStayHealthy(Reason):
    """The stage before has not run the version for long enough."""

    stage: Name
    until: datetime


@reason("verified_before")
class VerifiedBefore(Reason):
    """The stage before runs the version, and has for long enough."""

    stage: Name


@reason("rollbacks_pass")
class RollbacksPass(Reason):
    """The gate does not apply to a rollback."""


@reason("nothing_to_merge")
class NothingToMerge(Reason):
    """Git holds the pin already, so there is no pull request."""


@reason("overridden")
class Overridden(Reason):
    """Somebody who may do so overrode the gate."""

    held: Reason
    by: User
    note: Said


@reason("own_approval")
class OwnApproval(Reason):
    """The requester approved, which the policy does not count."""


@reason("not_an_approver")
class NotAnApprover(Reason):
    """Somebody approved who may not; no `approvers`: they are not a full member of the workspace."""

    approvers: tuple[User, ...]
    model: Name
    stage: Name


@reason("older_change")
class OlderChange(Reason):
    """Somebody reacted to a message that shows an older change."""


@reason("veto_not_counted")
class VetoNotCounted(Reason):
    """Somebody vetoed who may not."""


@reason("veto_too_late")
class VetoTooLate(Reason):
    """Somebody vetoed after the merge (or, `over`, after the end)."""

    over: bool
    version: int
    rollback: Name
    """The command that rolls it back."""


@reason("approved_in_slack")
class ApprovedInSlack(Reason):
    """Enough people approved, and every other gate of ours passes."""


@reason("being_remade")
class BeingRemade(Reason):
    """The change is made again, so what was approved is void."""


@reason("promotion_ended")
class PromotionEnded(Reason):
    """The promotion has left the states in which an approval holds."""

    promotion: int
    state: Name


@reason("head_moved")
class HeadMoved(Reason):
    """The branch holds another commit than the approved one."""


@reason("ended_as")
class EndedAs(Reason):
    """The promotion is ending in `state`."""

    state: Name
    cause: Reason


@reason("revoked")
class Revoked(Reason):
    """The commit was approved, and is no longer."""

    cause: Reason


@reason("not_revoked")
class NotRevoked(Reason):
    """GitHub does not let Callboard revoke the approval of a commit."""

    head: Name
    cause: Reason
