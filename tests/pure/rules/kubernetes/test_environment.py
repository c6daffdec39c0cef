"""A container's environment is that of the kubelet, as far as the template and the ConfigMaps tell it."""

from typing import Any

import pytest

from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.configmaps import ConfigMapMissing, KeyMissing
from bot.domain.reasons.told import Told
from bot.domain.target import Pin
from bot.rules.kubernetes.environment import environment
from bot.rules.kubernetes.workloads import pin_of, why_unknown
from tests.fixtures.workload import configmap, deployment, template

PIN: Json = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production", "MODEL_VERSION": "3"}
RELEASE = configmap("release", **PIN)
SETTINGS = configmap("settings", LOG_LEVEL="info")
UNREAD = Told(text=Said("forbidden"))


def every(name: str, **more: Any) -> Json:
    """Return what takes all keys of a ConfigMap."""
    optional = {"optional": more.pop("optional")} if "optional" in more else {}
    return {"configMapRef": {"name": name} | optional} | more


def one(name: str, key: str, of: str = "release", **more: bool) -> Json:
    """Return a variable that takes one key of a ConfigMap."""
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": of, "key": key} | more}}


def plain(**env: str) -> list[Json]:
    return [{"name": name, "value": value} for name, value in env.items()]


def pinned(*maps: Json, why: Reason | None = None, **container: Any) -> Pin | None:
    """Return the pin of a Deployment whose container is such, where these ConfigMaps exist."""
    workload = deployment()
    workload["spec"]["template"] = template(3, **({"env": []} | container))
    return pin_of(workload, "production", why or {each["metadata"]["name"]: each for each in maps})


V3 = Pin(stage="production", version=3)
V4 = configmap("newer", MODEL_VERSION="4")


@pytest.mark.parametrize(
    ("container", "pin"),
    [
        ({"envFrom": [every("release")]}, V3),
        ({"env": [one("MODEL_STAGE", "MODEL_STAGE"), one("MODEL_VERSION", "MODEL_VERSION")]}, V3),
        ({"env": [*plain(MODEL_STAGE="production"), one("MODEL_VERSION", "MODEL_VERSION")]}, V3),
        ({"env": plain(MODEL_STAGE="production"), "envFrom": [every("release")]}, V3),
        ({"env": plain(MODEL_VERSION="5"), "envFrom": [every("release")]}, Pin(stage="production", version=5)),
        ({"envFrom": [every("release"), every("newer")]}, Pin(stage="production", version=4)),
        ({"envFrom": [every("newer"), every("release")]}, V3),
        ({"envFrom": [every("release"), every("newer", prefix="OLD_")]}, V3),
        ({"envFrom": [every("release"), every("settings")]}, V3),
        ({"envFrom": [every("release"), every("gone", optional=True)]}, V3),
        ({"env": [one("MODEL_VERSION", "MODEL_X", optional=True)], "envFrom": [every("release")]}, V3),
        ({"env": [one("MODEL_VERSION", "X", "gone", optional=True)], "envFrom": [every("release")]}, V3),
        ({"envFrom": [every("release"), {"secretRef": {"name": "token"}}]}, V3),
        ({"env": plain(MODEL_STAGE="production")}, Pin(stage="production", version=None)),
        (
            {"env": plain(MODEL_STAGE="production"), "envFrom": [every("settings")]},
            Pin(stage="production", version=None),
        ),
    ],
)
def test_the_pin_is_what_the_pods_get(container: Json, pin: Pin) -> None:
    assert pinned(RELEASE, V4, SETTINGS, **container) == pin


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [every("gone")]},
        {"envFrom": [every("release"), every("gone")]},
        {"env": [*plain(MODEL_STAGE="production"), one("MODEL_VERSION", "MODEL_X")]},
        {"env": [*plain(MODEL_STAGE="production"), one("MODEL_VERSION", "MODEL_VERSION", "gone")]},
        {"env": [{"name": "MODEL_VERSION", "valueFrom": {"secretKeyRef": {}}}], "envFrom": [every("release")]},
        {"env": plain(MODEL_STAGE="production"), "envFrom": [every("newer", prefix="MODEL_")]},
        {"env": [one("MODEL_VERSION", "version", optional=True)], "envFrom": [every("release")]},
    ],
)
def test_what_cannot_be_known_is_no_pin(container: Json) -> None:
    assert pinned(RELEASE, V4, **container) is None


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({"envFrom": [every("gone")]}, ConfigMapMissing(configmap=Name("gone"))),
        ({"env": [one("MODEL_STAGE", "MODEL_X")]}, KeyMissing(configmap=Name("release"), key=Name("MODEL_X"))),
        ({"env": [{"name": "MODEL_STAGE", "valueFrom": {"secretKeyRef": {}}}]}, None),
    ],
)
def test_what_is_missing_is_told(container: Json, why: Reason | None) -> None:
    workload = deployment()
    workload["spec"]["template"] = template(3, **({"env": []} | container))
    assert why_unknown(workload, {"release": RELEASE}) == why
    assert why_unknown(workload, UNREAD) == (UNREAD if why is not None else None)


@pytest.mark.parametrize(
    ("container", "pin"),
    [
        ({"env": plain(**PIN), "envFrom": [every("settings")]}, V3),
        ({"env": plain(MODEL_STAGE="production"), "envFrom": [every("release")]}, None),
        ({"env": [*plain(MODEL_STAGE="production"), one("MODEL_VERSION", "MODEL_VERSION")]}, None),
        ({"envFrom": [every("release")]}, None),
    ],
)
def test_configmaps_that_may_not_be_read_leave_what_they_hold_unknown(container: Json, pin: Pin | None) -> None:
    assert pinned(why=UNREAD, **container) == pin


def test_where_the_pin_is_in_no_configmap_others_make_no_difference() -> None:
    """Most workloads take some settings from one, and Callboard does not read it."""
    workload = deployment()
    workload["spec"]["template"] = template(env=plain(MODEL_STAGE="production"), envFrom=[every("settings")])
    assert pin_of(workload, "production") == Pin(stage="production", version=None)


def test_each_variable_has_the_configmap_that_it_is_from() -> None:
    container = {"env": plain(MODEL_STAGE="production"), "envFrom": [every("release"), every("newer")]}
    found = environment(container, {"release": RELEASE, "newer": V4})
    assert {name: each.configmap for name, each in found.items()} == {
        "MODEL_NAME": "release",
        "MODEL_STAGE": None,
        "MODEL_VERSION": "newer",
    }
