"""Where a pin takes effect: which source of a namespace wins, and what is refused because nobody could see it."""

from collections.abc import Mapping

import pytest

from bot.domain.errors import Permanent
from bot.domain.policy import Policy
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import ManifestNotYaml
from bot.domain.reasons.places import (
    InvalidHere,
    NamespaceUnknown,
    NotIncluded,
    TemplateFillsIn,
)
from bot.domain.target import Place, Target, Written
from bot.rules.pins.place import locate
from bot.rules.pins.roots import Origin
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.placing import (
    APPLICATIONS,
    ARGO,
    BARE,
    DEPLOYMENT,
    FLUX,
    IN_MANIFEST,
    KUSTOMIZED,
    OVERLAID,
    PATH,
    SOURCE,
    differ,
    located,
    refused,
    said,
)

KEY = Written(value="{model}-{stage}", file="app.yaml", line=7)


# ── which namespace wins ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("files", "namespace", "origin", "at"),
    [
        pytest.param(IN_MANIFEST, "manifest", Origin.MANIFEST, f"{PATH}:3", id="the-manifest-alone"),
        pytest.param(
            IN_MANIFEST | KUSTOMIZED, "kustomization", Origin.KUSTOMIZATION, "apps/iris/kustomization.yaml:1",
            id="a-kustomization-over-the-manifest",
        ),
        pytest.param(
            IN_MANIFEST | OVERLAID, "overlay", Origin.KUSTOMIZATION, "over/kustomization.yaml:1",
            id="an-overlay-over-its-base",
        ),
        pytest.param(
            IN_MANIFEST | OVERLAID | {"f.yaml": FLUX.replace("./apps/iris", "over/")}, "flux", Origin.FLUX, "f.yaml:4",
            id="flux-over-the-overlay",
        ),
        pytest.param(
            IN_MANIFEST | OVERLAID | {"f.yaml": FLUX}, "flux", Origin.FLUX, "f.yaml:4",
            id="flux-builds-the-base-and-no-overlay",
        ),
        pytest.param(
            IN_MANIFEST | OVERLAID | {"f.yaml": FLUX.replace("targetNamespace: flux, ", "")}, "kustomization",
            Origin.KUSTOMIZATION, "apps/iris/kustomization.yaml:1", id="an-overlay-that-no-agent-builds",
        ),
        pytest.param(BARE | {"f.yaml": FLUX}, "flux", Origin.FLUX, "f.yaml:4", id="flux-over-nothing"),
        pytest.param(
            BARE | {"f.yaml": FLUX.replace("./apps/iris", "./apps")}, "flux", Origin.FLUX, "f.yaml:4",
            id="flux-builds-all-below-its-path",
        ),
        pytest.param(BARE | {"a.yaml": ARGO}, "argo", Origin.ARGO, "a.yaml:6", id="argo-fills-the-gap"),
        pytest.param(IN_MANIFEST | {"a.yaml": ARGO}, "manifest", Origin.MANIFEST, f"{PATH}:3", id="argo-fills-no-more"),
        pytest.param(
            BARE | KUSTOMIZED | {"a.yaml": ARGO}, "kustomization", Origin.KUSTOMIZATION,
            "apps/iris/kustomization.yaml:1", id="a-kustomization-over-argo",
        ),
        pytest.param(
            IN_MANIFEST | KUSTOMIZED
            | {"a.yaml": ARGO.replace("path: apps/iris", "path: apps/iris, kustomize: {namespace: over}")},
            "over", Origin.ARGO_KUSTOMIZE, "a.yaml:5", id="argo-kustomize-over-all",
        ),
        pytest.param(
            BARE | {"a.yaml": ARGO.replace("path: apps/iris", "path: apps, directory: {recurse: true}")}, "argo",
            Origin.ARGO, "a.yaml:6", id="argo-recurses",
        ),
        pytest.param(
            BARE | {"a.yaml": APPLICATIONS}, "argo", Origin.ARGO, "a.yaml:8", id="argo-by-an-application-set",
        ),
        pytest.param(
            IN_MANIFEST | {"f.yaml": FLUX, "s.yaml": SOURCE + "spec: {url: 'ssh://git@github.com/acme/other'}\n"},
            "manifest", Origin.MANIFEST, f"{PATH}:3", id="flux-of-another-repository",
        ),
        pytest.param(
            IN_MANIFEST | {"f.yaml": FLUX, "s.yaml": SOURCE + "spec: {url: 'git@github.com:Acme/models-gitops'}\n"},
            "flux", Origin.FLUX, "f.yaml:4", id="flux-of-this-repository",
        ),
        pytest.param(
            IN_MANIFEST | {"f.yaml": FLUX.replace("./apps/iris", "./apps/other")}, "manifest", Origin.MANIFEST,
            f"{PATH}:3", id="flux-of-another-path",
        ),
    ],
)  # fmt: skip
def test_the_strongest_source_of_a_namespace_wins(
    files: Mapping[str, str], namespace: str, origin: Origin, at: str
) -> None:
    found = located(files)
    assert found.place == Place(paths=(PATH,), namespace=namespace, workload="iris", kind=("apps", "Deployment"))
    assert (found.namespace.origin, f"{found.namespace.written.file}:{found.namespace.written.line}") == (origin, at)


def test_app_yaml_names_the_namespace_where_the_manifests_do_not() -> None:
    found = located(BARE, namespace="{model}-{stage}")
    assert found.place.namespace == "iris-production"
    assert (found.namespace.origin, found.namespace.written.line) == (Origin.APP_YAML, 7)


def test_app_yaml_may_repeat_what_the_manifests_say() -> None:
    found = located(IN_MANIFEST, namespace="manifest", workload="{model}")
    assert found.place == Place(paths=(PATH,), namespace="manifest", workload="iris", kind=("apps", "Deployment"))
    assert found.namespace.origin is Origin.MANIFEST


def test_without_a_namespace_a_pin_is_refused_and_the_key_is_named() -> None:
    assert refused(BARE) == NamespaceUnknown(file=Name(PATH), line=4, stage=Name("production"))
    assert "`namespace: …`" in plain(refused(BARE))
    assert "for production in app.yaml" in plain(refused(BARE))


@pytest.mark.parametrize(
    ("files", "key", "why"),
    [
        pytest.param(
            IN_MANIFEST, "other", differ("namespace", said("manifest", PATH, 3), said("other", "app.yaml", 7)),
            id="app-yaml-and-a-manifest",
        ),
        pytest.param(
            BARE | {"f.yaml": FLUX}, "other",
            differ("namespace", said("flux", "f.yaml", 4), said("other", "app.yaml", 7)), id="app-yaml-and-flux",
        ),
        pytest.param(
            BARE | {"a.yaml": ARGO}, "other",
            differ("namespace", said("argo", "a.yaml", 6), said("other", "app.yaml", 7)), id="app-yaml-and-argo",
        ),
        pytest.param(
            BARE | {"f.yaml": FLUX + "---\n" + FLUX.replace("targetNamespace: flux", "targetNamespace: two")}, None,
            differ("namespace", said("flux", "f.yaml", 4), said("two", "f.yaml", 9)), id="flux-twice",
        ),
        pytest.param(
            BARE | {"a.yaml": ARGO, "b.yaml": ARGO.replace("namespace: argo}", "namespace: two}")}, None,
            differ("namespace", said("argo", "a.yaml", 6), said("two", "b.yaml", 6)), id="argo-twice",
        ),
        pytest.param(
            BARE | OVERLAID | {"m/kustomization.yaml": "namespace: more\nbases: [../apps/iris/]\n"}, None,
            differ("namespace", said("more", "m/kustomization.yaml", 1), said("overlay", "over/kustomization.yaml", 1)),
            id="two-overlays-of-a-base",
        ),
        pytest.param(
            BARE | {"f.yaml": FLUX, "a.yaml": ARGO}, None,
            differ("namespace", said("argo", "a.yaml", 6), said("flux", "f.yaml", 4)), id="flux-and-argo",
        ),
    ],
)  # fmt: skip
def test_two_sources_that_say_different_things_are_refused(
    files: Mapping[str, str], key: str | None, why: Reason
) -> None:
    assert refused(dict(sorted(files.items())), namespace=key) == why


# ── hostile and broken input ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["../kube-system", "a/b", "UPPER", "a b", "-a", "a" * 64, "é", "a.b"])
def test_what_kubernetes_accepts_as_no_namespace_is_refused(value: str) -> None:
    files = {PATH: DEPLOYMENT.replace("{name: iris}", f"{{name: iris, namespace: '{value}'}}")}
    assert refused(files) == InvalidHere(file=Name(PATH), line=3, what=Name("namespace"), value=Said(value))


def test_a_model_whose_name_makes_no_namespace_is_refused_at_the_key() -> None:
    policy = Policy(namespace=KEY)
    with pytest.raises(Permanent) as refusal:
        locate(BARE, Target(model="Iris 2", stage="production"), policy)
    why = InvalidHere(file=Name("app.yaml"), line=7, what=Name("namespace"), value=Said("Iris 2-production"))
    assert refusal.value.reason == why


@pytest.mark.parametrize("value", ["${NS}", "{{ .Values.ns }}", "$(NS)"])
def test_a_namespace_that_a_template_fills_in_is_not_known(value: str) -> None:
    files = BARE | {"f.yaml": FLUX.replace("targetNamespace: flux", f"targetNamespace: '{value}'")}
    why = TemplateFillsIn(
        file=Name("f.yaml"), line=4, what=Name("namespace"), value=Said(value), stage=Name("production")
    )
    assert refused(files) == why
    assert refused(IN_MANIFEST | files | {PATH: IN_MANIFEST[PATH]}) == why, "it overrides the manifest's"
    assert located(files, namespace="ml").place.namespace == "ml"


def test_a_kustomization_that_is_not_yaml_is_not_passed_over() -> None:
    why = refused(IN_MANIFEST | {"apps/iris/kustomization.yaml": "namespace: [\n"})
    assert isinstance(why, ManifestNotYaml)
    assert why.file == "apps/iris/kustomization.yaml"


SOUND = "namespace: a\nresources: [d.yaml]\n"
ODD = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
spec: [source, sources]
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec: {template: {spec: {sources: [1, ~, {path: [a]}]}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
spec: {path: ../../etc, targetNamespace: x}
---
7
"""


@pytest.mark.parametrize(
    ("kustomization", "beside"),
    [
        ("namespace: a\nresources: [d.yaml, ../iris, ., ../../../etc]\n", {}),
        ("namespace: a\nresources: {d.yaml: 1}\n", {}),
        ("namespace: a\nresources: [[d.yaml], {path: 7}, ~, 'https://x/y//z?ref=1', d.yaml]\n", {}),
        (SOUND.replace("d.yaml", "d.yaml, ../two"), {"apps/two/kustomization.yaml": "resources: [../iris]\n"}),
        (SOUND, {"x.yaml": "kustomize.toolkit.fluxcd.io: [\n"}),
        (SOUND, {"x.yaml": ODD}),
    ],
)
def test_odd_neighbours_change_nothing(kustomization: str, beside: Mapping[str, str]) -> None:
    assert located({**BARE, **beside, "apps/iris/kustomization.yaml": kustomization}).place.namespace == "a"


def test_many_overlays_in_diamonds_end() -> None:
    files = dict(BARE)
    files["apps/iris/kustomization.yaml"] = "namespace: a\nresources: [d.yaml]\n"
    below = ["../apps/iris"]
    for level in range(40):
        for side in "lr":
            files[f"{side}{level}/kustomization.yaml"] = f"resources: {below}\n".replace("'", "")
        below = [f"../l{level}", f"../r{level}"]
    assert located(files).place.namespace == "a"


def test_a_file_that_its_kustomization_does_not_mention_is_applied_by_nobody() -> None:
    files = IN_MANIFEST | {"apps/iris/kustomization.yaml": "resources: [other.yaml]\n"}
    assert refused(files) == NotIncluded(file=Name(PATH), line=4, kustomization=Name("apps/iris/kustomization.yaml"))
