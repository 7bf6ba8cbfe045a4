"""What the notebook logged for TensorBoard: its event files, read when its process has ended."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np

from grader.checks import (
    Run,
    Scalar,
    as_shares,
    curves,
    expect,
    expect_finite,
    fail,
    listed,
    plain,
    scalars,
    show,
    tr,
)

FOLDER = "runs/overfit"
TAGS = ("loss/train", "loss/val", "accuracy/train", "accuracy/val")
MOST_FILES, MOST_BYTES = 50, 20_000_000
BEGIN = tr('Begin with `SummaryWriter("runs/overfit")`.')


def event_files(run: Run) -> tuple[str, list[str]]:
    """The folder of the run, and its event files: `runs/overfit`; if there are none in it, the only other run."""
    names: dict[str, list[str]] = {}
    for name in run.files("*tfevents*"):
        names.setdefault(str(PurePosixPath(name).parent), []).append(name)
    names.pop("runs/example", None)
    folders = [FOLDER] if FOLDER in names else sorted(names)
    if len(folders) != 1:
        fail(tr("The notebook wrote no event file for its training."), BEGIN)
    return folders[0], names[folders[0]]


def logged(run: Run) -> dict[str, list[Scalar]]:
    """What stands in the event files of the run: for each tag its scalars, in the order in which they were written."""
    folder, names = run.once(event_files)
    found: dict[str, list[Scalar]] = {}
    room = MOST_BYTES
    for number, name in enumerate(names, 1):
        raw = run.file(name)
        room -= len(raw)
        too_much = tr("The event files in {folder} are too many or too large.", folder=plain(folder, 60))
        expect(room >= 0 and number <= MOST_FILES, too_much)
        for one in scalars(raw, name):
            found.setdefault(one.tag.lower(), []).append(one)
    return {tag: sorted(ones, key=lambda one: one.time) for tag, ones in found.items()}


def logged_curves(run: Run) -> dict[str, np.ndarray]:
    """The curves that there are; accuracies from 0 to 1, whether they were logged so or in percent."""
    found = run.once(logged)
    by_tag = {tag: np.array([one.value for one in found[tag]]) for tag in TAGS if tag in found}
    for tag, numbers in by_tag.items():
        expect_finite(numbers, tag)
        expect(numbers.min() >= 0, tr("{tag} goes down to {low:.4g}, below zero.", tag=tag, low=numbers.min()))
        if tag.startswith("accuracy"):
            high = tr("{tag} goes up to {high:.4g}.", tag=tag, high=numbers.max())
            expect(numbers.max() <= 100, high, tr("An accuracy is a share: 0 to 1."))
            by_tag[tag] = as_shares(numbers)
    return by_tag


def expect_tags(run: Run, *tags: str) -> None:
    found = run.once(logged)
    missing = listed([tag for tag in tags if tag not in found])
    others = listed([plain(tag, 40) for tag in found if tag not in TAGS][:6])
    folder, _ = run.once(event_files)
    hint = ""
    if run.files(f"{folder}/*/*tfevents*"):
        hint = tr("`add_scalars` makes a run of its own for each curve: use `add_scalar`, with one tag each.")
    if missing and others:
        fail(tr("The log lacks {missing}; it has {others}.", missing=missing, others=others), hint)
    expect(not missing, tr("The log lacks {missing}.", missing=missing), hint)


def expect_epochs(steps: dict[str, list[int]]) -> None:
    """Fail unless the steps of each curve are 1, 2, 3, …, or 0, 1, 2, …, and as many as those of the others."""
    for tag, numbers in steps.items():
        back = next(((a, b) for a, b in pairwise(numbers) if b <= a), None)
        if back is not None:
            fail(
                tr("The steps of {tag} do not rise: {a} is followed by {b}.", tag=tag, a=back[0], b=back[1]),
                tr("Each epoch has a step of its own; and a run begins in an empty folder, or two get mixed up."),
            )
        first = ", ".join(str(step) for step in numbers[:5])
        in_turn = numbers in (list(range(1, len(numbers) + 1)), list(range(len(numbers))))
        expect(in_turn, tr("The steps of {tag} are {first}, …: not 1, 2, 3, …", tag=tag, first=first))
    lengths = ", ".join(f"{tag} {len(numbers)}" for tag, numbers in steps.items())
    alike = len({len(numbers) for numbers in steps.values()}) == 1
    expect(alike, tr("The curves differ in length: {lengths}.", lengths=lengths))


def show_logged(run: Run, kind: str, title: str) -> None:
    """Show the two curves of a kind, as far as they are in the log."""
    found = run.once(logged)
    names = {f"{kind}/train": tr("training"), f"{kind}/val": tr("validation")}
    values = {name: [one.value for one in found[tag]] for tag, name in names.items() if tag in found}
    if values:
        show(curves(values, title, x=tr("epoch")))
