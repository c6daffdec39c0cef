"""No neighbour of a pin makes the search for its namespace and workload stumble, or end in an invalid name."""

from typing import Final

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Permanent
from bot.domain.policy import Policy
from bot.domain.target import NAMESPACE, WORKLOAD, Target
from bot.rules.pins.place import locate
from bot.rules.wording.reasons import plain

KEYS: Final = st.sampled_from([
    "apiVersion", "kind", "metadata", "name", "namespace", "spec", "path", "source", "sources", "template", "resources",
    "bases", "patches", "target", "namePrefix", "nameSuffix", "destination", "targetNamespace", "kustomize", "helm",
    "valueFiles", "repoURL", "sourceRef", "url", "directory", "recurse", "ref", "group", "env", "configMapRef",
])  # fmt: skip
VALUES: Final = st.sampled_from([
    "kustomize.toolkit.fluxcd.io/v1", "argoproj.io/v1alpha1", "source.toolkit.fluxcd.io/v1", "apps/v1", "Kustomization",
    "Application", "ApplicationSet", "GitRepository", "Deployment", "a", "b", ".", "..", "/", "../a", "a/d.yaml",
    "d.yaml", "$us/a/d.yaml", "${X}", "{{path}}", "UPPER", "", "https://github.com/o/r", "true", "us", "a" * 300,
    "\u2028", "😀",
])  # fmt: skip
SCALARS: Final = VALUES | st.none() | st.integers(0, 9) | st.booleans()
NODES: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6)
)
OBJECTS: Final = st.dictionaries(KEYS, NODES, max_size=9)
PATHS: Final = st.sampled_from([
    "a/kustomization.yaml", "a/Kustomization", "kustomization.yml", "b/kustomization.yaml", "a/x.yaml", "x.yaml",
])  # fmt: skip
ENV: Final = {"env": [{"name": "MODEL_STAGE", "value": "production"}]}


@given(owner=OBJECTS, beside=st.dictionaries(PATHS, st.lists(OBJECTS, max_size=3), max_size=4))
def test_no_neighbour_makes_it_stumble(owner: dict[str, object], beside: dict[str, list[object]]) -> None:
    files = {path: yaml.safe_dump_all(documents, allow_unicode=True) for path, documents in beside.items()}
    files["a/d.yaml"] = yaml.safe_dump({**owner, "spec": ENV})
    try:
        place = locate(files, Target(model="iris", stage="production"), Policy(), "o/r").place
    except Permanent as error:
        assert "\n" not in plain(error.reason)
    else:
        assert NAMESPACE.fullmatch(place.namespace or "")
        assert WORKLOAD.fullmatch(place.workload or "")
