"""The known custom kinds: from CustomResourceDefinitions, and from the objects themselves.

Not here: the built-in kinds (`resources.py`).
"""

from bot.domain.json import Json
from callboard_demo.cluster.resources import BUILT_IN, DEFINITIONS, Resource
from callboard_demo.cluster.storage import Storage


class Kinds:
    """All kinds, including custom ones."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        groups = {resource.group for resource in BUILT_IN}
        self._learned: dict[tuple[str, str], Resource] = {}
        for key, value in storage.all().items():
            if key.group not in groups:
                self.learn(_custom(key.group, value["apiVersion"].rpartition("/")[2], key.plural, value["kind"]))

    def custom(self, group: str, version: str, plural: str) -> Resource:
        """Return a custom kind; its `kind` is empty if it is unknown."""
        for resource in self._defined():
            if (resource.group, resource.version, resource.plural) == (group, version, plural):
                return resource
        learned = self._learned.get((group, plural))
        return _custom(group, version, plural, learned.kind if learned else "")

    def learn(self, resource: Resource) -> None:
        """Remember a custom kind from an object."""
        self._learned.setdefault((resource.group, resource.plural), resource)

    def all(self) -> tuple[Resource, ...]:
        """Return every kind that discovery lists."""
        defined = self._defined()
        names = {(resource.group, resource.plural) for resource in defined}
        return (*BUILT_IN, *defined, *(r for name, r in self._learned.items() if name not in names))

    def _defined(self) -> list[Resource]:
        return [r for definition in self._storage.of_kind(DEFINITIONS) for r in _of(definition)]


def _custom(group: str, version: str, plural: str, kind: str) -> Resource:
    return Resource(group=group, version=version, plural=plural, kind=kind, subresources=("status",), custom=True)


def _of(definition: Json) -> list[Resource]:
    spec = definition["spec"]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            plural=spec["names"]["plural"],
            kind=spec["names"]["kind"],
            namespaced=spec.get("scope") != "Cluster",
            subresources=("status",),
            short=tuple(spec["names"].get("shortNames") or ()),
            custom=True,
        )
        for version in spec["versions"]
    ]
