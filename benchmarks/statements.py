"""What is claimed of the batch, and whether the figures hold it."""

from __future__ import annotations

from collections.abc import Iterator

from figures import GRADER, OTHERS, Figures

TIMES_FASTER = dict(zip(OTHERS, (25, 60), strict=True))
MEDIAN_S = 0.15
MOST_MB = 400
TRAINING = 1.1
FLAT = 1.1  # "linear" and "flat": the largest class costs a notebook at most 10 % more than the one before it


def statements(figures: Figures) -> list[str]:
    """A sentence for each claim that these figures tell about."""
    return [*_speed(figures), *_growth(figures), *_training(figures), *_sandbox(figures), *_oddities(figures)]


def _speed(figures: Figures) -> Iterator[str]:
    ours = figures.find("short", GRADER, 2)
    if ours is None:
        return
    for other, wanted in TIMES_FASTER.items():
        ratio, theirs = figures.times_faster(ours, other), figures.find("short", other)
        if ratio is not None and theirs is not None:
            bare = theirs.without_start / ours.without_start
            yield _said(
                ratio >= wanted,
                f"{wanted} times the throughput of `{other}` with two workers: {ratio:.1f} times for "
                f"{ours.notebooks} notebooks, {bare:.1f} times where the start of neither counts",
            )
    if ours.each is not None:
        yield _said(
            ours.each < MEDIAN_S,
            f"a median under {MEDIAN_S} s a notebook: {ours.each:.3f} s from being handed to one of two workers to "
            f"the result; one leaves the batch every {ours.without_start:.3f} s",
        )


def _growth(figures: Figures) -> Iterator[str]:
    rows = sorted(figures.all("growth"), key=lambda row: row.notebooks)
    if len(rows) < 2:
        return
    before, largest = rows[-2:]
    slower = largest.without_start / before.without_start
    drift = f", its second half {largest.drift:.2f} times the first" if largest.drift is not None else ""
    yield _said(
        slower <= FLAT,
        f"time linear: {before.without_start:.3f} s a notebook for {before.notebooks:,}, {largest.without_start:.3f} s "
        f"for {largest.notebooks:,}, {slower:.2f} times{drift}",
    )
    if before.warm_mb and largest.warm_mb and before.grader_mb and largest.grader_mb:
        more = max(largest.warm_mb / before.warm_mb, largest.grader_mb / before.grader_mb)
        yield _said(
            more <= FLAT and largest.warm_mb < MOST_MB,
            f"memory flat and under {MOST_MB} MB: with the warm process {before.warm_mb:.0f} MB for "
            f"{before.notebooks:,}, {largest.warm_mb:.0f} MB for {largest.notebooks:,}; of these the main process and "
            f"its workers {before.grader_mb:.0f} and {largest.grader_mb:.0f} MB, files of libraries "
            f"{before.libraries_mb:.0f} and {largest.libraries_mb:.0f} MB",
        )


def _training(figures: Figures) -> Iterator[str]:
    ours = figures.find("training")
    plain = list(figures.all("training", "plain"))
    if ours is None or len(plain) < 2:
        return
    every, one = (row.seconds / 2 for row in plain)
    ratios = ours.seconds / one, (ours.seconds - ours.start) / one
    yield _said(
        ratios[0] <= TRAINING,
        f"training with two workers takes at most {TRAINING} times half the sum of the plain times: {ratios[0]:.2f} "
        f"times, {ratios[1]:.2f} without the batch's start, where each script has one worker's share of the cores; "
        f"{ours.seconds / every:.2f} times where each has every core",
    )


def _sandbox(figures: Figures) -> Iterator[str]:
    rows = {row.what.rpartition(" ")[2]: row for row in figures.all("sandbox")}
    if len(rows) == 2:
        on, off = rows["auto"], rows["off"]
        cost = on.without_start - off.without_start
        yield (
            f"The sandbox costs {1000 * cost:.0f} ms of {1000 * on.without_start:.0f} ms a notebook, and "
            f"{on.start - off.start:.1f} s at the start."
        )


def _oddities(figures: Figures) -> Iterator[str]:
    """What makes figures other than they look."""
    for row in figures.rows:
        batch = f"{row.what}, {row.notebooks:,} notebooks, workers {row.workers}"
        if row.cold:
            yield f"{batch}: at least {row.cold} of the kernels were started anew instead of forked."
        if row.unreadable:
            yield f"{batch}: this user may not see all memory of {row.unreadable} processes."


def _said(held: bool, text: str) -> str:
    return f"{'HELD' if held else 'NOT HELD'}: {text}."
