"""All objects of the cluster, the revision counter, and a bounded window of past changes.

Not here: validation and permissions (`objects.py`).  Objects are never changed in place: each write replaces the whole
object, so readers may keep what they got.  State is in one SQLite file, with one transaction per change.  The window is
in memory, so after a restart a watch from an old revision gets 410, as from a real API server:
https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
"""

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource


class Key(NamedTuple):
    """The identity of an object."""

    group: str
    plural: str
    namespace: str
    """Empty for cluster-scoped kinds."""
    name: str


ChangeType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]


class StoredChange(NamedTuple):
    """One write: the object after it, and before it (None if it was created)."""

    revision: int
    type: ChangeType
    key: Key
    after: Json
    before: Json | None


def key_of(resource: Resource, namespace: str | None, name: str) -> Key:
    """Return the key of an object of a kind."""
    return Key(resource.group, resource.plural, (namespace or "") if resource.namespaced else "", name)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (grp TEXT, plural TEXT, namespace TEXT, name TEXT, body TEXT,
                                    PRIMARY KEY (grp, plural, namespace, name));
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""


class Storage:
    """All objects by key, and the latest `window` changes to them."""

    def __init__(self, folder: Path, *, window: int = 1000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "cluster.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # survives the end of the process, which is enough for a demo
        self._db.executescript(_SCHEMA)
        rows = self._db.execute("SELECT grp, plural, namespace, name, body FROM objects")
        self._objects: dict[Key, Json] = {Key(*row[:4]): json.loads(row[4]) for row in rows}
        self.revision: int = self._db.execute("SELECT revision FROM counter").fetchone()[0]
        self._window: deque[StoredChange] = deque(maxlen=window)
        self._bells: set[asyncio.Event] = set()
        self.on_change: list[Callable[[StoredChange], None]] = []

    def get(self, key: Key) -> Json | None:
        """Return one object, or None."""
        return self._objects.get(key)

    def of_kind(self, resource: Resource, namespace: str | None = None) -> list[Json]:
        """Return the objects of a kind, sorted by namespace and name."""
        mine = (
            (key, value)
            for key, value in self._objects.items()
            if key.plural == resource.plural
            and key.group == resource.group
            and (namespace is None or key.namespace == namespace)
        )
        return [value for _, value in sorted(mine, key=lambda pair: pair[0])]

    def all(self) -> dict[Key, Json]:
        """Return all objects."""
        return dict(self._objects)

    def put(self, key: Key, value: Json) -> Json:
        """Store an object, new or changed, under the next revision; return it as stored."""
        before = self._objects.get(key)
        stored = self._stamped(value)
        self._objects[key] = stored
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (*key, json.dumps(stored)))
            self._db.execute("UPDATE counter SET revision = ?", (self.revision,))
        self._publish(StoredChange(self.revision, "ADDED" if before is None else "MODIFIED", key, stored, before))
        return stored

    def remove(self, key: Key) -> Json:
        """Remove an object; return its last state, with the revision of its removal."""
        before = self._objects.pop(key)
        last = self._stamped(before)
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM objects WHERE grp = ? AND plural = ? AND namespace = ? AND name = ?", key)
            self._db.execute("UPDATE counter SET revision = ?", (self.revision,))
        self._publish(StoredChange(self.revision, "DELETED", key, last, before))
        return last

    def _stamped(self, value: Json) -> Json:
        self.revision += 1
        return {**value, "metadata": {**value["metadata"], "resourceVersion": str(self.revision)}}

    def _publish(self, change: StoredChange) -> None:
        self._window.append(change)
        self.ring()
        for listener in self.on_change:
            listener(change)

    @property
    def oldest(self) -> int:
        """Return the revision from which all later changes are still in the window."""
        return self._window[0].revision - 1 if self._window else self.revision

    def since(self, revision: int) -> list[StoredChange] | None:
        """Return the changes after a revision; None if the window does not reach back that far."""
        if revision < self.oldest:
            return None
        newer = max(0, self.revision - revision)  # revisions have no gaps
        return [self._window[i] for i in range(len(self._window) - newer, len(self._window))]

    def forget(self) -> None:
        """Empty the window, as a compaction does: watches from older revisions are then refused."""
        self._window.clear()

    def bell(self) -> asyncio.Event:
        """Return an event that is set at every change, until it is passed to `silence`."""
        bell = asyncio.Event()
        self._bells.add(bell)
        return bell

    def ring(self) -> None:
        """Set every event, even without a change."""
        for bell in self._bells:
            bell.set()

    def silence(self, bell: asyncio.Event) -> None:
        """Stop setting an event."""
        self._bells.discard(bell)

    def close(self) -> None:
        """Close the file."""
        self._db.close()
