"""What several exercises compute for themselves, to compare with what a notebook says."""

from __future__ import annotations

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities that logits stand for, over the last axis; however large they are."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs


def softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities that logits stand for, over the last axis."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: np.ndarray = e / e.sum(axis=-1, keepdims=True)
    return shares


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy of each sample, float64 (N,).

    Parameters
    ----------
    logits
        Shape (N, K).
    labels
        Classes 0 to K − 1 as whole numbers, shape (N,).
    """
    losses: np.ndarray = -log_softmax(logits)[np.arange(len(labels)), labels]
    return losses


def as_shares(accuracies: np.ndarray) -> np.ndarray:
    """Accuracies from 0 to 1, whether they were kept so or in percent: then one of them is above 1."""
    return accuracies / 100 if accuracies.max() > 1 else accuracies
