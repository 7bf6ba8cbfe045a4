"""What `model` says of rows, and whether its LSTM has a part in it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from grader.checks import Run, SubmissionFault, expect, fail, tr

from .encoding import rows_of

STUDIED = 1000  # reviews
KNOWS_SOMETHING = 0.65  # of two classes; below, an LSTM's part in it cannot be measured
MOST_KNOWN_WITHOUT = 0.75
Without = Literal["", "states", "own states"]  # untranslated
NOTHING: Without = "states"
OF_OTHERS: Without = "own states"  # untranslated

A_LAYER = tr(
    "Put `nn.LSTM(dim, hidden, batch_first=True)` between the embedding and the last layer, so that the last layer "
    "sees nothing but what the LSTM gives."
)


def scores_of(run: Run, rows: np.ndarray, without: Without = "") -> np.ndarray:
    """How positive `model` finds each row, float64 (N,): the higher, the more."""
    found = run.predict("model", rows, batch=100, without=without)
    if found.ndim == 2 and found.shape[1] == 2:
        return np.asarray(found[:, 1] - found[:, 0])
    expect(
        found.size == len(rows),
        tr("`model(rows)` of {n} rows has shape {shape}.", n=len(rows), shape=found.shape),
        tr("It gives one number for each row, shape (N,) or (N, 1), or two, shape (N, 2)."),
    )
    return found.reshape(len(rows))


def expect_lstm_and_embedding(run: Run, numbers: int) -> int:
    """Fail unless `model` has an LSTM, and an embedding of so many rows. Returns the LSTM's hidden units."""
    shapes = run.shapes("model")
    recurrent = {name: shape for name, shape in shapes.items() if "weight_hh" in name and len(shape) == 2}
    # an LSTM's matrix has rows for its four gates (and fewer columns than a gate only with a projection)
    lstm = [shape for shape in recurrent.values() if shape[0] % 4 == 0 and 0 < shape[1] <= shape[0] // 4]
    if not lstm and recurrent:
        rows, columns = next(iter(recurrent.values()))
        fail(
            tr(
                "The recurrent weights of `model` have shape ({rows}, {columns}): those of an LSTM have 4·hidden rows.",
                rows=rows,
                columns=columns,
            ),
            tr("A plain RNN has one matrix, a GRU three gates, an LSTM four: use `nn.LSTM`."),
        )
    expect(bool(lstm), tr("There are no recurrent weights among the parameters of `model`."))
    tables = [shape[0] for name, shape in shapes.items() if name not in recurrent and len(shape) == 2]
    expect(
        max(tables, default=0) >= numbers,
        tr("No embedding of `model` has the {n:,} rows that the numbers of `vocabulary` need.", n=numbers),
        tr("Count all numbers: those of the words, and those of padding and unknown words before them."),
    )
    return lstm[0][1]


# ---------------------------------------------------------------------- what the LSTM's states are good for


def some_unseen(run: Run) -> tuple[list[str], np.ndarray]:
    """Reviews on which the ways of `model` are studied: some that the notebook never saw, and their labels."""
    reviews = run.heldout("reviews")
    return reviews.texts[:STUDIED], reviews.labels[:STUDIED]


def studied_rows(run: Run) -> np.ndarray:
    return rows_of(run, run.once(some_unseen)[0])


def studied_scores(run: Run) -> np.ndarray:
    return scores_of(run, run.once(studied_rows))


def told_apart(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of the reviews that these scores tell apart at their median, with the labels as they are or turned.

    Half of the reviews are positive, so that no threshold has to be guessed: what a model without its LSTM gives may
    all lie above 0.
    """
    right = float(((scores > np.median(scores)) == labels).mean())
    return max(right, 1 - right)


def expect_states_matter(run: Run) -> None:
    """Fail unless the model knows less when its LSTM gives nothing, or what it gives for another review."""
    try:
        scores = run.once(studied_scores)
    except SubmissionFault:  # what is wrong with `encode` and with the answers is told elsewhere
        return
    rows, labels = run.once(studied_rows), run.once(some_unseen)[1]
    nothing, of_others = scores_of(run, rows, without=NOTHING), scores_of(run, rows, without=OF_OTHERS)
    if np.ptp(scores) == 0:  # a check of its own says so
        return
    for found in (nothing, of_others):
        if np.abs(found - scores).max() <= 1e-3 * scores.std():
            fail(tr("`model` gives the same numbers when what its `nn.LSTM` gives is taken away."), A_LAYER)
    # Words that tell praise from blame for an LSTM do so beside it, too: without it such a network may know a lot. But
    # where it counts, another review's states give another review's answer.
    knows, without = told_apart(scores, labels), told_apart(of_others, labels)
    if knows >= KNOWS_SOMETHING and without - 0.5 > MOST_KNOWN_WITHOUT * (knows - 0.5):
        fail(
            tr(
                "`model` still judges {without:.1%} of the reviews rightly when its LSTM gives what it read in others, "
                "{knows:.1%} as it is: the LSTM has no part in its answers, or hardly any.",
                without=without,
                knows=knows,
            ),
            A_LAYER,
        )
