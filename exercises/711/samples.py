"""Labels and predictions picked at grading time, and what scikit-learn counts and computes of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Samples(NamedTuple):
    """What some samples are, and what they were taken for: whole numbers below `classes`, shape (N,) each."""

    labels: np.ndarray
    predictions: np.ndarray
    classes: int

    @property
    def matrix(self) -> np.ndarray:
        """The confusion matrix, int64 (classes, classes)."""
        from sklearn.metrics import confusion_matrix  # here: it takes a second, which `grade --help` need not wait for

        counts = confusion_matrix(self.labels, self.predictions, labels=list(range(self.classes)))
        return np.asarray(counts, dtype=np.int64)

    @property
    def accuracy(self) -> float:
        """The share of them that were taken for what they are."""
        return float((self.labels == self.predictions).mean())

    @property
    def kappa(self) -> float:
        """Cohen's kappa."""
        from sklearn.metrics import cohen_kappa_score

        return float(cohen_kappa_score(self.labels, self.predictions, labels=list(range(self.classes))))

    def each(self, name: str) -> np.ndarray:
        """The `"precision"`, `"recall"` or `"f1"` of each class, float64 (classes,), where 0/0 is 0."""
        from sklearn.metrics import precision_recall_fscore_support

        labels = list(range(self.classes))
        scores = precision_recall_fscore_support(self.labels, self.predictions, labels=labels, zero_division=0)
        return np.asarray(scores[("precision", "recall", "f1").index(name)])

    @property
    def all_alike(self) -> bool:
        """Whether there is only one class among labels and predictions."""
        return len(np.unique([self.labels, self.predictions])) == 1


def counted(matrix: np.ndarray) -> Samples:
    """Samples that a confusion matrix of two classes counts."""
    labels, predictions = np.repeat([[0, 0, 1, 1], [0, 1, 0, 1]], matrix.ravel(), axis=1)
    return Samples(labels, predictions, 2)


def drawn(rng: np.random.Generator, classes: int) -> Samples:
    """Samples in which each class occurs, and no metric equals another by chance."""
    while True:
        count = int(rng.integers(30, 60)) * classes
        labels = rng.choice(classes, count, p=rng.dirichlet(np.full(classes, 3.0)))
        guesses = rng.choice(classes, count, p=rng.dirichlet(np.full(classes, 3.0)))
        predictions = np.where(rng.random(count) < rng.uniform(0.3, 0.8), labels, guesses)
        samples = Samples(labels, predictions, classes)
        rows, columns = samples.matrix.sum(axis=1), samples.matrix.sum(axis=0)
        if (samples.matrix.diagonal() > 0).all() and (np.abs(rows - columns) > 1).all():
            return samples


def some_drawn(rng: np.random.Generator) -> list[Samples]:
    """Samples of two classes, and of more."""
    return [drawn(rng, classes) for classes in (2, 2, 3, int(rng.integers(4, 7)))]


def degenerate(rng: np.random.Generator) -> list[Samples]:
    """Samples at which a careless formula divides by zero."""
    labels, predictions, classes = drawn(rng, int(rng.integers(3, 6)))
    binary, _, _ = drawn(rng, 2)
    one, lost = int(rng.integers(classes)), int(rng.integers(classes))
    constant, other = np.full(len(labels), one), (lost + 1) % classes
    zeros, ones = np.zeros_like(binary), np.ones_like(binary)
    return [
        Samples(labels, np.where(predictions == lost, other, predictions), classes),  # never predicted
        Samples(np.where(labels == lost, other, labels), predictions, classes),  # does not occur
        Samples(labels, constant, classes),  # always the same answer
        Samples(binary, ones, 2),
        Samples(constant, predictions, classes),  # only one class to be found
        Samples(zeros, ones, 2),  # all wrong
        Samples(constant, constant, classes),  # only one class at all
        Samples(ones, ones, 2),
        Samples(zeros, zeros, 2),
    ]
