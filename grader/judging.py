"""Judging: a run's checks, one after another, and what becomes of each.

A check's own bug is the grader's fault and costs nobody points; so that nobody may choose it, what a check stumbles
over while it computes with a notebook's values is the notebook's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from grader.checks.check import Check, Passed
from grader.errors import GraderError, KernelGone, NotJudged, PartlyPassed, SubmissionFault
from grader.figures import collected
from grader.language import mark, tr
from grader.report import CheckReport
from grader.run import Run
from grader.text import plain

if TYPE_CHECKING:
    from grader.kernel.execution import CellOutcome


class Progress(Protocol):
    """Who is told how far it has got."""

    def __call__(self, what: str, number: int, of: int, text: str = "", /) -> object:
        """Told what is being done.

        Parameters
        ----------
        what
            ``"cell"`` or ``"check"``; ``"printed"``, if that is asked for, for the last line of the cell that runs.
        number, of
            Which one, from 1, and how many there are.
        """


# Errors of computing, not of programming: what NaN, infinities, huge numbers and deep nests lead to.
_ARITHMETIC = (ArithmeticError, RecursionError, RuntimeWarning, np.linalg.LinAlgError)
_CONVERSIONS = ("cannot convert float", "math domain error", "Exceeds the limit", "array must not contain infs or NaNs")


class Judge:
    """Runs checks against a run, in their order; each is passed, failed, skipped or in error."""

    def __init__(self, run: Run, checks: tuple[Check, ...], say: Progress) -> None:
        self.run = run
        self.checks = checks
        self.say = say
        self.done: dict[str, CheckReport] = {}

    def judge(self, when: str, behind: Container[str] | None = None) -> None:
        """Run the checks of this phase that have not been run; between cells, those whose cells are behind us."""
        for number, check in enumerate(self.checks, 1):
            here = behind is None or (check.after in behind and self.done.keys() >= set(check.needs))
            if check.when == when and here and check.name not in self.done:
                self.say("check", number, len(self.checks))
                self.done[check.name] = self.decided(check) or self.judge_one(check)

    def moved_on(self, outputs: Mapping[int, list[Any]], outcomes: list[CellOutcome]) -> None:
        """More cells have been run: see :meth:`grader.run.Run.moved_on`."""
        self.run.moved_on(outputs, outcomes)

    def reports(self) -> list[CheckReport]:
        """The checks' reports, in the order of the exercise."""
        return [self._given(check, self.done[check.name]) for check in self.checks]

    def _given(self, check: Check, report: CheckReport) -> CheckReport:
        """The report; without points where these are only given together with others that have not passed."""
        if not check.together or report.status != "passed":
            return report
        group = [self.done[one.name] for one in self.checks if one.together == check.together]
        failed = next((one for one in group if one.status != "passed"), None)
        if failed is None:
            return report
        said = tr("This is right; the points are given only together with “{title}”.", title=failed.title.rstrip("."))
        return report.model_copy(update={"status": "failed", "score": 0.0, "message": said})

    def decided(self, check: Check) -> CheckReport | None:
        """What becomes of a check that is not run, since a person judges it, or because of the others that it needs."""
        if check.manual:
            return skipped(check, tr("Your teacher grades this."))
        unmet = [self.done[name] for name in check.needs if name in self.done and self.done[name].status != "passed"]
        late = [one for one in self.checks if one.name in check.needs and one.name not in self.done]
        if late:
            return result(check, "error", f"`{check.name}` needs `{late[0].name}`, which runs later.")
        if unmet:
            return skipped(check, tr("First “{title}” has to pass.", title=unmet[0].title.rstrip(".")))
        return None

    def judge_one(self, check: Check) -> CheckReport:
        """Run a check, and report what it found."""
        begun, depth = time.monotonic(), sys.getrecursionlimit()
        with collected() as figures:
            report = self._outcome(check)
        sys.setrecursionlimit(depth)
        report.seconds = round(time.monotonic() - begun, 3)
        report.figures = figures
        return report

    def _outcome(self, check: Check) -> CheckReport:
        self.run.begin(check.name)
        was_alive = self.run.ended or self.run.kernel.alive
        try:
            with np.errstate(all="ignore"):  # a notebook's numbers may be anything, and nobody reads the warnings
                said = check(self.run)
        except KernelGone as gone:
            if not was_alive:
                return skipped(check, tr("The notebook's kernel had ended before."))
            return result(check, "failed", gone.message, gone.hint or check.hint)
        except NotJudged as fault:
            return skipped(check, fault.message).model_copy(update={"lacks": fault.package})
        except PartlyPassed as partly:
            return result(check, "failed", partly.message, partly.hint or check.hint, partly.share)
        except SubmissionFault as fault:
            return result(check, "failed", fault.message, fault.hint or check.hint)
        except GraderError as error:
            return result(check, "error", f"{error.message} {error.advice}")
        except (Exception, SystemExit) as error:
            if self.run.asked and _is_arithmetic(error):
                return result(check, "failed", *_uncomputable(self.run.asked))
            return result(check, "error", broken(error))  # whatever else escapes from a check is the grader's fault
        if isinstance(said, Passed):
            return result(check, "passed", said.message).model_copy(update={"verified": said.verified})
        return result(check, "passed", said if type(said) is str else "")


def result(check: Check, status: str, message: str, hint: str = "", share: float = 0.0) -> CheckReport:
    """What became of a check, in plain text; the share is what one that failed has of its points."""
    # What was marked while the checks were imported, before the language was known, is translated here.
    return CheckReport(
        name=check.name,
        title=tr(check.title),
        status=status,  # type: ignore[arg-type]
        score=check.points * (1.0 if status == "passed" else share),
        max_score=check.points,
        message=plain(tr(message), 1000),
        hint=plain(tr(hint), 1000),
        hidden=check.hidden,
        bonus=check.bonus,
        manual=check.manual,
        verified=check.verified,
    )


def unended(check: Check, why: str, asked: bool) -> CheckReport:
    """A check that did not come to its end.

    Another grader's test computes with whatever the notebook gives, without the limits that ours have: `2 ** f(3)`. So
    once it has asked for something that is the notebook's fault, or anybody could choose to be ungraded.
    """
    if not (asked and check.verified):
        return result(check, "error", why)
    return result(
        check,
        "failed",
        tr("The test does not come to its end with what your code gives."),
        tr("Look for numbers that are far too large, and for loops without an end."),
    )


def skipped(check: Check, message: str = mark("The notebook cannot be read.")) -> CheckReport:
    """A check that could not be judged."""
    return result(check, "skipped", message)


def _is_arithmetic(error: BaseException) -> bool:
    if isinstance(error, ValueError) and str(error).startswith(_CONVERSIONS):
        return True
    return isinstance(error, _ARITHMETIC)


def _uncomputable(asked: str) -> tuple[str, str]:
    """What to say where a check cannot compute with what the notebook gave."""
    return (
        tr("{what} holds numbers that cannot be computed with.", what=asked),
        tr("Look for NaN, for infinities, and for numbers that are far too large."),
    )


def broken(error: BaseException) -> str:
    """What to say of a check that fails with an unexpected error, and the line of `checks.py` that it came from."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == "checks.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    raised = {"error": type(error).__name__, "text": plain(str(error), 200)}
    if line:
        return tr("The check itself failed: {error}: {text} (checks.py, line {line}).", **raised, line=line)
    return tr("The check itself failed: {error}: {text}.", **raised)
