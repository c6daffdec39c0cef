"""app.yaml: which model goes to which stage, and the rules of each stage.

Each mistake is reported with its file, its line and what was expected; all mistakes at once.  A key that this release
does not enforce is refused, because an unenforced rule would be worse than none.  Addresses and secrets come from the
environment (see `environment`).  `docs/configuration.md` is the manual.
"""

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from yaml.nodes import MappingNode, Node

from bot.config import policies
from bot.config.environment import Environment, Secret
from bot.config.nodes import Reader
from bot.config.policies import Stages
from bot.config.verification import verify
from bot.domain.errors import Permanent, UserError
from bot.domain.policy import Policy
from bot.domain.reason import Name
from bot.domain.reasons.configuration import ModelNotConfigured, NotPartOfAPath, PathInvalid, StageNotConfigured
from bot.domain.target import Target

__all__ = ["Config", "Environment", "Rules", "Secret", "load", "parse", "read"]

TOP_KEYS: Final = ("repository", "manifests", "channel", "stages", "models")
MODEL_KEYS: Final = ("repository", "manifests", "channel", "stages", "verify")
WILD: Final = frozenset("*?[")
"""What makes a model's name in app.yaml a pattern."""
REPOSITORY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*)/(?!\.{1,2}$)[A-Za-z0-9_.-]+")
MODEL: Final = re.compile(r"(?!\.{1,2}$)[^/:\\\x00-\x1f\x7f]{1,256}")
"""A model name that MLflow accepts: without / and :, and not `.` or `..`.
https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/utils/validation.py"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings of some models: a name or a pattern, and what applies to them."""

    pattern: str = "*"
    channel: str | None = None
    manifests: str | None = None
    stages: Stages

    def match(self, model: str) -> bool:
        """Return whether these rules apply to the model."""
        return self.pattern == model or fnmatchcase(model, self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Which models go to which stages, and the rules."""

    repository: str
    """`owner/name` of the repository that holds all manifests."""
    manifests: str = "manifests/{model}/{stage}"
    channel: str = "#ml-releases"
    stages: tuple[str, ...]
    """In the order in which a version passes through them."""
    policies: Stages
    """What each stage requires, unless a model overrides it."""
    rules: tuple[Rules, ...] = field(default=())
    """The most specific first.  The first match applies; a model without a match is not served."""

    def has(self, model: str) -> bool:
        """Return whether Callboard serves a model of that name; never if the name cannot be part of a path."""
        return bool(MODEL.fullmatch(model)) and any(rules.match(model) for rules in self.rules)

    def stages_of(self, model: str) -> tuple[str, ...]:
        """Return a model's stages in order; empty for a model that is not served."""
        return tuple(self._rules(model).stages) if self.has(model) else ()

    def policy(self, target: Target) -> Policy:
        """Return the stage's policy for the model.

        Raises:
            Permanent: app.yaml does not have this target (any more).
        """
        stages = self._rules(target.model).stages
        if target.stage not in stages:
            raise Permanent(
                StageNotConfigured(model=Name(target.model), stage=Name(target.stage), stages=tuple(map(Name, stages)))
            )
        return stages[target.stage]

    @property
    def groups(self) -> frozenset[str]:
        """Return all user groups in the configuration."""
        those = [policy for stages in (self.policies, *(r.stages for r in self.rules)) for policy in stages.values()]
        return frozenset(name for policy in those for name in policies.people(policy) if name.startswith("@"))

    @property
    def needs_own_cluster(self) -> bool:
        """Return whether a target names no `cluster`: it runs in the cluster of the bot, or of its kubeconfig."""
        return any(policy.cluster is None for rules in self.rules for policy in rules.stages.values())

    def channel_of(self, model: str) -> str:
        """Return the channel of a model's messages."""
        return (self._rules(model).channel if self.has(model) else None) or self.channel

    def repository_of(self, model: str) -> str:
        """Return the repository of a model's manifests; in this release there is only one."""
        self._rules(model)
        return self.repository

    def folder(self, target: Target) -> str:
        """Return the path of the target's manifests in the repository: a folder, or one file.

        Raises:
            Permanent: the model is not served, or its name would lead to another path.
        """
        if not MODEL.fullmatch(target.model) or not policies.NAME.fullmatch(target.stage):
            raise Permanent(NotPartOfAPath(model=Name(target.model), stage=Name(target.stage)))
        template = self._rules(target.model).manifests or self.manifests
        path = _filled(template, target.model, target.stage)
        if {"", ".", ".."} & set(path.split("/")):
            raise Permanent(PathInvalid(model=Name(target.model), template=Name(template), path=Name(path)))
        return path

    def reads(self, target: Target, path: str) -> bool:
        """Return whether a file is among the target's manifests; False for a target that app.yaml does not have."""
        inside = {path, path.rpartition("/")[0]}
        return target.stage in self.stages_of(target.model) and self.folder(target) in inside

    def readers(self, path: str) -> tuple[Target, ...]:
        """Return the targets with a file among their manifests, of the models that app.yaml names without a pattern."""
        inside = {path, path.rpartition("/")[0]}
        return tuple(
            Target(model=rules.pattern, stage=stage)
            for rules in self.rules
            if not WILD & set(rules.pattern)
            for stage in rules.stages
            if _filled(rules.manifests or self.manifests, rules.pattern, stage) in inside
        )

    def previous_stage(self, target: Target) -> str | None:
        """Return the stage that a version is promoted from: `after` of the policy, or the preceding stage.

        Raises:
            Permanent: app.yaml does not have this target (any more).
        """
        after, stages = self.policy(target).after, self.stages_of(target.model)
        return after or next((stages[i - 1] for i, stage in enumerate(stages) if i and stage == target.stage), None)

    def _rules(self, model: str) -> Rules:
        found = next((rules for rules in self.rules if rules.match(model)), None)
        if found is None:
            raise Permanent(ModelNotConfigured(model=Name(model)))
        return found


def _filled(template: str, model: str, stage: str) -> str:
    names = {"{model}": model, "{stage}": stage}
    return re.sub(r"\{(?:model|stage)\}", lambda found: names[found[0]], template)


def load(path: Path) -> Config:
    """Load app.yaml.

    Raises:
        UserError: every mistake in it, one per line, as `file:line: what is wrong, what was expected`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}; set the path with --config or CALLBOARD_CONFIG"
        raise UserError(message) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text") from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "app.yaml") -> Config:
    """Parse the text of an app.yaml.

    Raises:
        UserError: as `load`.
    """
    reader = Reader(name)
    document = reader.document(text)
    app = None if reader.mistakes else _app(reader, document)  # a broken document cannot be checked any further
    if app is None or reader.mistakes:
        raise UserError("\n".join(reader.mistakes))
    return app


def read(path: Path) -> tuple[Config, Environment]:
    """Load app.yaml and this process's environment.

    Raises:
        UserError: every mistake in both.
    """
    mistakes = []
    try:
        app = load(path)
    except UserError as error:
        mistakes.append(str(error))
    try:
        environment = Environment.read(os.environ)
    except UserError as error:
        mistakes.append(str(error))
    if mistakes:
        raise UserError("\n".join(mistakes))
    return app, environment


def _app(read: Reader, node: Node | None) -> Config:
    top = read.mapping(node, TOP_KEYS, later=policies.LATER)
    if "repository" not in top and (node is None or isinstance(node, MappingNode)):
        read.mistake(
            node, "`repository` is missing; expected `repository: owner/name`, the repository with the manifests"
        )
    repository = read.text(top.get("repository"), REPOSITORY, "owner/name, such as acme/models-gitops") or ""
    stages = policies.stages(read, top["stages"]) if "stages" in top else policies.DEFAULT
    rules = _models(read, top["models"], stages, repository) if "models" in top else [Rules(stages=stages)]
    return Config(
        repository=repository,
        manifests=read.path(top.get("manifests")) or "manifests/{model}/{stage}",
        channel=read.channel(top.get("channel")) or "#ml-releases",
        stages=tuple(stages),
        policies=stages,
        rules=tuple(sorted(rules, key=_specific, reverse=True)),
    )


def _models(read: Reader, node: Node, stages: Stages, repository: str) -> list[Rules]:
    found = []
    for key, pattern, value in read.entries(node):
        if not MODEL.fullmatch(pattern):
            read.mistake(
                key, f"`{pattern}` is not a valid model name; expected a name without `/` and `:`, or a pattern"
            )
        found.append(_model(read, pattern, value, stages, repository))
    if not found:
        read.mistake(node, "`models` is empty; add a model, or remove `models` to serve every model of the registry")
    return found


def _model(read: Reader, pattern: str, node: Node, stages: Stages, repository: str) -> Rules:
    own = read.mapping(node, MODEL_KEYS, later=policies.LATER)
    other = read.text(own.get("repository"), REPOSITORY, "owner/name")
    if repository and other not in {None, repository}:
        read.mistake(
            own["repository"], f"this release supports a single repository for all manifests; expected {repository}"
        )
    if "verify" in own:
        stages = policies.verified(stages, verify(read, own["verify"]))
    return Rules(
        pattern=pattern,
        channel=read.channel(own.get("channel")),
        manifests=read.path(own.get("manifests")),
        stages=policies.own_stages(read, own["stages"], stages) if "stages" in own else stages,
    )


def _specific(rules: Rules) -> tuple[bool, int]:
    """Return a sort key: a plain name ranks above any pattern, then the pattern with more literal characters."""
    return not WILD & set(rules.pattern), len(re.sub(r"[*?]|\[[^]]*\]", "", rules.pattern))
