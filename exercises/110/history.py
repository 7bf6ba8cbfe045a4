"""What the notebook kept of its training: the four lists of `history`."""

from __future__ import annotations

import numpy as np

from grader.checks import Run, expect, expect_finite, expect_shape, tr

CURVES = ("train_loss", "train_acc", "val_loss", "val_acc")
NOT_FINITE = tr("Print the loss of each batch: a learning rate that is too high makes it explode.")
BELOW_ZERO = tr("Cross-entropy and accuracy are never negative; `NLLLoss` wants log-probabilities.")
COUNTS = tr("Divide the number of right answers by the number of images, not of batches.")
NEVER_RESET = tr("Set the number of right answers back to zero at the start of every epoch.")

History = dict[str, np.ndarray]


def history_of(run: Run) -> History:
    """The four lists of `history` as arrays."""
    history = run.value("history")
    begin = tr("Begin with `history = {'train_loss': [], …}`.")
    expect(type(history) is dict, tr("`history` is no dictionary."), begin)
    found = {}
    for key in CURVES:
        four = tr("It needs the four lists {names}.", names=", ".join(CURVES))
        expect(key in history, tr('`history` has no "{key}".', key=key), four)
        values = history[key]
        if type(values) in (list, tuple):  # each epoch's number may be a tensor of shape (1,)
            values = [v.reshape(()) if isinstance(v, np.ndarray) and v.size == 1 else v for v in values]
        found[key] = expect_shape(values, (None,), f'`history["{key}"]`')
    return found


def expect_possible(key: str, curve: np.ndarray) -> None:
    """Fail unless these can be losses, or accuracies as shares or in percent."""
    expect_finite(curve, f'`history["{key}"]`', NOT_FINITE)
    told = {"key": key, "low": curve.min(), "high": curve.max()}
    expect(curve.min() >= 0, tr('`history["{key}"]` holds a number below zero: {low:.4g}.', **told), BELOW_ZERO)
    if key.endswith("acc"):
        expect(curve.max() <= 100, tr('`history["{key}"]` holds {high:.4g}, more than 100 %.', **told), COUNTS)
        # Neither shares nor percent: less than 1 % is a tenth of what guessing gives.
        message = tr('`history["{key}"]` goes from {low:.4g} to {high:.4g}.', **told)
        expect(curve.max() <= 1 or curve.min() >= 1, message, NEVER_RESET)


def ends(history: History) -> list[int]:
    """Epochs whose weights the model may have: the last, and the best, which may have been put back."""
    return sorted({len(history["val_acc"]) - 1, int(history["val_acc"].argmax()), int(history["val_loss"].argmin())})
