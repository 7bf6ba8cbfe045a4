"""How many steps an epoch of the notebook's may have had."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from grader.checks import Run, SubmissionFault

from .history import history_of

MNIST_TRAINING_IMAGES = 60_000


def batches_used(run: Run, images: int) -> set[int]:
    """How many batches an epoch may have had, by all that tells how the notebook trained.

    Its optimisers have taken so many steps in as many epochs as `history` has; its loaders know how many batches
    they give; `BATCH_SIZE` is said to be the batch size. Where no optimiser's steps divide by the epochs, as where
    there is none, any whole number of the notebook's may be it.
    """
    trained, named, epochs = run.trained(), set(named_batch_sizes(run)), set[int]()
    with suppress(SubmissionFault):
        epochs = {len(curve) + extra for curve in run.once(history_of).values() for extra in (0, -1)} - {0, -1}
    used = {steps // n for steps in trained.steps for n in epochs if steps % n == 0 and steps // n > 1}
    used |= {loader.batches for loader in trained.loaders if images / 2 <= loader.samples <= images}
    sizes = named | {loader.batch for loader in trained.loaders if loader.batch}
    numbers = {n for n in [*trained.numbers, *written_numbers(run)] if 1 < n <= MNIST_TRAINING_IMAGES}
    if not used:
        sizes |= numbers
    counts = {images, MNIST_TRAINING_IMAGES}
    counts |= {n for n in numbers if images / 2 <= n < images} if not used else set()
    # Who trained on the sample may tell the steps of the real set, with the batch size that the steps betray.
    betrayed = {n for n in numbers if -(-images // n) in used}
    return (
        used
        | {-(-n // size) for n in counts for size in sizes}
        | {-(-MNIST_TRAINING_IMAGES // size) for size in betrayed}
    )


def written_numbers(run: Run) -> set[int]:
    """Whole numbers in the notebook's code."""
    cells = (cell.source for cell in run.notebook.cells if cell.cell_type == "code")
    return {int(n) for source in cells for n in re.findall(r"(?<![\w.])\d{1,6}(?![\w.])", source)}


def named_batch_sizes(run: Run) -> Iterator[int]:
    """The notebook's `BATCH_SIZE`, where it has one."""
    for name in ("BATCH_SIZE", "batch_size"):
        with suppress(SubmissionFault):  # not there, or no number
            size = run.array(name)
            if size.size == 1 and 1 <= size.item() <= MNIST_TRAINING_IMAGES:
                yield int(size.item())


def batch_size(run: Run) -> int:
    """The batch size that is talked about: the notebook's `BATCH_SIZE`, or its loaders', or the course's 128."""
    loaders = (loader.batch for loader in run.trained().loaders if loader.batch)
    return next(named_batch_sizes(run), next(loaders, 128))
