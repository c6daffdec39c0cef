"""Why GitHub does not do something, and what it still requires before a merge."""

from datetime import timedelta

from bot.domain.reason import Name, Reason, Said, reason

# ── requests ──────────────────────────────────────────────────────────────────────────────────────────


@reason("github_token_refused")
class TokenRefused(Reason):
    """401."""

    during: Reason
    repository: Name
    said: Said


@reason("github_not_allowed")
class NotAllowed(Reason):
    """403."""

    during: Reason
    repository: Name
    said: Said


@reason("github_not_found")
class NotFound(Reason):
    """404, which GitHub also answers where the token may not see something."""

    during: Reason
    repository: Name
    said: Said


@reason("github_refused")
class Refused(Reason):
    """Any other 4xx."""

    during: Reason
    repository: Name
    status: int
    said: Said


@reason("github_conflict")
class Conflict(Reason):
    """409: something changed meanwhile."""

    during: Reason
    said: Said


@reason("github_allowance_used_up")
class AllowanceUsedUp(Reason):
    """No request is left in this hour."""

    wait: Reason | None = None


@reason("github_operation_too_long")
class OperationTooLong(Reason):
    """The requests of one operation took too long together; this one was not sent any more."""

    before: Reason
    within: timedelta


@reason("github_address_moved")
class AddressMoved(Reason):
    """The API redirects to another host."""

    said: Said


@reason("github_comments")
class Comments(Reason):
    """The list of a pull request's comments."""

    number: int


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────


@reason("github_credentials_missing")
class CredentialsMissing(Reason):
    """Neither a token nor a complete App."""


@reason("github_installation_invalid")
class InstallationInvalid(Reason):
    """The App's installation is not a number."""


@reason("github_private_key_invalid")
class PrivateKeyInvalid(Reason):
    """The App's private key is not PEM."""


# ── files and commits ─────────────────────────────────────────────────────────────────────────────────


@reason("github_not_text")
class NotText(Reason):
    """A file is not UTF-8."""

    path: Name


@reason("github_nothing_to_propose")
class NothingToPropose(Reason):
    """The main branch has this content already."""

    commit: Name


# ── merging ───────────────────────────────────────────────────────────────────────────────────────────


@reason("github_not_merged")
class NotMerged(Reason):
    """GitHub refused a merge."""

    number: int
    said: Said
    cause: Reason


@reason("github_no_merge_method")
class NoMergeMethod(Reason):
    """The repository allows neither merge commits nor squash nor rebase merges."""


@reason("github_merge_queue")
class MergeQueue(Reason):
    """The branch accepts changes through its merge queue only."""


@reason("github_branch_locked")
class BranchLocked(Reason):
    """The branch is read-only."""


@reason("github_push_not_allowed")
class PushNotAllowed(Reason):
    """The branch restricts who may push to it."""


@reason("github_signature_required")
class SignatureRequired(Reason):
    """The branch requires signed commits."""


@reason("github_head_moved")
class HeadMoved(Reason):
    """Someone pushed to the pull request's branch."""


@reason("github_base_moved")
class BaseMoved(Reason):
    """The main branch changed during the merge."""


@reason("github_checks_failing")
class ChecksFailing(Reason):
    """A required check failed."""


@reason("github_checks_pending")
class ChecksPending(Reason):
    """A required check is not done."""


@reason("github_changes_requested")
class ChangesRequested(Reason):
    """A reviewer requested changes."""


@reason("github_review_required")
class ReviewRequired(Reason):
    """A review is missing."""


@reason("github_conversations_open")
class ConversationsOpen(Reason):
    """Conversations have to be resolved."""


@reason("github_out_of_date")
class OutOfDate(Reason):
    """The branch lacks commits of the main branch."""


@reason("github_closed")
class Closed(Reason):
    """Someone closed the pull request."""


@reason("github_conflicting")
class Conflicting(Reason):
    """The change conflicts with the main branch."""


@reason("github_unknown_obstacle")
class UnknownObstacle(Reason):
    """GitHub's words are not known to Callboard."""


# ── what is required ──────────────────────────────────────────────────────────────────────────────────


@reason("github_draft")
class Draft(Reason):
    """The pull request is a draft."""


@reason("github_check_failed")
class CheckFailed(Reason):
    """A check of the pull request failed."""

    check: Name


@reason("github_check_pending")
class CheckPending(Reason):
    """A check of the pull request is running."""

    check: Name


@reason("github_check_unreported")
class CheckUnreported(Reason):
    """A required check has not reported anything."""

    check: Name


@reason("github_check_unreadable")
class CheckUnreadable(Reason):
    """A required check, whose result the token may not read."""

    check: Name


@reason("github_status_not_writable")
class StatusNotWritable(Reason):
    """Our own status is required, and could not be written."""

    context: Name


@reason("github_queue_required")
class QueueRequired(Reason):
    """The branch accepts changes through its merge queue only."""

    branch: Name


@reason("github_changes_requested_by")
class ChangesRequestedBy(Reason):
    """A reviewer requested changes."""

    reviewer: Name


@reason("github_reviews_missing")
class ReviewsMissing(Reason):
    """Fewer approving reviews than required."""

    required: int
    given: int


@reason("github_requirement_unknown")
class RequirementUnknown(Reason):
    """GitHub blocks the merge and does not say why."""


@reason("github_more")
class More(Reason):
    """Further requirements, which are only counted."""

    count: int
