"""Judging: a run's checks, one after another, and what becomes of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from grader.check import Check
from grader.errors import GraderError, KernelGone, SubmissionFault
from grader.figures import collected
from grader.language import mark, tr
from grader.report import CheckReport
from grader.run import Run
from grader.text import plain

Progress = Callable[[str, int, int], None]


class Judge:
    """Runs checks against a run, in their order; each is passed, failed, skipped or in error."""

    def __init__(self, run: Run, checks: tuple[Check, ...], say: Progress) -> None:
        self.run = run
        self.checks = checks
        self.say = say
        self.done: dict[str, CheckReport] = {}

    def judge(self, when: str) -> None:
        """Run the checks of this phase."""
        for number, check in enumerate(self.checks, 1):
            if check.when == when:
                self.say("check", number, len(self.checks))
                begun = time.monotonic()
                with collected() as figures:
                    report = self._judge_one(check)
                report.seconds = round(time.monotonic() - begun, 3)
                report.figures = figures
                self.done[check.name] = report

    def reports(self) -> list[CheckReport]:
        """The checks' reports, in the order of the exercise."""
        return [self.done[check.name] for check in self.checks]

    def _judge_one(self, check: Check) -> CheckReport:
        unmet = [self.done[name] for name in check.needs if name in self.done and self.done[name].status != "passed"]
        late = [one for one in self.checks if one.name in check.needs and one.name not in self.done]
        if late:
            return result(check, "error", f"`{check.name}` needs `{late[0].name}`, which runs later.")
        if unmet:
            return skipped(check, tr("First “{title}” has to pass.", title=unmet[0].title.rstrip(".")))
        self.run.rng = self.run.rng_for(f"check {check.name}")
        was_alive = self.run.ended or self.run.kernel.alive
        try:
            said = check(self.run)
        except KernelGone as gone:
            if not was_alive:
                return skipped(check, tr("The notebook's kernel had ended before."))
            return result(check, "failed", gone.message, gone.hint or check.hint)
        except SubmissionFault as fault:
            return result(check, "failed", fault.message, fault.hint or check.hint)
        except GraderError as error:
            return result(check, "error", f"{error.message} {error.advice}")
        except Exception as error:  # whatever else escapes from a check is the grader's own fault
            return result(check, "error", _broken(error))
        return result(check, "passed", said if type(said) is str else "")


def result(check: Check, status: str, message: str, hint: str = "") -> CheckReport:
    # What was marked while the checks were imported, before the language was known, is translated here.
    return CheckReport(
        name=check.name,
        title=tr(check.title),
        status=status,  # type: ignore[arg-type]
        score=check.points if status == "passed" else 0.0,
        max_score=check.points,
        message=plain(tr(message), 1000),
        hint=plain(tr(hint), 1000),
        hidden=check.hidden,
    )


def skipped(check: Check, message: str = mark("The notebook cannot be read.")) -> CheckReport:
    return result(check, "skipped", message)


def _broken(error: Exception) -> str:
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
