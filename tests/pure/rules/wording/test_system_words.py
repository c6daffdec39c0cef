"""What people read when an outside system does not do something: what happened, why, and what to do."""

from datetime import timedelta

import pytest

from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import cluster, github, registry, slack, systems
from bot.rules.wording.reasons import plain

REQUEST = systems.Request(name=Name("GET /branches/main"))
LISTING = cluster.Listing(kind=Name("pods"), namespace=Name("models"))

SENTENCES: list[tuple[Reason, str]] = [
    (
        systems.Unreachable(system=systems.GITHUB, during=REQUEST, cause=systems.ConnectionFailed()),
        "GitHub cannot be reached for GET /branches/main: the connection failed"
        "; if this lasts, check the network and GitHub's status page",
    ),
    (
        systems.TimedOut(system=systems.MLFLOW, at=Name("http://mlflow:5000"), within=timedelta(seconds=10)),
        "MLflow at http://mlflow:5000 did not answer within 10 seconds"
        "; if this lasts, check that the MLflow server is running, and MLFLOW_TRACKING_URI",
    ),
    (
        systems.Failing(system=systems.CLUSTER, during=LISTING, status=503, said=Said("etcd is down")),
        "the cluster could not complete listing pods in models (503: etcd is down): it is overloaded or unhealthy"
        "; if this lasts, check the API server, and the network to it",
    ),
    (
        systems.Malformed(system=systems.GITHUB, at=Name("https://ghe.test"), cause=systems.UnexpectedForm()),
        "what answered at https://ghe.test is not GitHub: its answer does not have the documented form"
        "; check GITHUB_API_URL",
    ),
    (
        github.NotMerged(number=7, said=Said("Cannot change this locked branch"), cause=github.BranchLocked()),
        "GitHub did not merge pull request 7 (Cannot change this locked branch)"
        ": unlock the branch in the repository's settings, or merge it once it is unlocked",
    ),
    (
        slack.ScopeMissing(method=Name("chat.update"), scope=Name("chat:write")),
        "Slack's chat.update needs the scope chat:write; add it under OAuth and Permissions and reinstall the app",
    ),
    (
        registry.HostRefused(address=Name("http://m"), host=Name("m"), said=Said("Invalid Host header")),
        "MLflow at http://m refused the request (403: Invalid Host header)"
        "; start the MLflow server with --allowed-hosts 'm,m:*'",
    ),
    (
        cluster.KubeconfigUnusable(path=Name("/nope"), cause=cluster.NotYAML(line=3)),
        "cannot connect to Kubernetes: /nope cannot be used (line 3 is not YAML); set KUBECONFIG to a valid file",
    ),
]


@pytest.mark.parametrize(("reason", "sentence"), SENTENCES)
def test_a_sentence_says_what_happened_why_and_what_to_do(reason: Reason, sentence: str) -> None:
    assert plain(reason) == sentence


def test_a_long_message_of_the_cluster_is_whole_in_plain_text() -> None:
    words = "exceeded quota: " * 50
    assert words.strip() in plain(cluster.Refused(during=LISTING, status=422, said=Said(words)))
