"""`python -m callboard_demo.training`: train and register the demo's models, on commands from stdin.

A separate process, because MLflow and scikit-learn block; a long-lived one, because importing them takes longer than
the training.  Each command and each reply is a JSON object on one line: `{"do": "seed"}` or `{"do": "train", "model":
…, "quality": …}` in; `{"progress": …}` while it runs, then `{"version": …}`, `{"done": true}` or `{"failed": …}` out.
It exits at the end of stdin.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep

import mlflow
from mlflow.exceptions import MlflowException

from callboard_demo.training.lessons import Candidate, lesson
from callboard_demo.training.registration import Version, register, some_word

SEEDED = "demo.seeded"
"""Tag of a registered model whose first versions are all registered."""
LATER = 0.8
"""Seconds between a version's registration and its metrics, as if an evaluation job followed the training."""
STEP = 0.003
"""How much more accurate a better version should be: small, so that there can be many of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One of the first versions: its approximate accuracy, and its alias."""

    model: str
    accuracy: float
    alias: str
    person: str
    whole: bool = False
    """Its columns are integers; a later version's are floats, which accepts every request that was valid before."""
    extra: tuple[str, ...] = ()
    """Packages that it needs in addition to those of every version."""


SEEDS = (
    Seed(model="iris-classifier", accuracy=0.87, alias="production", person="alice", whole=True),
    Seed(model="iris-classifier", accuracy=0.92, alias="staging", person="bob", extra=("pandas",)),
    Seed(model="churn", accuracy=0.82, alias="production", person="carol", extra=("pandas",)),
    Seed(model="fraud", accuracy=0.83, alias="production", person="alice", extra=("pandas",)),
    Seed(model="demand", accuracy=0.78, alias="production", person="bob", extra=("pandas",)),
)


def seed(progress: Callable[[str], None]) -> None:
    """Register the first versions.  After a kill, it resumes: whatever is registered is complete."""
    client = mlflow.MlflowClient()
    for model in dict.fromkeys(seed.model for seed in SEEDS):
        if SEEDED in _model_tags(client, model):
            continue
        for number, wanted in enumerate((seed for seed in SEEDS if seed.model == model), start=1):
            if not _exists(client, model, number):
                progress(f"training {model} v{number}")
                _register_seed(client, wanted)
            client.set_registered_model_alias(model, wanted.alias, str(number))
        client.set_registered_model_tag(model, SEEDED, "true")


def _register_seed(client: mlflow.MlflowClient, wanted: Seed) -> None:
    learned = lesson(wanted.model)
    taken = {answer for _, _, answer in _registered(client, wanted.model)}
    best = min(
        (c for c in learned.candidates if c.answer not in taken), key=lambda c: abs(c.accuracy - wanted.accuracy)
    )
    version = Version(
        model=wanted.model, candidate=best, quality="seed", person=wanted.person, whole=wanted.whole, extra=wanted.extra
    )
    register(version, learned, metrics_first=True)


def train(model: str, quality: str, progress: Callable[[str], None]) -> int:
    """Register one more version and return its number; its metrics follow shortly after."""
    client = mlflow.MlflowClient()
    learned = lesson(model)
    progress(f"training {model}")
    chosen = choose(learned.candidates, quality, _known(client, model))
    word = some_word() if quality == "broken" else None
    version = Version(
        model=model, candidate=chosen, quality=quality, person="alice", whole=False, extra=("pandas",), word=word
    )
    number, log_metrics = register(version, learned, metrics_first=False)
    progress(f"registered {model} v{number}")
    sleep(LATER)
    log_metrics()
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The registered versions: their accuracies, and their predictions for the input example."""

    aliased: tuple[tuple[float, tuple[str, ...]], ...]
    answers: frozenset[tuple[str, ...]]


def choose(candidates: tuple[Candidate, ...], quality: str, known: Registered) -> Candidate:
    """Return a candidate that is better or worse than the released one, with its own prediction for the input example.

    A broken version looks better until it is started.
    """
    released = max((accuracy for accuracy, _ in known.aliased), default=0.9)
    live = {answer for _, answer in known.aliased}
    unlike = [c for c in candidates if c.answer not in live]
    fresh = [c for c in unlike if c.answer not in known.answers] or unlike
    if quality == "worse":
        below = [c for c in fresh if c.accuracy < released - STEP] or unlike[:1]
        return max(below, key=lambda c: c.accuracy)
    above = [c for c in fresh if c.accuracy > released + STEP] or [c for c in unlike if c.accuracy > released]
    return min(above or unlike[-1:], key=lambda c: c.accuracy)


def _known(client: mlflow.MlflowClient, model: str) -> Registered:
    released = {int(version) for version in client.get_registered_model(model).aliases.values()}
    registered = list(_registered(client, model))
    return Registered(
        aliased=tuple((accuracy, answer) for number, accuracy, answer in registered if number in released),
        answers=frozenset(answer for _, _, answer in registered),
    )


def _registered(client: mlflow.MlflowClient, model: str) -> Iterator[tuple[int, float, tuple[str, ...]]]:
    for version in client.search_model_versions(f"name='{model}'", max_results=200):
        run = client.get_run(version.run_id)
        answer = tuple(json.loads(run.data.tags["demo.answer"]))
        yield int(version.version), run.data.metrics.get("accuracy", 0.0), answer


def _model_tags(client: mlflow.MlflowClient, model: str) -> dict[str, str]:
    try:
        tags: dict[str, str] = client.get_registered_model(model).tags
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    return tags


def _exists(client: mlflow.MlflowClient, model: str, number: int) -> bool:
    return any(int(v.version) == number for v in client.search_model_versions(f"name='{model}'"))


def main() -> None:
    """Run the commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not between the replies

    def answer(**fields: object) -> None:
        answers.write(json.dumps(fields) + "\n")

    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "seed":
                seed(lambda line: answer(progress=line))
                answer(done=True)
            else:
                answer(version=train(command["model"], command["quality"], lambda line: answer(progress=line)))
        except Exception as error:  # noqa: BLE001 - the outermost loop: a command that fails must not end the others
            traceback.print_exc()
            answer(failed=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
