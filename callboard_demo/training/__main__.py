"""`python -m callboard_demo.training`: the one who trains and registers the demo's models, and takes orders on stdin.

A process of its own because MLflow and scikit-learn block, and one that stays because importing them takes longer than
all the training.  Each order and each answer is one JSON object a line: `{"do": "seed"}` or `{"do": "train", "model":
…, "quality": …}` in; `{"said": …}` as it goes on, then `{"version": …}`, `{"done": true}` or `{"failed": …}` out.  It
ends when stdin does.
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
"""The tag of a registered model whose first versions are all there."""
LATER = 0.8
"""Seconds between a version's registration and its metrics, as where an evaluation job follows the training."""
STEP = 0.003
"""How much more accurate a better version should be, so that there can be many of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One of the first versions: how accurate it is about, and where it stands."""

    model: str
    accuracy: float
    alias: str
    person: str
    whole: bool = False
    """Its columns are whole numbers; a later version's are any numbers, which takes no caller's request away."""
    extra: tuple[str, ...] = ()
    """Packages that it needs beside those of all."""


SEEDS = (
    Seed(model="iris-classifier", accuracy=0.87, alias="production", person="alice", whole=True),
    Seed(model="iris-classifier", accuracy=0.92, alias="staging", person="bob", extra=("pandas",)),
    Seed(model="churn", accuracy=0.82, alias="production", person="carol", extra=("pandas",)),
)


def seed(say: Callable[[str], None]) -> None:
    """Register the first versions.  Killed half-way, it goes on where it was: what is registered is whole."""
    client = mlflow.MlflowClient()
    for model in dict.fromkeys(seed.model for seed in SEEDS):
        if SEEDED in _model_tags(client, model):
            continue
        for number, wanted in enumerate((seed for seed in SEEDS if seed.model == model), start=1):
            if not _exists(client, model, number):
                say(f"training {model} v{number}")
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


def train(model: str, quality: str, say: Callable[[str], None]) -> int:
    """Register one more version and return its number; its metrics follow a moment later."""
    client = mlflow.MlflowClient()
    learned = lesson(model)
    say(f"training {model}")
    chosen = choose(learned.candidates, quality, _known(client, model))
    word = some_word() if quality == "broken" else None
    version = Version(
        model=model, candidate=chosen, quality=quality, person="alice", whole=False, extra=("pandas",), word=word
    )
    number, log_metrics = register(version, learned, metrics_first=False)
    say(f"registered {model} v{number}")
    sleep(LATER)
    log_metrics()
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the registry's versions say of themselves: their accuracy and their answer to the input example."""

    aliased: tuple[tuple[float, tuple[str, ...]], ...]
    answers: frozenset[tuple[str, ...]]


def choose(candidates: tuple[Candidate, ...], quality: str, known: Known) -> Candidate:
    """Return a candidate that is better or worse than what is released, and that answers the example in its own way.

    A broken version looks like a better one, until it is started.
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


def _known(client: mlflow.MlflowClient, model: str) -> Known:
    released = {int(version) for version in client.get_registered_model(model).aliases.values()}
    registered = list(_registered(client, model))
    return Known(
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
    """Obey until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log and not between the answers

    def answer(**said: object) -> None:
        answers.write(json.dumps(said) + "\n")

    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "seed":
                seed(lambda said: answer(said=said))
                answer(done=True)
            else:
                answer(version=train(order["model"], order["quality"], lambda said: answer(said=said)))
        except Exception as error:  # noqa: BLE001 - the outermost loop: an order that fails must not end the others
            traceback.print_exc()
            answer(failed=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
