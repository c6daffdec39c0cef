"""Read files of a repository at one commit, with few requests.

Git objects never change, so texts are cached by blob and listings by tree.  A whole listing is one
request (up to 100,000 entries: https://docs.github.com/en/rest/git/trees#get-a-tree); beyond that, folders are listed
one by one.
"""

import base64
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import quote

from bot.clients.github.requester import Calls, Refused
from bot.domain.errors import Permanent
from bot.domain.json import Json
from bot.domain.reason import Name
from bot.domain.reasons.github import NotText
from bot.domain.repository import Base

V = TypeVar("V")
KEPT_TEXTS: Final = 20_000
"""A manifest takes about 2 kB."""
KEPT_CHARACTERS: Final = 64 << 20
KEPT_TREES: Final = 2
FILES: Final = {"100644", "100755"}
"""Modes of real files: no folders, links or submodules."""
MANIFESTS: Final = (".yaml", ".yml")
KUSTOMIZATION: Final = "Kustomization"


class Cache(Generic[V]):
    """The newest Git objects by their id, for several threads."""

    def __init__(self, most: int, *, together: int = 0) -> None:
        """Take how many are kept, and how large they may be in total, if they are put with a size."""
        self._most = most
        self._together = together
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[V, int]] = {}
        self._size = 0

    def get(self, sha: str) -> V | None:
        """Return the object `sha`, if it is cached."""
        with self._lock:
            found = self._kept.get(sha)
        return found[0] if found else None

    def put(self, sha: str, value: V, size: int = 0) -> V:
        """Cache and return `value`, and drop the oldest beyond the limits."""
        with self._lock:
            self._size += size - self._kept.pop(sha, (value, 0))[1]
            self._kept[sha] = value, size
            while len(self._kept) > self._most or self._size > self._together:
                self._size -= self._kept.pop(next(iter(self._kept)))[1]
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of one tree: path → blob.  `whole` is False where GitHub truncated it."""

    blobs: dict[str, str]
    manifests: dict[str, dict[str, str]]
    """Folder → the manifests directly in it: path → blob."""
    whole: bool


class Files:
    """The files of one repository, with caches."""

    def __init__(self) -> None:
        self._texts: Cache[str] = Cache(KEPT_TEXTS, together=KEPT_CHARACTERS)
        self._listings: Cache[Listing] = Cache(KEPT_TREES)

    def folder(self, calls: Calls, path: str, at: Base) -> dict[str, str]:
        """Return the texts of the manifests directly in a folder, or of the one file at `path`; none if missing.

        Costs one request for each new tree, and one for each text that was not read before.

        Raises:
            Permanent: a manifest is not UTF-8.
        """
        listing = self._listings.get(at.tree) or self._list(calls, at.tree)
        blobs = _within(listing, path) if listing.whole else _listed(calls, path, at)
        return {name: self._text(calls, name, sha) for name, sha in sorted(blobs.items())}

    def texts(self, calls: Calls, paths: Iterable[str], at: Base) -> dict[str, str]:
        """Return the texts of these files; what is missing is left out.  Costs one request a file, at most.

        Raises:
            Permanent: a file is not UTF-8.
        """
        listing = self._listings.get(at.tree)
        if listing is not None and listing.whole:
            known = {path: listing.blobs[path] for path in paths if path in listing.blobs}
            return {path: self._text(calls, path, sha) for path, sha in known.items()}
        found = {path: self._read(calls, path, at) for path in paths}
        return {path: text for path, text in found.items() if text is not None}

    def _list(self, calls: Calls, tree: str) -> Listing:
        answer = calls.get(f"/git/trees/{tree}", recursive=1)
        blobs = {row["path"]: row["sha"] for row in answer["tree"] if row["mode"] in FILES}
        manifests: dict[str, dict[str, str]] = {}
        for path in filter(_is_manifest, blobs):
            manifests.setdefault(path.rpartition("/")[0], {})[path] = blobs[path]
        return self._listings.put(tree, Listing(blobs=blobs, manifests=manifests, whole=not answer["truncated"]))

    def _read(self, calls: Calls, path: str, at: Base) -> str | None:
        found = _contents(calls, path, at)
        if not isinstance(found, dict) or found["type"] != "file":
            return None
        kept = self._texts.get(found["sha"])
        if kept is not None:
            return kept
        if found["encoding"] != "base64":  # above 1 MB, contents come without the text
            return self._text(calls, path, found["sha"])
        return self._keep(found["sha"], _decoded(path, found["content"]))

    def _text(self, calls: Calls, path: str, sha: str) -> str:
        kept = self._texts.get(sha)
        if kept is not None:
            return kept
        return self._keep(sha, _decoded(path, calls.get(f"/git/blobs/{sha}")["content"]))

    def _keep(self, sha: str, text: str) -> str:
        return self._texts.put(sha, text, len(text))


def _within(listing: Listing, path: str) -> dict[str, str]:
    inside = path.strip("/")
    if inside in listing.blobs:
        return {inside: listing.blobs[inside]}
    return listing.manifests.get(inside, {})


def _listed(calls: Calls, path: str, at: Base) -> dict[str, str]:
    found = _contents(calls, path, at)
    if isinstance(found, dict):
        return {found["path"]: found["sha"]} if found["type"] == "file" else {}
    return {row["path"]: row["sha"] for row in found or [] if row["type"] == "file" and _is_manifest(row["path"])}


def _contents(calls: Calls, path: str, at: Base) -> Json | list[Json] | None:
    try:
        found: Json | list[Json] = calls.get(f"/contents/{quote(path.strip('/'))}", ref=at.commit)
    except Refused as refused:
        if refused.status != 404:  # noqa: PLR2004  # not found
            raise
        return None
    return found


def _is_manifest(path: str) -> bool:
    return path.endswith(MANIFESTS) or path.rpartition("/")[2] == KUSTOMIZATION


def _decoded(path: str, content: str) -> str:
    try:
        return base64.b64decode(content).decode()
    except UnicodeDecodeError as error:
        raise Permanent(NotText(path=Name(path))) from error
