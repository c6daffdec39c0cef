"""The git repository underneath: objects, refs, merges and diffs, through libgit2 on a bare repository.

It knows git, but no pull requests, people or HTTP.  Nothing here awaits, so from one event loop each operation is
atomic.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pygit2
from pygit2.enums import DiffOption, FileMode, ObjectType, SortMode

from bot.clock import now

Entry = tuple[int, str] | None
"""The new entry of a path: (file mode, object id), or None to remove it."""

BLOB = int(FileMode.BLOB)
TREE = int(FileMode.TREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The author of a commit, and the time in seconds since 1970, UTC."""

    name: str
    email: str
    time: int

    @classmethod
    def by(cls, login: str) -> "Signed":
        """Return `login`'s signature with the current time."""
        return cls(name=login, email=f"{login}@users.noreply.github.test", time=int(now().timestamp()))


class Repository:
    """A bare repository on disk, created if missing."""

    def __init__(self, path: Path) -> None:
        fresh = not (path / "HEAD").exists()
        self.git = pygit2.init_repository(path, bare=True, initial_head="main") if fresh else pygit2.Repository(path)
        # Commits never change, and the page reads all pull requests after every change.
        self._merge = lru_cache(maxsize=4096)(self._merge_anew)
        self._patch = lru_cache(maxsize=4096)(self._patch_anew)

    # ── refs ──────────────────────────────────────────────────────────────────────────────────────────

    def ref(self, name: str) -> str | None:
        """Return the object id of a full ref name (refs/heads/main)."""
        try:
            found = self.git.references.get(name)
        except pygit2.InvalidSpecError:
            return None
        return str(found.target) if found else None

    def head(self, branch: str) -> str | None:
        """Return the commit id at the head of `branch`."""
        return self.ref(f"refs/heads/{branch}")

    def refs(self, prefix: str) -> dict[str, str]:
        """Return the refs whose full name starts with `prefix`, in order."""
        return {
            name: str(self.git.references[name].target)
            for name in sorted(self.git.references)
            if name.startswith(prefix)
        }

    def point(self, name: str, sha: str) -> None:
        """Create or move the ref.

        Raises:
            ValueError: git does not allow the name (`a` beside `a/b`, or a forbidden character).
        """
        try:
            self.git.references.create(name, pygit2.Oid(hex=sha), force=True)
        except (pygit2.GitError, OSError) as error:
            raise ValueError(str(error)) from error

    def drop(self, name: str) -> None:
        """Delete the ref."""
        self.git.references.delete(name)

    # ── objects ───────────────────────────────────────────────────────────────────────────────────────

    def commit(self, sha: str) -> pygit2.Commit | None:
        """Return the commit with this full id."""
        found = self.object(sha)
        return found if isinstance(found, pygit2.Commit) else None

    def object(self, sha: str) -> pygit2.Object | None:
        """Return any object by its full id."""
        try:
            return self.git.get(pygit2.Oid(hex=sha))
        except ValueError:
            return None

    def resolve(self, name: str) -> pygit2.Commit | None:
        """Return the commit of a branch, tag, full ref, `heads/…` or full id."""
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", name, f"refs/{name}"):
            if sha := self.ref(ref):
                return self.commit(sha)
        return self.commit(name)

    def tree(self, sha: str) -> pygit2.Tree | None:
        """Return a tree by its id, or the tree of the commit with that id, as GitHub does for `base_tree`."""
        found = self.object(sha)
        return found.tree if isinstance(found, pygit2.Commit) else found if isinstance(found, pygit2.Tree) else None

    def find(self, commit: pygit2.Commit, path: str) -> pygit2.Object | None:
        """Return the object at `path` ("" is the root)."""
        if not path:
            return commit.tree
        try:
            return commit.tree[path]
        except KeyError:
            return None

    def blobs(self, tree: pygit2.Tree, under: str = "") -> Iterator[tuple[str, pygit2.Blob]]:
        """Yield every file of a tree, with its path."""
        for item in tree:
            path = f"{under}{item.name}"
            if isinstance(item, pygit2.Tree):
                yield from self.blobs(item, f"{path}/")
            elif isinstance(item, pygit2.Blob):
                yield path, item

    def write_blob(self, content: bytes) -> str:
        """Store `content`; return its id."""
        return str(self.git.create_blob(content))

    def graft(self, base: pygit2.Tree | None, changes: Mapping[str, Entry]) -> str | None:
        """Return the id of `base` with `changes` applied, or None if it is empty then.

        Raises:
            ValueError: a path is empty, is absolute, or has a part that git refuses.
        """
        builder = self.git.TreeBuilder(base) if base is not None else self.git.TreeBuilder()
        deeper: dict[str, dict[str, Entry]] = {}
        for path, entry in changes.items():
            first, _, rest = path.partition("/")
            if rest:
                deeper.setdefault(first, {})[rest] = entry
            else:
                self._put(builder, first, entry)
        for name, inner in deeper.items():
            below = base[name] if base is not None and name in base else None
            sha = self.graft(below if isinstance(below, pygit2.Tree) else None, inner)
            self._put(builder, name, (TREE, sha) if sha else None)
        return str(builder.write()) if len(builder) else None

    def _put(self, builder: pygit2.TreeBuilder, name: str, entry: Entry) -> None:
        try:
            if entry is not None:
                builder.insert(name, pygit2.Oid(hex=entry[1]), entry[0])
            elif builder.get(name) is not None:
                builder.remove(name)
        except pygit2.GitError as error:
            raise ValueError(str(error)) from error

    def empty_tree(self) -> str:
        """Return the id of the tree without entries."""
        return str(self.git.TreeBuilder().write())

    def write_commit(
        self, message: str, *, tree: str, parents: list[str], author: Signed, committer: Signed | None = None
    ) -> str:
        """Store a commit without a ref; return its id."""
        return str(
            self.git.create_commit(None, _signature(author), _signature(committer or author), message, tree, parents)
        )

    # ── history ───────────────────────────────────────────────────────────────────────────────────────

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Return whether `ancestor` is `descendant` or reachable from it."""
        return descendant == ancestor or self.git.descendant_of(descendant, ancestor)

    def fork(self, one: str, other: str) -> str | None:
        """Return the best common ancestor; None for unrelated histories."""
        found = self.git.merge_base(one, other)
        return str(found) if found else None

    def distance(self, head: str, base: str) -> tuple[int, int]:
        """Return by how many commits `head` is (ahead of, behind) `base`."""
        return self.git.ahead_behind(head, base)

    def log(self, start: str, *, without: str | None = None, path: str = "") -> Iterator[pygit2.Commit]:
        """Yield the commits reachable from `start` but not `without`, newest first; `path` filters by file."""
        walker = self.git.walk(start, SortMode.TOPOLOGICAL | SortMode.TIME)
        if without:
            walker.hide(without)
        for commit in walker:
            if not path or self._touches(commit, path):
                yield commit

    def _touches(self, commit: pygit2.Commit, path: str) -> bool:
        mine = self.find(commit, path)
        theirs = [self.find(parent, path) for parent in commit.parents] or [None]
        return all((mine and mine.id) != (other and other.id) for other in theirs)

    # ── merging ───────────────────────────────────────────────────────────────────────────────────────

    def merged_tree(self, base: str, head: str) -> str | None:
        """Return the tree of a three-way merge of two commits, or None if they conflict.  No ref is moved."""
        return self._merge(base, head)

    def _merge_anew(self, base: str, head: str) -> str | None:
        index = self.git.merge_commits(base, head)
        return None if index.conflicts else str(index.write_tree(self.git))

    def picked_tree(self, onto: pygit2.Commit, commit: pygit2.Commit) -> str | None:
        """Return the tree of `commit` cherry-picked onto `onto`, or None if it conflicts."""
        before = commit.parents[0].tree.id if commit.parents else pygit2.Oid(hex=self.empty_tree())
        index = self.git.merge_trees(before, onto.tree.id, commit.tree.id)
        return None if index.conflicts else str(index.write_tree(self.git))

    def patch(self, base: str, head: str) -> str:
        """Return the unified diff of `head` against its merge base with `base`."""
        return self._patch(base, head)

    def _patch_anew(self, base: str, head: str) -> str:
        return self.diff(self.fork(base, head), head).patch or ""

    def diff(self, old: str | None, new: str) -> pygit2.Diff:
        """Return the changes between two trees or commits (None: the empty tree), with renames detected."""
        before = self.git.get(self.empty_tree()) if old is None else self.tree(old)
        after = self.tree(new)
        if not isinstance(before, pygit2.Tree) or after is None:
            raise ValueError(f"no such tree: {old} or {new}")
        found = before.diff_to_tree(after, flags=DiffOption.NORMAL)
        found.find_similar()
        return found


def _signature(who: Signed) -> pygit2.Signature:
    return pygit2.Signature(who.name, who.email, who.time, 0)


def kind(item: pygit2.Object) -> str:
    """Return an object's type: blob, tree, commit or tag."""
    words = {ObjectType.BLOB: "blob", ObjectType.TREE: "tree", ObjectType.COMMIT: "commit", ObjectType.TAG: "tag"}
    return words[ObjectType(item.type)]
