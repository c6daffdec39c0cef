"""The words of every reason, by subject, beside `bot.domain.reasons`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.rules.wording.words import (
    agents,
    approval,
    cluster,
    commands,
    comparison,
    configmaps,
    configuration,
    database,
    github,
    health,
    images,
    inbound,
    lifecycle,
    oci,
    pins,
    places,
    pods,
    registry,
    requests,
    rollout,
    slack,
    systems,
    told,
    verification,
    workloads,
)
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    **agents.WORDS,
    **approval.WORDS,
    **cluster.WORDS,
    **commands.WORDS,
    **comparison.WORDS,
    **configmaps.WORDS,
    **configuration.WORDS,
    **database.WORDS,
    **github.WORDS,
    **health.WORDS,
    **images.WORDS,
    **inbound.WORDS,
    **lifecycle.WORDS,
    **oci.WORDS,
    **pins.WORDS,
    **places.WORDS,
    **pods.WORDS,
    **registry.WORDS,
    **requests.WORDS,
    **rollout.WORDS,
    **slack.WORDS,
    **systems.WORDS,
    **told.WORDS,
    **verification.WORDS,
    **workloads.WORDS,
}
