"""The client for GitHub: one repository, its main branch, and Callboard's pull requests.

Every method may be repeated, and raises only `Temporary` or `Permanent`.  Writes check before they create, so a lost
answer does no harm.  Nothing is cloned: commits are created through https://docs.github.com/en/rest/git .
"""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

import msgspec

from bot.clients.github import checks, pulls
from bot.clients.github.ancestry import Ancestry
from bot.clients.github.files import Files
from bot.clients.github.requester import Calls, Credentials, Refused, Workers
from bot.config.environment import Environment
from bot.domain.errors import Permanent
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons import github as reasons
from bot.domain.repository import Base, Pull


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change to propose."""

    branch: str
    base: Base
    files: Mapping[str, str]
    title: str
    body: str


class _Object(msgspec.Struct):
    """A Git object."""

    sha: str


class _Written(msgspec.Struct):
    tree: _Object


class _Commit(msgspec.Struct):
    sha: str
    commit: _Written


class _Branch(msgspec.Struct):
    """A branch.  https://docs.github.com/en/rest/branches/branches#get-a-branch ."""

    commit: _Commit


class GitHub:
    """One repository on GitHub, accessed with one token or one App's installation."""

    def __init__(self, workers: Workers, *, branch: str = "main") -> None:
        self._workers = workers
        self._branch = branch
        self._owner = workers.repository.partition("/")[0]
        self._files = Files()
        self._ancestry = Ancestry()

    @classmethod
    def connect(cls, repository: str, environment: Environment, *, branch: str = "main") -> Self:
        """Return a client for `repository` (owner/name).  Sends no request yet.

        Raises:
            Permanent: the environment has neither a token nor a complete App.
        """
        url = environment.github_api_url.rstrip("/")
        return cls(Workers(repository, _credentials(environment, url), url), branch=branch)

    async def close(self) -> None:
        """Wait for running calls, then close the connections."""
        await self._workers.close()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    async def base(self) -> Base:
        """Return the head of the main branch.  One request."""
        return await self._workers.run(self._base)

    def _base(self, calls: Calls) -> Base:
        commit = msgspec.convert(calls.get(f"/branches/{quote(self._branch)}"), _Branch).commit
        return Base(branch=self._branch, commit=commit.sha, tree=commit.commit.tree.sha)

    async def folder(self, path: str, at: Base) -> dict[str, str]:
        """Return the texts of the manifests directly in a folder, or of the one file at `path`; none if it is missing.

        Raises:
            Permanent: among others, one of them is not UTF-8.
        """
        return await self._workers.run(partial(self._files.folder, path=path, at=at))

    async def files(self, paths: Iterable[str], at: Base) -> dict[str, str]:
        """Return the texts of these files; what is missing is left out.  One request a file, at most.

        Raises:
            Permanent: among others, one of them is not UTF-8.
        """
        return await self._workers.run(partial(self._files.texts, paths=tuple(paths), at=at))

    async def contains(self, revision: str, commit: str) -> bool:
        """Return whether `commit` is `revision`, or one of its ancestors.  One request for each pair, then none."""
        return await self._workers.run(partial(self._ancestry.contains, revision=revision, commit=commit))

    async def pull(self, number: int) -> Pull:
        """Return a pull request."""
        return await self._workers.run(partial(pulls.fetch, number=number))

    # ── proposing ─────────────────────────────────────────────────────────────────────────────────────

    async def propose(self, branch: str, base: Base, files: Mapping[str, str], title: str, body: str) -> Pull:
        """Return the open pull request whose branch is `base` with `files`; its `head` holds exactly that.

        The branch is Callboard's: whatever else it held is replaced.  Four requests where nothing of it exists yet.

        Raises:
            Temporary: some of it, or all, may exist; repeating the call finds it.
            Permanent: among others, `files` change nothing.
        """
        wanted = Proposal(branch=branch, base=base, files=files, title=title, body=body)
        return await self._workers.run(partial(self._propose, wanted=wanted), content=True)

    def _propose(self, calls: Calls, wanted: Proposal) -> Pull:
        head = _point(calls, wanted)
        return dataclasses.replace(self._opened(calls, wanted), head=head)  # GitHub's own view may lag behind

    def _opened(self, calls: Calls, wanted: Proposal) -> Pull:
        request = {"title": wanted.title, "body": wanted.body, "head": wanted.branch, "base": self._branch}
        try:
            return pulls.read(calls.send("POST", "/pulls", request))
        except Refused as refused:
            if refused.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            head = f"{self._owner}:{wanted.branch}"
            found = calls.get("/pulls", head=head, base=self._branch, state="open")
            if not found:
                raise
            return _updated(calls, found[0], wanted)

    # ── ending ────────────────────────────────────────────────────────────────────────────────────────

    async def merge(self, number: int, head: str) -> Pull:
        """Merge a pull request if its head is exactly `head`; return it merged.  One that is merged already is success.

        Raises:
            Temporary: it did not merge now (conflict, moved base or head, checks, reviews), with GitHub's text and what
                to do; gather the evidence again.
            Permanent: this token, or this repository, never merges like this.
        """
        return await self._workers.run(partial(pulls.merge, number=number, head=head), content=True)

    async def close_pull(self, number: int, comment: str | None) -> None:
        """Close a pull request unmerged, with a comment that says why.  One that is not open stays as it is."""
        await self._workers.run(partial(pulls.close, number=number, comment=comment), content=True)

    async def delete_branch(self, branch: str) -> None:
        """Delete a branch; one that is gone already is success."""
        await self._workers.run(partial(_delete, branch=branch))

    # ── reporting ─────────────────────────────────────────────────────────────────────────────────────

    async def comment(self, number: int, body: str, key: str) -> None:
        """Add a comment to a pull request, unless one with this key (letters, digits, `:_-`) exists."""
        await self._workers.run(partial(pulls.add_comment, number=number, body=body, key=key), content=True)

    async def report_approval(self, sha: str, state: str, description: str, *, force: bool = False) -> None:
        """Report at a commit how far the approval is: `pending`, `success` or `failure`.  Writes only a difference.

        `force` writes in any case: where an approval is revoked, a stale answer must not leave it in place.  Then a
        commit that GitHub no longer has is success.
        """
        await self._workers.run(partial(checks.report, sha=sha, state=state, description=description, force=force))

    async def missing(self, pull: Pull) -> tuple[Reason, ...]:
        """Return what GitHub still requires before it lets a blocked pull request be merged; nothing if it does now."""
        return await self._workers.run(partial(checks.missing, pull=pull, branch=quote(self._branch)))


def _credentials(environment: Environment, url: str) -> Credentials:
    app, key, installation = (
        environment.github_app_id, environment.github_app_private_key, environment.github_app_installation_id,
    )  # fmt: skip
    if app and key and installation:
        if not installation.isdecimal():
            raise Permanent(reasons.InstallationInvalid())
        return Credentials.app(app=app, private_key=key.reveal(), installation=int(installation), url=url)
    if environment.github_token:
        return Credentials.token(environment.github_token.reveal())
    raise Permanent(reasons.CredentialsMissing())


def _commit(calls: Calls, wanted: Proposal) -> tuple[str, str]:
    """Create a commit, which is on no branch yet; return it and its tree."""
    entries = [{"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in wanted.files.items()]
    made = calls.send("POST", "/git/trees", {"base_tree": wanted.base.tree, "tree": entries})
    tree = msgspec.convert(made, _Object).sha
    if tree == wanted.base.tree:
        raise Permanent(reasons.NothingToPropose(commit=Name(wanted.base.commit[:7])))
    body = {"message": wanted.title, "tree": tree, "parents": [wanted.base.commit]}
    return msgspec.convert(calls.send("POST", "/git/commits", body), _Object).sha, tree


def _point(calls: Calls, wanted: Proposal) -> str:
    """Return the commit that the branch holds now: `base` with the files."""
    head, tree = _commit(calls, wanted)
    try:
        calls.send("POST", "/git/refs", {"ref": f"refs/heads/{wanted.branch}", "sha": head})
    except Refused as refused:
        return _repoint(calls, wanted, head, tree, refused)
    return head


def _repoint(calls: Calls, wanted: Proposal, head: str, tree: str, refused: Refused) -> str:
    try:
        commit = calls.get(f"/branches/{quote(wanted.branch)}")["commit"]
    except Refused:  # the branch does not exist, so the cause is another
        raise refused from None
    if (commit["commit"]["tree"]["sha"], [p["sha"] for p in commit["parents"]]) == (tree, [wanted.base.commit]):
        return str(commit["sha"])  # created earlier, and the answer was lost
    calls.send("PATCH", f"/git/refs/heads/{quote(wanted.branch)}", {"sha": head, "force": True})
    return head


def _updated(calls: Calls, found: Json, wanted: Proposal) -> Pull:
    """Return an open pull request, with the title and body that are wanted."""
    words = {"title": wanted.title, "body": wanted.body}
    if {key: found[key] for key in words} == words:
        return pulls.read(found)
    return pulls.read(calls.send("PATCH", f"/pulls/{found['number']}", words))


def _delete(calls: Calls, branch: str) -> None:
    try:
        calls.send("DELETE", f"/git/refs/heads/{quote(branch)}")
    except Refused as refused:
        if refused.status != HTTPStatus.UNPROCESSABLE_ENTITY or "does not exist" not in refused.words:
            raise
