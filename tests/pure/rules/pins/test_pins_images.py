"""A stage's image is written where it changes nothing else and affects no other stage."""

import pytest
import yaml

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import (
    ImageFilledIn,
    ImageNamedTwice,
    ImageNowhere,
    ImageShared,
    ImageUsedByAlias,
    LayoutNotEditable,
    NotEditable,
)
from bot.rules import pins
from bot.rules.parsing.images import Reference
from bot.rules.pins import images

DIGEST = "sha256:" + "ab" * 32
IMAGE = Reference(host="registry.acme.io", path="ml/model-server", tag="0.1.0-gabc")
SAME = Reference(host="ghcr.io", path="callboard/model-server", tag="0.2.0")

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris}
spec:
  template:
    spec:
      containers:
      - name: logs
        image: busybox:1
      - name: server
        image: ghcr.io/callboard/model-server:0.1.0   # serves any model
        ports: [{containerPort: 8080}, {containerPort: 53, protocol: UDP}]
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: iris}
spec:
  template:
    spec:
      containers:
      - name: server
        env:
        - {name: MODEL_STAGE, value: staging}
        - {name: MODEL_VERSION, value: "2"}
"""
OVERLAY = """\
# iris on staging
resources:
- ../base
patches:
- path: release.yaml        # the pin
"""
LAYERED = {
    "iris/base/kustomization.yaml": "resources: [deployment.yaml]\n",
    "iris/base/deployment.yaml": BASE,
    "iris/staging/kustomization.yaml": OVERLAY,
    "iris/staging/release.yaml": PATCH,
}
PLAIN = BASE + "        env:\n        - {name: MODEL_STAGE, value: staging}\n"


def changed(
    files: dict[str, str], image: Reference = IMAGE, folder: str = "iris/staging", digest: str = DIGEST
) -> dict[str, str]:
    own = frozenset(path for path in files if path.startswith(folder))
    path, carrier = pins.carrier({each: files[each] for each in own}, "iris")
    place = images.find(files, own, path, carrier)
    change = images.edit(files, place, image, digest)
    assert {path: files[path] for path in change.before} == change.before
    again = images.edit(files | dict(change.after), place_of(files | dict(change.after), own), image, digest)
    assert again.before == again.after, "the second time changes nothing"
    return dict(change.after)


def place_of(files: dict[str, str], own: frozenset[str]) -> images.Place:
    return images.find(files, own, *pins.carrier({each: files[each] for each in own}, "iris"))


def test_a_kustomization_without_an_image_gets_one_and_the_base_stays_unchanged() -> None:
    ((path, after),) = changed(LAYERED).items()
    assert path == "iris/staging/kustomization.yaml"
    assert after == OVERLAY + (
        "images:\n"
        "- name: ghcr.io/callboard/model-server\n"
        "  newName: registry.acme.io/ml/model-server\n"
        '  newTag: "0.1.0-gabc"\n'
        f"  digest: {DIGEST}\n"
    )


def test_an_image_of_the_same_name_needs_no_new_one() -> None:
    (after,) = changed(LAYERED, SAME).values()
    assert list(yaml.safe_load(after)["images"][0]) == ["name", "newTag", "digest"]


@pytest.mark.parametrize(
    "entry",
    [
        '- name: ghcr.io/callboard/model-server   # ours\n  newTag: "0.1.0"\n',
        "- name: ghcr.io/callboard/model-server\n  newName: old.acme.io/server\n  digest: sha256:11\n",
        "- {name: ghcr.io/callboard/model-server, newTag: '0.1.0'}\n",
        "- name: ghcr.io/callboard/model-server\n",
        "- name: busybox\n  newTag: '2'\n",
        "  - name: busybox\n    newTag: '2'   # indented\n",
    ],
)
def test_other_images_of_a_kustomization_are_kept_and_missing_keys_added(entry: str) -> None:
    before = OVERLAY + "images:\n" + entry + "namePrefix: a-\n"
    (after,) = changed(LAYERED | {"iris/staging/kustomization.yaml": before}).values()
    said, was = yaml.safe_load(after), yaml.safe_load(before)
    found = {each["name"]: each for each in said["images"]}["ghcr.io/callboard/model-server"]
    assert (found["newName"], found["newTag"], found["digest"]) == (IMAGE.repository, IMAGE.tag, DIGEST)
    assert [each for each in was["images"] if each["name"] == "busybox"] == said["images"][: "busybox" in entry]
    assert {key: said[key] for key in was if key != "images"} == {key: was[key] for key in was if key != "images"}
    assert [line for line in after.splitlines() if "#" in line] == [line for line in before.splitlines() if "#" in line]


def test_without_a_kustomization_the_deployment_itself_is_changed_in_that_one_value() -> None:
    (after,) = changed({"iris/staging/all.yaml": PLAIN}).values()
    wanted = PLAIN.replace("ghcr.io/callboard/model-server:0.1.0 ", f"{IMAGE}@{DIGEST} ")
    assert after == wanted


def test_a_patch_that_names_the_image_is_changed_itself() -> None:
    patch = PATCH.replace("- name: server\n", "- name: server\n        image: 'ghcr.io/callboard/model-server:7'\n")
    ((path, after),) = changed(LAYERED | {"iris/staging/release.yaml": patch}).items()
    assert path == "iris/staging/release.yaml"
    assert after == patch.replace("ghcr.io/callboard/model-server:7", f"{IMAGE}@{DIGEST}")


def test_a_pin_in_a_configmap_leads_to_the_container_that_takes_it() -> None:
    generator = (
        "configMapGenerator:\n- name: pin\n  literals: [MODEL_STAGE=staging, MODEL_VERSION=2]\nresources: [../base]\n"
    )
    base = BASE + "        envFrom: [{configMapRef: {name: pin}}]\n"
    files = LAYERED | {"iris/base/deployment.yaml": base, "iris/staging/kustomization.yaml": generator}
    (after,) = changed({path: text for path, text in files.items() if "release" not in path}).values()
    assert yaml.safe_load(after)["images"][0]["digest"] == DIGEST


def test_a_base_that_renames_the_image_is_followed() -> None:
    base = "resources: [deployment.yaml]\nimages: [{name: ghcr.io/callboard/model-server, newName: mirror.io/server}]\n"
    (after,) = changed(LAYERED | {"iris/base/kustomization.yaml": base}).values()
    assert yaml.safe_load(after)["images"][0]["name"] == "mirror.io/server"


def test_the_ports_are_those_of_the_container_in_any_file() -> None:
    own = frozenset({"iris/staging/kustomization.yaml", "iris/staging/release.yaml"})
    assert place_of(LAYERED, own).ports == {8080}


TWICE = "images:\n- name: ghcr.io/callboard/model-server\n- name: ghcr.io/callboard/model-server\n"
RELEASE, ALL = Name("iris/staging/release.yaml"), Name("iris/staging/all.yaml")
KUSTOMIZATION = Name("iris/staging/kustomization.yaml")
ANCHORED = PLAIN.replace("image: ghcr", "image: &server ghcr") + "        - {name: IMAGE, value: *server}\n"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"iris/staging/release.yaml": PATCH},
            ImageNowhere(file=RELEASE, line=10, files=(RELEASE,)),
        ),
        (
            {path: LAYERED[path] for path in LAYERED if path != KUSTOMIZATION},
            ImageShared(file=RELEASE, shared=Name("iris/base/deployment.yaml")),
        ),
        (
            {ALL: PLAIN.replace("0.1.0 ", "$(TAG) ")},
            NotEditable(file=ALL, line=11, why=ImageFilledIn(value=Said("ghcr.io/callboard/model-server:$(TAG)"))),
        ),
        ({ALL: ANCHORED}, NotEditable(file=ALL, line=11, why=ImageUsedByAlias())),
        (
            LAYERED | {KUSTOMIZATION: OVERLAY + "images: []\n"},
            NotEditable(file=KUSTOMIZATION, line=6, why=LayoutNotEditable()),
        ),
        (
            LAYERED | {KUSTOMIZATION: '{"resources": ["../base"]}'},
            NotEditable(file=KUSTOMIZATION, line=1, why=LayoutNotEditable()),
        ),
        (
            LAYERED | {KUSTOMIZATION: OVERLAY + TWICE},
            NotEditable(file=KUSTOMIZATION, line=8, why=ImageNamedTwice(image=Name("ghcr.io/callboard/model-server"))),
        ),
    ],
    ids=["no image", "shared", "template", "alias", "empty list", "JSON", "twice"],
)
def test_an_image_that_cannot_be_written_safely_is_refused(files: dict[str, str], why: Reason) -> None:
    with pytest.raises(Permanent) as refused:
        changed(files)
    assert refused.value.reason == why
