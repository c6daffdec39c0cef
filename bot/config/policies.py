"""The `stages` of app.yaml, read as policies.

To add a requirement, add a field of `Policy`, and one line in FIELDS that says how it is read.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from yaml.nodes import Node, ScalarNode

from bot.config.nodes import Reader, is_null, meant
from bot.config.verification import verify
from bot.domain.policy import ANYONE, OnFailure, Policy, Window
from bot.domain.target import NAMESPACE, WORKLOAD
from bot.domain.verification import Verify
from bot.rules.parsing.clusters import CLUSTER

Stages: TypeAlias = Mapping[str, Policy]
"""The policy of each stage, in the order in which a version passes through them."""

NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A stage is also a registry alias, and part of branch names and workload names."""
LATER: Final = frozenset({"gates"})
"""Planned keys that a later release will enforce."""
DEFAULT: Final[Stages] = {
    "staging": Policy(auto=True, approvals=0),
    "production": Policy(after="staging", approvals=1),
}
"""The stages of an app.yaml without `stages`."""


def _after(read: Reader, node: Node) -> dict[str, Any]:
    if is_null(node) or (isinstance(node, ScalarNode) and node.value == "none"):
        return {"after": None, "healthy_for": timedelta(0)}
    own = {"stage": node} if isinstance(node, ScalarNode) else read.mapping(node, ("stage", "healthy_for"))
    stage = read.text(own.get("stage"), NAME, "the name of a stage")
    if "stage" not in own:
        read.mistake(node, "`after` has no `stage`; expected `{stage: staging, healthy_for: 1h}`")
    return {
        "after": stage,
        "healthy_for": read.duration(own["healthy_for"]) if "healthy_for" in own else timedelta(0),
    }


def _rollback(read: Reader, node: Node) -> dict[str, Any]:
    own = read.mapping(node, ("automatic", "approvals", "requesters"))
    found: dict[str, Any] = {}
    if "automatic" in own:
        found["on_failure"] = OnFailure.ROLLBACK if read.flag(own["automatic"]) else OnFailure.NOTHING
    if "approvals" in own:
        found["rollback_approvals"] = read.count(own["approvals"])
    if "requesters" in own:
        found["rollback_requesters"] = read.people_or_anyone(own["requesters"])
    return found


def _freeze(read: Reader, node: Node) -> dict[str, Any]:
    return {"freeze": tuple(_window(read, each) for each in read.items(node))}


def _window(read: Reader, node: Node) -> Window:
    own = read.mapping(node, ("cron", "for", "timezone"))
    for name in ("cron", "for"):
        if name not in own:
            example = 'expected, for example, `{cron: "0 16 * * FRI", for: 64h, timezone: Europe/Berlin}`'
            read.mistake(node, f"this freeze has no `{name}`; {example}")
    return Window(
        cron=read.cron(own["cron"]) if "cron" in own else "",
        length=read.duration(own["for"]) if "for" in own else timedelta(0),
        timezone=read.zone(own["timezone"]) if "timezone" in own else "UTC",
    )


def _or_anyone(read: Reader, node: Node) -> tuple[str, ...]:
    return read.people_or_anyone(node, (ANYONE,))


def _one(field: str, value: Callable[[Reader, Node], object], read: Reader, node: Node) -> dict[str, Any]:
    return {field: value(read, node)}


def _same(**keys: Callable[[Reader, Node], object]) -> dict[str, Callable[[Reader, Node], dict[str, Any]]]:
    """Return how to read keys that set the one field of their name."""
    return {key: partial(_one, key, value) for key, value in keys.items()}


FIELDS: Final[Mapping[str, Callable[[Reader, Node], dict[str, Any]]]] = {
    **_same(
        auto=Reader.flag,
        approvals=Reader.count,
        approvers=Reader.people,
        requester_may_approve=Reader.flag,
        expires=Reader.duration,
        watch=Reader.duration,
        timeout=Reader.duration,
        requesters=Reader.people_or_anyone,
        may_freeze=_or_anyone,
        may_override=_or_anyone,
        on_failure=lambda read, node: read.choice(node, OnFailure),
        verify=verify,
        namespace=lambda read, node: read.written(node, NAMESPACE, "a namespace such as models or {model}-{stage}"),
        workload=lambda read, node: read.written(node, WORKLOAD, "a workload's name such as {model}-{stage}"),
        cluster=lambda read, node: read.written(
            node,
            CLUSTER,
            "the name of a context of the bot's kubeconfig, or a path such as /etc/clusters/prod",
        ),
    ),
    "after": _after,
    "rollback": _rollback,
    "freeze": _freeze,
}
"""How each key of a stage is read: it returns the fields of Policy to set."""


def people(policy: Policy) -> tuple[str, ...]:
    """Return all people and groups in a policy."""
    asking = (*policy.requesters, *policy.rollback_requesters)
    return (*policy.approvers, *asking, *policy.may_freeze, *policy.may_override)


def stages(read: Reader, node: Node) -> Stages:
    """Read the stages of app.yaml."""
    found: dict[str, Policy] = {}
    nodes: dict[str, Node] = {}
    for key, name, value in read.entries(node):
        if not NAME.fullmatch(name):
            read.mistake(key, f"`{name}` is not a valid stage; expected lower-case letters, digits and dashes")
        found[name], nodes[name] = _policy(read, value, Policy()), key
    if not found:
        read.mistake(node, "`stages` is empty; expected, for example, `staging: {auto: true, approvals: 0}`")
    _check(read, found, nodes, found)
    return found


def own_stages(read: Reader, node: Node, above: Stages) -> Stages:
    """Return the stages of one model: its own settings over those `above`; `false` removes a stage."""
    found, nodes = dict(above), dict.fromkeys(above, node)
    for key, name, value in read.entries(node):
        if name not in above:
            read.mistake(key, f"there is no stage `{name}`; {meant(name, above)}")
        elif isinstance(value, ScalarNode) and value.value == "false":
            found.pop(name)
        else:
            found[name], nodes[name] = _policy(read, value, above[name]), key
    if not found:
        read.mistake(node, "no stage is left; to stop serving a model, remove it from `models`")
    gone = above.keys() - found.keys()
    _check(read, found, nodes, [name for name in found if found[name] != above[name] or found[name].after in gone])
    return found


def verified(above: Stages, how: Verify) -> Stages:
    """Return the stages of one model with its own `verify`."""
    return {name: replace(policy, verify=how) for name, policy in above.items()}


def _policy(read: Reader, node: Node, above: Policy) -> Policy:
    fields: dict[str, Any] = {}
    for name, value in read.mapping(node, tuple(FIELDS), later=LATER).items():
        found = FIELDS[name](read, value)
        if "on_failure" in found and "on_failure" in fields:
            read.mistake(value, "`on_failure` and `rollback: {automatic: …}` say the same; leave one")
        fields |= found
    return replace(above, **fields)


def _check(read: Reader, found: Stages, nodes: Mapping[str, Node], names: Iterable[str]) -> None:
    """Record mistakes across keys: an impossible order of stages, or more approvals than approvers."""
    order = list(found)
    for name in names:
        policy, before = found[name], order[: order.index(name)]
        if policy.after is not None and policy.after not in before:
            ask = meant(policy.after, before) if before else f"`{name}` is the first; write `after: none`"
            read.mistake(nodes[name], f"`after: {policy.after}` is not a stage listed above `{name}`; {ask}")
        groups = [who for who in policy.approvers if who.startswith("@")]
        if policy.approvers and not groups and len(policy.approvers) < policy.approvals:
            count = len(policy.approvers)
            read.mistake(
                nodes[name], f"`{name}` needs {policy.approvals} approvals, but `approvers` lists only {count}"
            )
