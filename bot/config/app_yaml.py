"""app.yaml: what is released where, read once and checked whole.

A mistake is reported with its file, its line and what was expected; all mistakes at once.  A key that this release does
not enforce is refused: a rule that is written down and not kept would be worse than none.  Addresses and secrets come
from the environment (see `environment`).  `docs/configuration.md` is the manual.
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
from bot.domain.errors import Misunderstood, Permanent
from bot.domain.policy import Policy
from bot.domain.target import Pair

__all__ = ["App", "Environment", "Rules", "Secret", "load", "parse", "read"]

TOP_KEYS: Final = ("repository", "manifests", "channel", "stages", "models")
MODEL_KEYS: Final = ("repository", "manifests", "channel", "stages")
REPOSITORY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*)/(?!\.{1,2}$)[A-Za-z0-9_.-]+")
MODEL: Final = re.compile(r"(?!\.{1,2}$)[^/:\\\x00-\x1f\x7f]{1,256}")
"""A name that MLflow takes: any but with / or :, or one that names another path.
https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/utils/validation.py"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is said of some models: a name or a pattern, and what holds for them."""

    pattern: str = "*"
    channel: str | None = None
    manifests: str | None = None
    stages: Stages

    def match(self, model: str) -> bool:
        """Say whether these rules are about that model."""
        return self.pattern == model or fnmatchcase(model, self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What is released where."""

    repository: str
    """`owner/name` of the repository that holds all manifests."""
    manifests: str = "manifests/{model}/{stage}"
    channel: str = "#ml-releases"
    stages: tuple[str, ...]
    """In the order in which a version goes through them."""
    policies: Stages
    """What each stage demands where a model says nothing else."""
    rules: tuple[Rules, ...] = field(default=())
    """The most specific first.  The first that matches a model is the one that holds; none: not served."""

    def has(self, model: str) -> bool:
        """Say whether Callboard looks after a model of that name; never if the name cannot be a part of a path."""
        return bool(MODEL.fullmatch(model)) and any(rules.match(model) for rules in self.rules)

    def stages_of(self, model: str) -> tuple[str, ...]:
        """Return the stages that a model is released to, in their order; none for a model that is not served."""
        return tuple(self._rules(model).stages) if self.has(model) else ()

    def policy(self, pair: Pair) -> Policy:
        """Return what the stage demands of the model.

        Raises:
            Permanent: app.yaml knows no such pair (any more).
        """
        stages = self._rules(pair.model).stages
        if pair.stage not in stages:
            raise Permanent(
                f"app.yaml has no stage {pair.stage} for {pair.model} (any more); it has {', '.join(stages)}"
            )
        return stages[pair.stage]

    @property
    def groups(self) -> frozenset[str]:
        """Return the user groups that are named anywhere."""
        those = [policy for stages in (self.policies, *(r.stages for r in self.rules)) for policy in stages.values()]
        return frozenset(name for policy in those for name in policies.people(policy) if name.startswith("@"))

    def channel_of(self, model: str) -> str:
        """Return where a model's messages go."""
        return (self._rules(model).channel if self.has(model) else None) or self.channel

    def repository_of(self, model: str) -> str:
        """Return the repository of a model's manifests: in this release the one that holds all."""
        self._rules(model)
        return self.repository

    def folder(self, pair: Pair) -> str:
        """Return where in the repository the manifests of the pair are: a folder, or one file.

        Raises:
            Permanent: the model is not served, or its name would name another path.
        """
        if not MODEL.fullmatch(pair.model) or not policies.NAME.fullmatch(pair.stage):
            raise Permanent(f"the name `{pair.model}` (on `{pair.stage}`) cannot be a part of a path")
        template = self._rules(pair.model).manifests or self.manifests
        names = {"{model}": pair.model, "{stage}": pair.stage}
        path = re.sub(r"\{(?:model|stage)\}", lambda found: names[found[0]], template)
        if {"", ".", ".."} & set(path.split("/")):
            raise Permanent(f"the name `{pair.model}` makes `{path}` of {template}, which is no path")
        return path

    def previous_stage(self, pair: Pair) -> str | None:
        """Return the stage that a version comes from: the one that policy names, else the one before in order.

        Raises:
            Permanent: app.yaml knows no such pair (any more).
        """
        after, stages = self.policy(pair).after, self.stages_of(pair.model)
        return after or next((stages[i - 1] for i, stage in enumerate(stages) if i and stage == pair.stage), None)

    def _rules(self, model: str) -> Rules:
        found = next((rules for rules in self.rules if rules.match(model)), None)
        if found is None:
            raise Permanent(f"app.yaml names no model {model} (any more); add it under `models`")
        return found


def load(path: Path) -> App:
    """Return what app.yaml says.

    Raises:
        Misunderstood: every mistake in it, one on a line, as `file:line: what was wrong, what was expected`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        told = f"{path}: cannot be read: {error.strerror}; name app.yaml in --config or CALLBOARD_CONFIG"
        raise Misunderstood(told) from error
    except UnicodeDecodeError as error:
        raise Misunderstood(f"{path}: is not UTF-8 text") from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "app.yaml") -> App:
    """Return what the text of an app.yaml says.

    Raises:
        Misunderstood: as `load`.
    """
    reader = Reader(name)
    document = reader.document(text)
    app = None if reader.mistakes else _app(reader, document)  # of a broken document nothing else can be said
    if app is None or reader.mistakes:
        raise Misunderstood("\n".join(reader.mistakes))
    return app


def read(path: Path) -> tuple[App, Environment]:
    """Return what app.yaml and this process's environment say.

    Raises:
        Misunderstood: every mistake in both.
    """
    mistakes = []
    try:
        app = load(path)
    except Misunderstood as error:
        mistakes.append(str(error))
    try:
        environment = Environment.read(os.environ)
    except Misunderstood as error:
        mistakes.append(str(error))
    if mistakes:
        raise Misunderstood("\n".join(mistakes))
    return app, environment


def _app(read: Reader, node: Node | None) -> App:
    top = read.mapping(node, TOP_KEYS, later=policies.LATER)
    if "repository" not in top and (node is None or isinstance(node, MappingNode)):
        read.mistake(node, "`repository` is missing; expected `repository: owner/name`, where the manifests live")
    repository = read.text(top.get("repository"), REPOSITORY, "owner/name, such as acme/models-gitops") or ""
    stages = policies.stages(read, top["stages"]) if "stages" in top else policies.DEFAULT
    rules = _models(read, top["models"], stages, repository) if "models" in top else [Rules(stages=stages)]
    return App(
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
            read.mistake(key, f"`{pattern}` cannot be a model's name; expected one without `/` and `:`, or a pattern")
        found.append(_model(read, pattern, value, stages, repository))
    if not found:
        read.mistake(node, "`models` names none; name some, or leave `models` out to serve every model of the registry")
    return found


def _model(read: Reader, pattern: str, node: Node, stages: Stages, repository: str) -> Rules:
    own = read.mapping(node, MODEL_KEYS, later=policies.LATER)
    other = read.text(own.get("repository"), REPOSITORY, "owner/name")
    if repository and other not in {None, repository}:
        read.mistake(own["repository"], f"one repository holds all manifests in this release; expected {repository}")
    return Rules(
        pattern=pattern,
        channel=read.channel(own.get("channel")),
        manifests=read.path(own.get("manifests")),
        stages=policies.own_stages(read, own["stages"], stages) if "stages" in own else stages,
    )


def _specific(rules: Rules) -> tuple[bool, int]:
    """Order rules: a plain name before any pattern, then the pattern with more of its own letters."""
    return not set("*?[") & set(rules.pattern), len(re.sub(r"[*?]|\[[^]]*\]", "", rules.pattern))
