"""The words of `bot.domain.reasons.lifecycle`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import lifecycle as r
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    r.Requested: "requested",
    r.UnknownVersion: "{model} v{version} is not in the registry",
    r.RegistrationUnfinished: "the registry never finished registering the version",
    r.NotProposedInTime: "it could not be proposed in time",
    r.AlreadyReleased: "{stage} already runs v{version}",
    r.AlreadyPinned: "Git already pins v{version}, so there is nothing to merge",
    r.FoundPinned: lambda f: (
        "v{version} is pinned on {stage} already: "
        + ("it was set by hand" if f.promotion is None else "promotion {promotion} merged it")
    ),
    r.PinChanged: lambda p: (
        "the file that pins v{version} on {stage} changed in Git, so it is checked again"
        if p.kept
        else "Git does not pin v{version} on {stage} any more, so the request is checked again"
    ),
    r.PullOpened: "pull request #{number} is open",
    r.PullClosed: "pull request #{number} was closed",
    r.PullReplaced: "another change takes its place",
    r.PullNotNeeded: "the main branch already pins v{version}, so this pull request is not needed",
    r.Cancelled: "cancelled",
    r.Superseded: lambda s: (
        "{by} rolled back to v{version} instead" if s.rollback else "{by} requested v{version} instead"
    ),
    r.NobodyDecided: "nobody decided in time",
    r.HeldTooLong: "it was held up for too long: {held}",
    r.ApprovedBy: "approved by {people}",
    r.NoApprovalNeeded: "no approval is needed",
    r.Merged: "merged",
    r.MergedByHand: "merged by hand on GitHub, not approved through Callboard (#{number})",
    r.MergedUnconfirmed: "merged by an earlier attempt that GitHub had not confirmed, or by hand (#{number})",
    r.MergedElsewhere: "#{number} was retargeted and merged into {into} instead of {main}, so nothing is released; "
    "revert it there unless it is wanted",
    r.MergeRefused: lambda m: "GitHub would not merge #{number}: " + ("{cause}" if m.cause else "it gave no reason"),
    r.ManifestChanged: "the manifest changed on the main branch, so the change is being remade",
    r.MainMoved: "the main branch moved on, so the change is being remade",
}
