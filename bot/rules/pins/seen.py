"""What the manifests say about the workload of a pin: its name, kind and namespace.

A name has the prefixes and suffixes of its kustomizations.  `roots` has the order in which namespaces win.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yaml.nodes import Node, SequenceNode

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.places import ChartMakesIt, NoObject, NoUser, SaidAt, SeveralWorkloads, TwoAnswers
from bot.domain.target import WORKLOAD, Written
from bot.rules.pins.carrier import Carrier
from bot.rules.pins.names import readable
from bot.rules.pins.owner import ConfigMap, Elsewhere, Itself, Owner, group, holder
from bot.rules.pins.referring import ROLLOUT, rollouts
from bot.rules.pins.roots import Origin, Roots, Sourced, joined, sourced
from bot.rules.pins.tree import child, line, string, walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the manifests say about a pin's workload.  None: nothing."""

    namespace: Sourced | None = None
    workload: Written | None = None
    kind: tuple[str, str] | None = None
    missing: Reason
    """Why the name would be missing."""


def see(files: Mapping[str, str], path: str, carrier: Carrier, there: Roots) -> Seen:
    """Return what the manifests say about the workload of a pin.

    Raises:
        Permanent: they say two things, or the pin is for several workloads.
    """
    found = namespace(path, carrier.owner, there)
    match carrier.owner:
        case Itself(node=None):
            workload, kind = _patched(path, carrier, there)
            return Seen(namespace=found, workload=workload, kind=kind, missing=NoObject())
        case Itself(node=node):
            referring = rollouts(files, path, node, there)
            workload = _only(referring or names(path, node, there), path, carrier)
            return Seen(
                namespace=found, workload=workload, kind=ROLLOUT if referring else _kind(node), missing=NoObject()
            )
        case ConfigMap() as configmap:
            return _configured(files, path, carrier, configmap, there)
        case Elsewhere():
            return Seen(namespace=found, missing=ChartMakesIt())


def namespace(path: str, owner: Owner, there: Roots) -> Sourced | None:
    """Return the namespace of the workload that owns a pin, as far as its own document and the roots tell.

    Raises:
        Permanent: it would be in several.
    """
    own: Node | None
    match owner:
        case Itself(node=node):
            own = child(child(node, "metadata"), "namespace")
        case ConfigMap(namespace=own):
            pass
        case Elsewhere(namespace=fixed, installer=None):
            return sourced(path, fixed, Origin.ARGO)
        case Elsewhere(namespace=fixed, installer=installer):
            if (found := sourced(path, fixed, Origin.MANIFEST)) is not None:
                return found
            own = child(child(installer, "metadata"), "namespace")
    mine = sourced(path, own, Origin.MANIFEST)
    return _same([build.namespace(mine) for build in there.builds(path)])


def _same(found: list[Sourced | None]) -> Sourced | None:
    """Return the namespace that all name which name one."""
    named = [each for each in found if each is not None]
    for each in named[1:]:
        if each.written.value != named[0].written.value:
            one, other = said_at(named[0].written), said_at(each.written)
            raise Permanent(TwoAnswers(what=Name("namespace"), one=one, other=other))
    return named[0] if named else None


def names(path: str, node: Node | None, there: Roots) -> dict[str, Written]:
    """Return the names that an object gets in the cluster: one for each way in which it is built."""
    name = child(child(node, "metadata"), "name")
    return _built(string(name), path, line(name) if name else 1, path, there)


def _built(own: str | None, file: str, at: int, path: str, there: Roots) -> dict[str, Written]:
    names = [build.name(own) for build in there.builds(path)] if own else []
    return {name: Written(value=name, file=file, line=at) for name in names}


def _only(found: Mapping[str, Written], path: str, carrier: Carrier) -> Written | None:
    if len(found) > 1:
        names = tuple(map(Name, sorted(found)))
        raise Permanent(SeveralWorkloads(file=Name(path), line=carrier.line, workloads=names))
    return next(iter(found.values()), None)


def _kind(node: Node | None) -> tuple[str, str] | None:
    kind = string(child(node, "kind"))
    return (group(node), kind) if kind and child(node, "apiVersion") is not None else None


def _patched(path: str, carrier: Carrier, there: Roots) -> tuple[Written | None, tuple[str, str] | None]:
    """Return name and kind where the document does not say what it is: a patch, whose kustomization may say it."""
    found: dict[str, Written] = {}
    kind = None
    for each in there.kustomizations.values():
        for target in _targets(each.node, each.folder, path):
            own = string(child(target, "name"))
            if own and WORKLOAD.fullmatch(own):
                found |= _built(own, each.file, line(target), path, there)
                what = string(child(target, "kind"))
                kind = (string(child(target, "group")) or "", what) if what and child(target, "group") else kind
    return _only(found, path, carrier), kind


def _targets(kustomization: Node, folder: str, path: str) -> Iterator[Node]:
    for key in ("patches", "patchesJson6902"):
        listed = child(kustomization, key)
        for patch in listed.value if isinstance(listed, SequenceNode) else ():
            target = child(patch, "target")
            if target is not None and joined(folder, string(child(patch, "path")) or ".") == path:
                yield target


def _configured(files: Mapping[str, str], path: str, carrier: Carrier, configmap: ConfigMap, there: Roots) -> Seen:
    """Return what is known of the workload that takes its environment from a ConfigMap."""
    users = list(_users(files, configmap.name)) if configmap.name else []
    found: dict[str, Written] = {}
    for at, user in users:
        found |= {f"{string(child(user, 'kind'))} {name}": one for name, one in names(at, user, there).items()}
    places = [namespace(path, configmap, there), *(namespace(at, Itself(node=user), there) for at, user in users)]
    return Seen(
        namespace=_same(places),
        workload=_only(found, path, carrier),
        kind=_kind(users[0][1]) if users else None,
        missing=NoUser(configmap=Name(configmap.name)),
    )


def _users(files: Mapping[str, str], config: str) -> Iterator[tuple[str, Node]]:
    for path, text in files.items():
        if config in text and "configMap" in text:
            yield from ((path, user) for user in _using(readable(text, path), config))


def _using(found: tuple[Node, ...], config: str) -> Iterator[Node]:
    for document in found:
        for chain in walk(document):
            source = child(chain.node, "configMapRef") or child(chain.node, "configMapKeyRef")
            if string(child(source, "name")) == config:
                user = holder(chain)
                if isinstance(user, Itself) and user.node:
                    yield user.node


def said_at(written: Written) -> SaidAt:
    """Return a value and its place, for a reason."""
    return SaidAt(value=Said(written.value), file=Name(written.file), line=written.line)
