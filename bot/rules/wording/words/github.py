"""The words of `bot.domain.reasons.github`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import github
from bot.rules.wording.words.template import Words


def _allowance(why: github.AllowanceUsedUp) -> str:
    return "GitHub's rate limit for this hour is used up" + ("; {wait}" if why.wait is not None else "")


def _reviews_missing(why: github.ReviewsMissing) -> str:
    needed = "1 approving review" if why.required == 1 else "{required} approving reviews"
    return f"{needed} on GitHub, {{given}} given so far"


WORDS: Final[Mapping[type[Reason], Words]] = {
    github.TokenRefused: "GitHub refused {during} for {repository} (401: {said}): the token is wrong or expired"
    "; replace GITHUB_TOKEN, or the App's id and private key",
    github.NotAllowed: "GitHub refused {during} for {repository} (403: {said})"
    "; give the token read and write access to Contents, Pull requests and Commit statuses (an App: Checks)",
    github.NotFound: "GitHub refused {during} for {repository} (404: {said})"
    "; check the repository's name, and that the token can access it",
    github.Refused: "GitHub refused {during} for {repository} ({status}: {said})",
    github.Conflict: "GitHub did not complete {during}, because something changed meanwhile (409: {said})",
    github.AllowanceUsedUp: _allowance,
    github.OperationTooLong: "GitHub took longer than {within}, so {before} was not sent; Callboard starts again",
    github.AddressMoved: "GitHub is not at GITHUB_API_URL: {said}; correct that address",
    github.Comments: "the comments on pull request {number}",
    github.CredentialsMissing: "there are no credentials for GitHub"
    "; set GITHUB_TOKEN, or GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID",
    github.InstallationInvalid: "GITHUB_APP_INSTALLATION_ID is not a number"
    "; use the last part of the installation's address on GitHub",
    github.PrivateKeyInvalid: "GITHUB_APP_PRIVATE_KEY is not a private key in PEM format"
    "; use the file that GitHub generated for the App",
    github.NotText: "{path} is not UTF-8 text, so Callboard cannot edit it; convert it to UTF-8",
    github.NothingToPropose: "there is nothing to propose: commit {commit} already has this content",
    github.NotMerged: "GitHub did not merge pull request {number} ({said}): {cause}",
    github.NoMergeMethod: "this repository allows no way of merging pull requests"
    "; allow merge commits, squash or rebase merges in its settings on GitHub",
    github.MergeQueue: "let Callboard's account bypass the merge queue (the ruleset's bypass list), or merge it",
    github.BranchLocked: "unlock the branch in the repository's settings, or merge it once it is unlocked",
    github.PushNotAllowed: "allow Callboard's account to push to the branch, in the repository's settings",
    github.SignatureRequired: "run Callboard as a GitHub App, whose commits GitHub signs",
    github.HeadMoved: "someone pushed to its branch, so it no longer holds exactly what was approved",
    github.BaseMoved: "the main branch changed at that moment; Callboard tries again",
    github.ChecksFailing: "fix the failing check, or run it again",
    github.ChecksPending: "it will be merged when the required checks have passed",
    github.ChangesRequested: "the reviewer who requested changes on GitHub has to approve, or dismiss that review",
    github.ReviewRequired: "someone has to review it on GitHub",
    github.ConversationsOpen: "resolve the conversations on the pull request",
    github.OutOfDate: "Callboard will recreate it on the current main branch",
    github.Closed: "someone closed it",
    github.Conflicting: "it conflicts with the main branch; Callboard will recreate it there",
    github.UnknownObstacle: "check the pull request on GitHub; Callboard keeps trying",
    github.Draft: "it is a draft; mark it as ready for review on GitHub",
    github.CheckFailed: "the check {check} failed",
    github.CheckPending: "the check {check} is pending",
    github.CheckUnreported: "the check {check} has not reported yet",
    github.CheckUnreadable: "the check {check} has to pass, and the token may not read its result",
    github.StatusNotWritable: "{context} is required, and the token may not write it"
    "; give it access to Commit statuses (an App: Checks)",
    github.QueueRequired: "{branch} accepts changes through its merge queue only; let Callboard's account bypass it",
    github.ChangesRequestedBy: "{reviewer} requested changes in a review on GitHub",
    github.ReviewsMissing: _reviews_missing,
    github.RequirementUnknown: "GitHub does not say what is missing (a review, an open conversation, or"
    " another rule of the branch); check the pull request on GitHub",
    github.More: "and {count} more",
}
