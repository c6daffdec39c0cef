"""Where a target's pin takes effect: its workload and namespace, as the running bot will look for them.

`/promote` and `callboard check` accept a target only through `locate`, which refuses what cannot be followed: nothing
is guessed.  The manifests say it (`seen`, `roots`), or else the keys `namespace` and `workload` of app.yaml; where both
do, they must agree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.domain.errors import Permanent
from bot.domain.policy import Policy
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.places import (
    InvalidHere,
    KindNotFollowed,
    NamespaceUnknown,
    NotIncluded,
    PlaceUnknown,
    TemplateFillsIn,
    TwoAnswers,
    WorkloadUnknown,
)
from bot.domain.target import NAMESPACE, WORKLOAD, Place, Target, Written
from bot.domain.verification import UNTELLING
from bot.rules.kubernetes.kinds import KINDS, pod, replica_set
from bot.rules.parsing.clusters import CLUSTER
from bot.rules.pins import Found, find
from bot.rules.pins.carrier import Carrier
from bot.rules.pins.owner import ConfigMap, Elsewhere
from bot.rules.pins.roots import Origin, Roots, Sourced, parent, roots
from bot.rules.pins.seen import Seen, said_at, see
from bot.rules.pins.tree import string, walk

FOLLOWED: Final = frozenset((kind.group, kind.name) for kind in KINDS if kind not in {pod.KIND, replica_set.KIND})
"""The kinds of workload that the bot follows, as API group and kind.

A new pin changes no Pod, and no pod of a ReplicaSet.
"""


class PickUp(StrEnum):
    """How the bot sees that the cluster has picked a change up."""

    TEMPLATE = "template"  # the pod template holds the new value
    NEW_CONFIGMAP = "new-configmap"  # the pod template names another ConfigMap, which holds it
    CONFIGMAP = "configmap"  # the same ConfigMap holds it, and the pods were created since, or name the new version
    REVISION = "revision"  # a GitOps agent has applied a revision that contains the merge: nothing else tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a target's pin is, and where it takes effect."""

    found: Found
    place: Place
    namespace: Sourced
    workload: Written | None
    """None: the Deployment with that MODEL_NAME and MODEL_STAGE, which only the cluster can tell."""
    pick_up: PickUp
    restarts: bool
    """Whether a new pin restarts the pods; a plain ConfigMap does not."""
    chart: bool
    """Whether a chart makes the workload, and has to pass the values on to it."""


def locate(files: Mapping[str, str], target: Target, policy: Policy, repository: str = "") -> Located:
    """Return where the target's pin is among `files`, and where it takes effect.

    Raises:
        Permanent: as `find`; or the bot could not see the pin take effect.
    """
    found = find(files, target.model)
    path, carrier = found.path, found.carrier
    there = roots(files, repository)
    if (left_out := _left_out(path, carrier, there)) is not None:
        raise Permanent(left_out)
    seen = see(files, path, carrier, there)
    workload, namespace = _both(seen, path, carrier, target, policy)
    named_here = workload is not None and workload == seen.workload
    how = pick_up(carrier, policy)
    return Located(
        found=found,
        place=Place(
            paths=(path,),
            namespace=namespace.written.value,
            workload=workload.value if workload else None,
            kind=seen.kind if named_here else None,
            in_configmap=how is not PickUp.TEMPLATE,
            cluster=cluster_of(target, policy),
        ),
        namespace=namespace,
        workload=workload,
        pick_up=how,
        restarts=how in {PickUp.TEMPLATE, PickUp.NEW_CONFIGMAP},
        chart=isinstance(carrier.owner, Elsewhere),
    )


def pick_up(carrier: Carrier, policy: Policy) -> PickUp:
    """Return how the bot sees that a change of the pin is picked up."""
    if not isinstance(carrier.owner, ConfigMap):
        return PickUp.TEMPLATE
    if carrier.owner.generated:
        return PickUp.NEW_CONFIGMAP
    return PickUp.REVISION if policy.verify.method in UNTELLING else PickUp.CONFIGMAP


def _both(seen: Seen, path: str, carrier: Carrier, target: Target, policy: Policy) -> tuple[Written | None, Sourced]:
    """Return the workload's name and the namespace; what is wrong with either is told at once."""
    try:
        workload = _workload(seen, path, carrier, target, policy)
    except Permanent as error:
        try:
            _namespace(seen, path, carrier, target, policy)
        except Permanent as more:
            raise Permanent(PlaceUnknown(causes=(error.reason, more.reason))) from more
        raise
    return workload, _namespace(seen, path, carrier, target, policy)


def _namespace(seen: Seen, path: str, carrier: Carrier, target: Target, policy: Policy) -> Sourced:
    key = _filled(policy.namespace, target)
    found = _agreed(seen.namespace.written if seen.namespace else None, key, "namespace", target)
    if found is None:
        raise Permanent(NamespaceUnknown(file=Name(path), line=carrier.line, stage=Name(target.stage)))
    _valid(found, NAMESPACE, "namespace")
    if seen.namespace is not None and found == seen.namespace.written:
        return seen.namespace
    return Sourced(written=found, origin=Origin.APP_YAML)


def cluster_of(target: Target, policy: Policy) -> str | None:
    """Return the cluster in which a target runs; None: the bot's own.

    Raises:
        Permanent: the model's name makes of the key something that names no cluster, or another context.
    """
    key, found = policy.cluster, _filled(policy.cluster, target)
    if key is None or found is None:
        return None
    _valid(found, CLUSTER, "cluster")
    if found.value.count("#") != key.value.count("#"):  # the part of a path after it names a context
        raise _invalid(found, "cluster")
    return found.value


def _workload(seen: Seen, path: str, carrier: Carrier, target: Target, policy: Policy) -> Written | None:
    """Return the workload's name; None if the cluster finds it by MODEL_NAME and MODEL_STAGE."""
    key, name, at = _filled(policy.workload, target), seen.workload, Name(path)
    if seen.kind is not None and seen.kind not in FOLLOWED:
        if key is None:
            kind, stage = Name(seen.kind[1]), Name(target.stage)
            raise Permanent(KindNotFollowed(file=at, line=carrier.line, kind=kind, stage=stage))
        name = None  # the key names the workload that this object makes
    found = _agreed(name, key, "workload", target)
    if found is not None:
        _valid(found, WORKLOAD, "workload")
    elif carrier.model is None or isinstance(carrier.owner, ConfigMap):
        raise Permanent(WorkloadUnknown(file=at, line=carrier.line, why=seen.missing, stage=Name(target.stage)))
    return found


def _filled(key: Written | None, target: Target) -> Written | None:
    """Return the value of a key of app.yaml for a target."""
    names = {"{model}": target.model, "{stage}": target.stage}
    return replace(key, value=re.sub(r"\{(?:model|stage)\}", lambda m: names[m[0]], key.value)) if key else None


def _agreed(seen: Written | None, key: Written | None, what: str, target: Target) -> Written | None:
    """Return what the manifests and app.yaml both say, or the one that says something."""
    if seen is None or key is None:
        if seen is not None and _is_template(seen.value):
            stage, value = Name(target.stage), Said(seen.value)
            raise Permanent(
                TemplateFillsIn(file=Name(seen.file), line=seen.line, what=Name(what), value=value, stage=stage)
            )
        return seen or key
    if _is_template(seen.value):
        return key
    if seen.value != key.value:
        raise Permanent(TwoAnswers(what=Name(what), one=said_at(seen), other=said_at(key)))
    return seen


def _is_template(value: str) -> bool:
    return any(mark in value for mark in ("{{", "$(", "${"))


def _valid(found: Written, form: re.Pattern[str], what: str) -> None:
    if not form.fullmatch(found.value):
        raise _invalid(found, what)


def _invalid(found: Written, what: str) -> Permanent:
    at, value = Name(found.file), Said(found.value)
    return Permanent(InvalidHere(file=at, line=found.line, what=Name(what), value=value))


def _left_out(path: str, carrier: Carrier, there: Roots) -> Reason | None:
    """Return why no agent applies the file: its folder's kustomization is not YAML, or does not mention it at all."""
    if parent(path) in there.broken:
        return there.broken[parent(path)]
    beside = there.kustomizations.get(parent(path))
    if beside is None or beside.file == path or path in there.above:
        return None
    name = path.rpartition("/")[2]
    if any(name in (string(chain.node) or "") for chain in walk(beside.node)):
        return None
    return NotIncluded(file=Name(path), line=carrier.line, kustomization=Name(beside.file))
