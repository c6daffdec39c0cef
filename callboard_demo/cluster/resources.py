"""The kinds of object that the cluster knows, and the mapping of URL paths to objects.

To add a built-in kind, add one line to `BUILT_IN`.  Kinds of every other API group are custom
resources: they are accepted without a definition and stored as plain objects.
Path grammar: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of object, as API discovery describes it."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    custom: bool = False

    @property
    def api_version(self) -> str:
        """Return the `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return the plural with its group: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a path: a collection (no name), an object, or a subresource."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None


def _core(plural: str, kind: str, *subresources: str, namespaced: bool = True, short: tuple[str, ...] = ()) -> Resource:
    return Resource(
        group="",
        version="v1",
        plural=plural,
        kind=kind,
        namespaced=namespaced,
        subresources=subresources,
        short=short,
    )


def _apps(plural: str, kind: str, *subresources: str, short: tuple[str, ...] = ()) -> Resource:
    return Resource(group="apps", version="v1", plural=plural, kind=kind, subresources=subresources, short=short)


def _rbac(plural: str, kind: str, *, namespaced: bool) -> Resource:
    return Resource(group="rbac.authorization.k8s.io", version="v1", plural=plural, kind=kind, namespaced=namespaced)


PODS: Final = _core("pods", "Pod", "status", "log", "binding", "eviction", short=("po",))
NAMESPACES: Final = _core("namespaces", "Namespace", "status", "finalize", namespaced=False, short=("ns",))
NODES: Final = _core("nodes", "Node", "status", namespaced=False, short=("no",))
EVENTS: Final = _core("events", "Event", short=("ev",))
SERVICES: Final = _core("services", "Service", "status", short=("svc",))
QUOTAS: Final = _core("resourcequotas", "ResourceQuota", "status", short=("quota",))
DEPLOYMENTS: Final = _apps("deployments", "Deployment", "status", "scale", short=("deploy",))
REPLICASETS: Final = _apps("replicasets", "ReplicaSet", "status", "scale", short=("rs",))
STATEFULSETS: Final = _apps("statefulsets", "StatefulSet", "status", "scale", short=("sts",))
REVISIONS: Final = _apps("controllerrevisions", "ControllerRevision")
DEFINITIONS: Final = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
    subresources=("status",),
    short=("crd",),
)
ACCESS_REVIEWS: Final = Resource(
    group="authorization.k8s.io",
    version="v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
)

BUILT_IN: Final[tuple[Resource, ...]] = (
    NAMESPACES,
    NODES,
    PODS,
    EVENTS,
    QUOTAS,
    SERVICES,
    _core("endpoints", "Endpoints", short=("ep",)),
    _core("configmaps", "ConfigMap", short=("cm",)),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", short=("sa",)),
    _core("limitranges", "LimitRange", short=("limits",)),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "status", short=("pvc",)),
    DEPLOYMENTS,
    REPLICASETS,
    STATEFULSETS,
    _apps("daemonsets", "DaemonSet", "status", short=("ds",)),
    REVISIONS,
    Resource(group="batch", version="v1", plural="jobs", kind="Job", subresources=("status",)),
    Resource(group="batch", version="v1", plural="cronjobs", kind="CronJob", subresources=("status",), short=("cj",)),
    Resource(
        group="autoscaling",
        version="v2",
        plural="horizontalpodautoscalers",
        kind="HorizontalPodAutoscaler",
        subresources=("status",),
        short=("hpa",),
    ),
    Resource(
        group="policy",
        version="v1",
        plural="poddisruptionbudgets",
        kind="PodDisruptionBudget",
        subresources=("status",),
        short=("pdb",),
    ),
    Resource(group="networking.k8s.io", version="v1", plural="ingresses", kind="Ingress", short=("ing",)),
    Resource(
        group="networking.k8s.io", version="v1", plural="networkpolicies", kind="NetworkPolicy", short=("netpol",)
    ),
    Resource(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease"),
    _rbac("roles", "Role", namespaced=True),
    _rbac("rolebindings", "RoleBinding", namespaced=True),
    _rbac("clusterroles", "ClusterRole", namespaced=False),
    _rbac("clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    DEFINITIONS,
    ACCESS_REVIEWS,
)

_BY_PATH: Final = {(r.group, r.version, r.plural): r for r in BUILT_IN}
_GROUPS: Final = frozenset(r.group for r in BUILT_IN)

_BY_NAME: Final = {(r.group, r.plural): r for r in BUILT_IN}


def by_name(group: str, plural: str) -> Resource:
    """Return a kind by plural and group; if it is not built in, it is treated as custom."""
    found = _BY_NAME.get((group, plural))
    return found or Resource(group=group, version="", plural=plural, kind="", custom=True)


Custom = Callable[[str, str, str], Resource]
"""Given (group, version, plural), returns the custom kind."""


def _find(group: str, version: str, plural: str, custom: Custom) -> Resource | None:
    if group in _GROUPS:
        return _BY_PATH.get((group, version, plural))
    return custom(group, version, plural) if "." in group else None


def resolve(group: str, version: str, tail: str, custom: Custom) -> Target | None:
    """Return the target of a path below `/api/v1/` or `/apis/{group}/{version}/`; None if there is none."""
    parts = [part for part in tail.split("/") if part]
    namespace = None
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in NAMESPACES.subresources:
        namespace, parts = parts[1], parts[2:]
    if not 1 <= len(parts) <= 3:
        return None
    resource = _find(group, version, parts[0], custom)
    if resource is None or (namespace is not None and not resource.namespaced):
        return None
    name, subresource = (*parts[1:], None, None)[:2]
    if subresource is not None and not resource.custom and subresource not in resource.subresources:
        return None
    return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)
