"""The data of the demo's models: small problems, and for each a few dozen candidates of very different quality.

Imported only by the training process (scikit-learn takes a second to import).  It fits and measures, without the
registry.  The accuracies are real: they are measured on held-out rows, and a candidate is worse because it was fitted
on fewer rows or with stronger smoothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

EXAMPLES = 8
"""Rows of the input example, chosen so that versions differ in their predictions."""
SMOOTHINGS = (1e-9, 0.03, 0.1, 0.3, 1.0)
ROWS = (9, 12, 15, 20, 25, 35, 50, 70, 90, 110, 130, 150)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """A problem, its rows split into training and test data."""

    target: str
    learn: pd.DataFrame
    learn_labels: Any
    measure: pd.DataFrame
    measure_labels: Any

    @property
    def digest(self) -> str:
        """Return a digest of the data set."""
        return sha256(self.learn.to_csv().encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A fitted model and its quality."""

    model: GaussianNB
    smoothing: float
    rows: int
    accuracy: float
    loss: float
    answer: tuple[str, ...]
    """Its predictions for the input example."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """A problem, its input example, and its candidates from the least to the most accurate."""

    data: Data
    example: pd.DataFrame
    candidates: tuple[Candidate, ...]


@cache
def lesson(model: str) -> Lesson:
    """Return the problem of a model; unknown names get that of `churn`."""
    data = _iris() if model == "iris-classifier" else _made(MADE.get(model, CHURN))
    fitted = list(_fit(data))
    answers = np.array([model.predict(data.measure) for model, _, _ in fitted])
    example = data.measure.iloc[_telling(answers)].reset_index(drop=True)
    candidates = (_measured(data, example, *each) for each in fitted)
    return Lesson(data=data, example=example, candidates=tuple(sorted(candidates, key=lambda c: c.accuracy)))


def _fit(data: Data) -> Iterator[tuple[GaussianNB, float, int]]:
    for seed, (smoothing, rows) in enumerate(product(SMOOTHINGS, ROWS)):
        chosen = np.random.default_rng(seed).permutation(len(data.learn))[:rows]
        if set(data.learn_labels[chosen]) == set(data.learn_labels):  # otherwise it would not know every label
            model = GaussianNB(var_smoothing=smoothing)
            yield model.fit(data.learn.iloc[chosen], data.learn_labels[chosen]), smoothing, rows


def _measured(data: Data, example: pd.DataFrame, model: GaussianNB, smoothing: float, rows: int) -> Candidate:
    return Candidate(
        model=model,
        smoothing=smoothing,
        rows=rows,
        accuracy=float((model.predict(data.measure) == data.measure_labels).mean()),
        loss=float(log_loss(data.measure_labels, model.predict_proba(data.measure), labels=model.classes_)),
        answer=tuple(str(label) for label in model.predict(example)),
    )


def _telling(answers: Any) -> list[int]:
    """Return rows on which the candidates differ: each row is the one that best splits those still alike."""
    labels, codes = np.unique(answers, return_inverse=True)
    alike, rows = np.zeros(len(answers), dtype=int), []
    for _ in range(EXAMPLES):
        splits = [np.unique(alike * len(labels) + column, return_inverse=True)[1] for column in codes.T]
        rows.append(int(np.argmax([split.max() for split in splits])))
        alike = splits[rows[-1]]
    return rows


def _iris() -> Data:
    """Fisher's irises in whole millimetres; the test data differs slightly from the training data."""
    bunch = load_iris()
    names = [name.replace(" (cm)", "_mm").replace(" ", "_") for name in bunch.feature_names]
    labels = bunch.target_names[bunch.target]
    random = np.random.default_rng(7)
    again = np.repeat(np.arange(len(labels)), 8)
    millimetres = np.round(bunch.data * 10)
    grown = np.round(millimetres[again] + random.normal(0, 1.2, (len(again), len(names))))
    return Data(
        target="species",
        learn=pd.DataFrame(millimetres, columns=names),
        learn_labels=labels,
        measure=pd.DataFrame(grown, columns=names),
        measure_labels=labels[again],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A made-up problem: what is predicted, its two answers, its four columns, and a number that its rows come from."""

    target: str
    answers: tuple[str, str]
    columns: tuple[str, str, str, str]
    random: int


CHURN = Made(
    target="customer",
    answers=("stays", "leaves"),
    columns=("tenure_months", "monthly_charge", "support_calls", "late_payments"),
    random=11,
)
MADE = {
    "fraud": Made(
        target="payment",
        answers=("genuine", "fraud"),
        columns=("hour", "amount", "attempts", "countries"),
        random=21,
    ),
    "demand": Made(target="demand", answers=("low", "high"), columns=("day", "price", "offers", "rivals"), random=41),
}


def _made(problem: Made) -> Data:
    names = list(problem.columns)
    rows, labels = make_classification(
        1200,
        len(names),
        n_informative=3,
        n_redundant=0,
        n_clusters_per_class=1,
        class_sep=1.0,
        random_state=problem.random,
    )
    frame = pd.DataFrame(np.round(rows * [9, 14, 1.5, 1.2] + [30, 55, 4, 3]).clip(0), columns=names)
    answers = np.array(problem.answers)[labels]
    return Data(
        target=problem.target,
        learn=frame[:200],
        learn_labels=answers[:200],
        measure=frame[200:].reset_index(drop=True),
        measure_labels=answers[200:],
    )
