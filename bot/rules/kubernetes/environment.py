"""A container's environment as the kubelet makes it, as far as the pod template and ConfigMaps tell it.

`env` wins over `envFrom`, the last entry over earlier ones, and what is optional and missing sets nothing:
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/kubelet_pods.go (`makeEnvironmentVariables`)

Secrets are not read; all keys of one are taken not to set the pin, which is no secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.configmaps import ConfigMapMissing, KeyMissing
from bot.rules.kubernetes.raw import flag, items, mapping, text

KEPT: Final = "MODEL_"
"""What the names of a ConfigMap's keys begin with whose values are kept."""
NAMES: Final = ("MODEL_NAME", "MODEL_STAGE", "MODEL_VERSION", "MODEL_DIGEST")
"""The variables that a ConfigMap may set whose keys are not known."""

ConfigMaps: TypeAlias = Mapping[str, Json] | Reason | None
"""All ConfigMaps that a workload names, by name; or why they are not known.  None: the pin is in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What an environment says about one name."""

    value: str | None = None
    """None: it is set, or may be, but to what is not known."""
    configmap: str | None = None
    """The ConfigMap that it is from."""
    why: Reason | None = None
    """Why it is not known, if somebody can mend that."""


def environment(container: Json, configmaps: ConfigMaps = None) -> dict[str, Variable]:
    """Return what is known of a container's variables, by name; those that are not set are missing."""
    found: dict[str, Variable] = {}
    for source in items(container, "envFrom"):
        found |= _every_key(source, configmaps)
    for entry in items(container, "env"):
        found |= {text(entry, "name"): one for one in _one(entry, configmaps)}
    return found


def named(container: Json) -> Iterator[str]:
    """Yield the names of the ConfigMaps from which a container takes variables."""
    refs = [mapping(source, "configMapRef") for source in items(container, "envFrom")]
    refs += [mapping(entry, "valueFrom", "configMapKeyRef") for entry in items(container, "env")]
    yield from (name for ref in refs if (name := text(ref, "name")))


def _every_key(source: Json, configmaps: ConfigMaps) -> dict[str, Variable]:
    ref, prefix = mapping(source, "configMapRef"), text(source, "prefix")
    if not ref or configmaps is None:
        return {}
    if isinstance(configmaps, Reason):
        return _unknown(prefix, configmaps)
    name = text(ref, "name")
    if (configmap := configmaps.get(name)) is None:
        return {} if flag(ref, "optional") else _unknown(prefix, ConfigMapMissing(configmap=Name(name)))
    data = {f"{prefix}{key}": Variable(value=value, configmap=name) for key, value in _data(configmap).items()}
    return {**(_unknown(prefix) if prefix else {}), **data}


def _unknown(prefix: str, why: Reason | None = None) -> dict[str, Variable]:
    """Return the variables that keys with a prefix may set; with one, their keys are not among those that are kept."""
    return {name: Variable(why=why) for name in NAMES if name.startswith(prefix)}


def _one(entry: Json, configmaps: ConfigMaps) -> Iterator[Variable]:
    """Yield what an entry of `env` sets; nothing, if that is optional and missing."""
    ref = mapping(entry, "valueFrom", "configMapKeyRef")
    if isinstance(value := entry.get("value", ""), str) and entry.get("valueFrom") is None:
        yield Variable(value=value)
    elif not ref or configmaps is None or isinstance(configmaps, Reason):
        yield Variable(why=configmaps if ref and isinstance(configmaps, Reason) else None)
    else:
        yield from _key(ref, configmaps)


def _key(ref: Json, configmaps: Mapping[str, Json]) -> Iterator[Variable]:
    name, key, optional = text(ref, "name"), text(ref, "key"), flag(ref, "optional")
    configmap = configmaps.get(name)
    data = _data(configmap) if configmap is not None else {}
    if key in data:
        yield Variable(value=data[key], configmap=name)
    elif configmap is not None and not key.startswith(KEPT):
        yield Variable()
    elif not optional:
        missing = ConfigMapMissing(configmap=Name(name))
        yield Variable(why=missing if configmap is None else KeyMissing(configmap=Name(name), key=Name(key)))


def _data(configmap: Json) -> dict[str, str]:
    return pins_in(mapping(configmap, "data"))


def pins_in(data: Json) -> dict[str, str]:
    """Return the entries of a ConfigMap's data that may be a pin: no other is ever kept."""
    return {key: value for key, value in data.items() if key.startswith(KEPT) and isinstance(value, str)}
