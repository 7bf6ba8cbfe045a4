"""`grade batch`, measured from outside: by its wall clock, by the time stamps of its results, by its memory."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from common import ROOT, Student, timed, write
from memory import Memory

from grader.datasets import Choice
from grader.exercise import Exercise
from grader.report import Report

_GRADED = (0, 1)  # exit codes: everything passed, or not everything


@dataclass(frozen=True)
class Batch:
    """What one run of `grade batch` took.

    Attributes
    ----------
    seconds
        The whole command, from start to exit.
    start
        Of these, until the first cell of the first notebook is run.
    each
        Median over the notebooks of the time that each spent being graded: from when it was handed to a worker
        until its result was on the disk. With N workers, notebook k is handed out when k − N results are there;
        the first N, which wait for the warm process, are left out. None if there are no others.
    drift
        Time that the second half of the results took to that of the first half; 1 if no notebook costs more than
        the one before. None of fewer than three notebooks.
    layers
        What held the notebooks.
    device
        What they ran on.
    """

    seconds: float
    start: float
    each: float | None
    drift: float | None
    layers: tuple[str, ...]
    device: str


def grade_batch(
    exercise: Exercise,
    students: list[Student],
    workers: int,
    choice: Choice,
    sandbox: str = "auto",
    memory: Memory | None = None,
    device: str = "auto",
) -> Batch:
    """Grade a class, and look that it truly was graded."""
    with tempfile.TemporaryDirectory() as folder:
        submissions, results = Path(folder) / "submissions", Path(folder) / "results"
        for student in students:
            write(student.notebook, submissions / student.name / exercise.description.notebook)
        grade = str(Path(sys.executable).with_name("grade"))
        command = [grade, "batch", str(exercise.folder), str(submissions), "-o", str(results)]
        command += ["--workers", str(workers), "--data", choice, "--sandbox", sandbox, "--device", device]
        begun = time.time()
        seconds, _ = timed(command, ROOT, accepted=_GRADED, memory=memory)
        files = [results / "students" / student.name / "report.json" for student in students]
        reports = [Report.model_validate_json(file.read_text("utf-8")) for file in files]
        finished = [file.stat().st_mtime for file in files]
    for student, report in zip(students, reports, strict=True):
        if report.status != ("passed" if student.right else "failed"):
            sys.exit(f"grade batch calls the notebook of {student.name} {report.status}: nothing is measured by that.")
    stamps = sorted(finished)
    each = [end - since for end, since in zip(finished[workers:], stamps, strict=False)]
    middle = len(stamps) // 2
    first_cell = min(end - _seconds(report) for end, report in zip(finished, reports, strict=True))
    return Batch(
        seconds,
        first_cell - begun,
        statistics.median(each) if each else None,
        (stamps[-1] - stamps[middle]) / (stamps[middle] - stamps[0]) if len(stamps) > 2 else None,
        tuple(reports[0].sandbox),
        reports[0].device,
    )


def _seconds(report: Report) -> float:
    """From the first cell to the last check."""
    return report.execution.seconds + sum(check.seconds for check in report.checks)
