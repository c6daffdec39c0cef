"""What `callboard check` finds for each target: where its pin is, where it takes effect, or what is wrong.

The files and the rule are those of the running bot, so a target that is wrong here is refused by `/promote`.  The rest
of the checkout is read as well, because it may say more: an agent's object elsewhere may set another namespace.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.cli import checkout
from bot.config.app_yaml import WILD, Config
from bot.domain.errors import Permanent, UserError
from bot.domain.reason import Name
from bot.domain.reasons.places import TwoAnswers
from bot.domain.target import Place, Target
from bot.rules.parsing.clusters import access_of
from bot.rules.pins import seen
from bot.rules.pins.clashes import pin_clash, workload_clash
from bot.rules.pins.owner import Itself
from bot.rules.pins.place import Located, PickUp, locate
from bot.rules.pins.roots import Origin, Roots, roots
from bot.rules.wording.reasons import plain

ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.FLUX: "targetNamespace of Flux",
    Origin.ARGO_KUSTOMIZE: "kustomize.namespace of Argo CD",
    Origin.KUSTOMIZATION: "the kustomization",
    Origin.MANIFEST: "the manifest",
    Origin.ARGO: "the destination of Argo CD",
    Origin.APP_YAML: "`namespace`",
}
PICK_UPS: Final[Mapping[PickUp, str]] = {
    PickUp.TEMPLATE: "the pod template holds the new value",
    PickUp.NEW_CONFIGMAP: "the pod template names the ConfigMap that holds the new value",
    PickUp.CONFIGMAP: "the ConfigMap holds the new value, and every pod was created since or names the new version",
    PickUp.REVISION: "Argo CD or Flux has applied a commit with the change, and every pod is newer than the merge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of `check` for one target."""

    target: Target
    text: str
    details: tuple[str, ...] = ()
    """Where the pin takes effect; empty if something is wrong."""
    wrong: bool = False


def check(config: Config, root: Path, kubeconfig: str | None = None) -> list[Finding]:
    """Return for every target the place of its pin below `root` and where it takes effect, or the mistake.

    The models are those in app.yaml, and those that match its patterns among the folders below `root`.
    """
    named = {rules.pattern for rules in config.rules if not WILD & set(rules.pattern)}
    models = sorted(named | {model for model in _seen(config, root) if config.has(model)})
    targets = [Target(model=model, stage=stage) for model in models for stage in config.stages_of(model)]
    read: dict[str, str] = {}
    found = {target: _located(config, root, target, read) for target in targets}
    located = {target: one for target, one in found.items() if isinstance(one, Located)}
    places = {target: one.place for target, one in located.items()}
    around = roots({**checkout.roots(root), **read}, config.repository) if located else Roots(kustomizations={})
    readers = _readers(config, targets)
    findings = [
        _finding(target, located[target], readers, places, around) if target in located else _wrong(target, str(one))
        for target, one in found.items()
    ]
    return [one if one.wrong else _with_cluster(one, places[one.target], config, kubeconfig) for one in findings]


def templates(config: Config) -> str:
    """Return the path templates of manifests in app.yaml."""
    return " and ".join(dict.fromkeys(rules.manifests or config.manifests for rules in config.rules))


def _seen(config: Config, root: Path) -> Iterator[str]:
    """Yield the models that have a folder or file below `root`, by the templates of app.yaml."""
    for template in {rules.manifests or config.manifests for rules in config.rules}:
        if "{model}" in template:
            for stage in config.stages:
                yield from _filled(root, template.replace("{stage}", stage))


def _filled(root: Path, template: str) -> Iterable[str]:
    form = re.compile(
        "([^/]+)".join(re.escape(part) for part in template.split("{model}", 1)).replace(r"\{model\}", r"\1")
    )
    for place in root.glob(template.replace("{model}", "*")):
        if found := form.fullmatch(place.relative_to(root).as_posix()):
            yield found[1]


def _located(config: Config, root: Path, target: Target, read: dict[str, str]) -> Located | str:
    """Return where a target is, or what is wrong; add the files that tell it to `read`."""
    try:
        folder = config.folder(target)
        files = checkout.texts(root, folder)
        if not files:
            return f"{folder}: no manifest found"
        read |= files
        return locate(files, target, config.policy(target), config.repository)
    except Permanent as error:
        return plain(error.reason)
    except UserError as error:
        return str(error)


def _wrong(target: Target, text: str) -> Finding:
    return Finding(target=target, text=text, wrong=True)


def _readers(config: Config, targets: Iterable[Target]) -> dict[str, list[Target]]:
    """Return the targets by the folder, or the file, of their manifests."""
    found: dict[str, list[Target]] = {}
    for target in targets:
        with suppress(Permanent):  # its path is wrong, which is told as its finding
            found.setdefault(config.folder(target), []).append(target)
    return found


def _finding(
    target: Target, one: Located, readers: Mapping[str, list[Target]], places: Mapping[Target, Place], around: Roots
) -> Finding:
    mine = one.found
    those = [*readers.get(mine.path, ()), *readers.get(mine.path.rpartition("/")[0], ())]
    clash = pin_clash(target, mine, sorted(those)) or workload_clash(target, mine, one.place, places)
    try:
        clash = clash or _differs(one, around)
    except Permanent as error:
        clash = error.reason
    return _wrong(target, plain(clash)) if clash is not None else _right(target, one)


def _differs(one: Located, around: Roots) -> TwoAnswers | None:
    """Return what the rest of the checkout says differently from the files that the bot reads.

    Raises:
        Permanent: it says two things.
    """
    path, owner = one.found.path, one.found.carrier.owner
    elsewhere = seen.namespace(path, owner, around)
    if elsewhere is not None and elsewhere.written.value != one.namespace.written.value:
        here, there = seen.said_at(one.namespace.written), seen.said_at(elsewhere.written)
        return TwoAnswers(what=Name("namespace"), one=here, other=there)
    names = seen.names(path, owner.node, around) if isinstance(owner, Itself) and one.place.kind is not None else {}
    for name, written in names.items():
        if one.workload is not None and name != one.workload.value:
            return TwoAnswers(what=Name("workload"), one=seen.said_at(one.workload), other=seen.said_at(written))
    return None


def _right(target: Target, one: Located) -> Finding:
    pin, written = one.found.pin, one.namespace.written
    version = f"v{pin.version}" if pin.version is not None else "no version yet; the first promotion adds it"
    kind = one.place.kind[1] if one.place.kind else "Deployment"
    named = f"{kind} {one.place.workload}" if one.place.workload else f"the {kind} with this MODEL_NAME and MODEL_STAGE"
    exists = f"whether {named} exists in {written.value}, and whether Callboard may read it"
    exists += " and its ConfigMaps" if one.place.in_configmap else ""
    restarts = "" if one.restarts else "; whether its pods restart, as a plain ConfigMap restarts none"
    passed_on = "; whether the chart passes both values on to its pods" if one.chart else ""
    agent = (
        "; whether Argo CD or Flux applies it, and lets Callboard read that" if one.pick_up is PickUp.REVISION else ""
    )
    return Finding(
        target=target,
        text=f"{one.found.path}:{one.found.line}: {pin.stage}, {version}",
        details=(
            f"namespace: {written.value} ({ORIGINS[one.namespace.origin]}, {written.file}:{written.line})",
            f"workload: {named}",
            f"picked up when: {PICK_UPS[one.pick_up]}",
            f"only the cluster can tell: {exists}{restarts}{passed_on}{agent}",
        ),
    )


def _with_cluster(finding: Finding, place: Place, config: Config, kubeconfig: str | None) -> Finding:
    """Return a finding with its cluster, unless that is the bot's own, and whether the files here lead to it."""
    key = config.policy(finding.target).cluster
    if place.cluster is None or key is None:
        return finding
    way = access_of(place.cluster)
    there = "that file is mounted" if way.kubeconfig is not None else "its kubeconfig has this context"
    told = [f"cluster: {place.cluster} (`cluster`, {key.file}:{key.line}); only the bot can tell whether {there}"]
    files = way.kubeconfig or kubeconfig
    if files is not None and Path(files).expanduser().exists():
        from bot.clients.kubernetes.access import find  # imports the Kubernetes client, which takes a moment

        try:
            find(files, way.context)
        except Permanent as error:
            told.append(f"not so on this machine: {plain(error.reason)}")
    return replace(finding, details=(*told, *finding.details))
