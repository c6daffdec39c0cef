"""Argo Rollouts that take their pod template from a Deployment, which holds the pin: the Rollout is the workload then.

    kind: Rollout
    spec:
      workloadRef: {apiVersion: apps/v1, kind: Deployment, name: iris}

https://argo-rollouts.readthedocs.io/en/stable/migrating/#reference-deployment-from-rollout
"""

from collections.abc import Iterator, Mapping
from typing import Final

from yaml.nodes import Node

from bot.domain.target import Written
from bot.rules.pins.names import readable
from bot.rules.pins.owner import group, resource
from bot.rules.pins.roots import Build, Origin, Roots, sourced
from bot.rules.pins.tree import child, line, string, walk

ROLLOUT: Final = ("argoproj.io", "Rollout")
_DEPLOYMENT: Final = ("apps/v1", "Deployment")


def rollouts(files: Mapping[str, str], path: str, node: Node | None, there: Roots) -> dict[str, Written]:
    """Return the names of the Rollouts that refer to a Deployment and are built together with it."""
    name = _name(node)
    if not name or (string(child(node, "apiVersion")), string(child(node, "kind"))) != _DEPLOYMENT:
        return {}
    found: dict[str, Written] = {}
    for at, each in _referring(files, name):
        names = {built.name(_name(each)) for built in _beside(at, each, path, node, there)}
        found |= {own: Written(value=own, file=at, line=line(each)) for own in names}
    return found


def _referring(files: Mapping[str, str], name: str) -> Iterator[tuple[str, Node]]:
    for path, text in files.items():
        if "workloadRef" in text and name in text:
            for document in readable(text, path):
                yield from ((path, each) for each in _rollouts(document) if _refers(each, name))


def _rollouts(document: Node) -> Iterator[Node]:
    for chain in walk(document):
        node = chain.node
        if resource(chain) is node and (group(node), string(child(node, "kind"))) == ROLLOUT and _name(node):
            yield node


def _refers(rollout: Node, name: str) -> bool:
    reference = child(child(rollout, "spec"), "workloadRef")
    to = tuple(string(child(reference, key)) for key in ("apiVersion", "kind", "name"))
    return to == (*_DEPLOYMENT, name)


def _beside(at: str, rollout: Node, path: str, deployment: Node | None, there: Roots) -> Iterator[Build]:
    """Yield the ways in which a Rollout is built into the namespace, and by the overlay, of the Deployment."""
    others = [(_namespace(each, path, deployment), each) for each in there.builds(path)]
    for build in there.builds(at):
        own = _namespace(build, at, rollout)
        if any(own == theirs and _one_overlay(build, other) for theirs, other in others):
            yield build


def _one_overlay(one: Build, other: Build) -> bool:
    return not one.chain or not other.chain or one.chain[0].file == other.chain[0].file


def _namespace(build: Build, path: str, node: Node | None) -> str | None:
    found = build.namespace(sourced(path, child(child(node, "metadata"), "namespace"), Origin.MANIFEST))
    return found.written.value if found is not None else None


def _name(node: Node | None) -> str:
    return string(child(child(node, "metadata"), "name")) or ""
