"""What became of the cells: the worst of it, in sentences for the student."""

from __future__ import annotations

import re
import sys

from grader.budget import Budget
from grader.exercise import Exercise
from grader.kernel.execution import UNDEFINED, CellOutcome, imported_in_vain, missing_package
from grader.language import ngettext, tr
from grader.packages import Packages, distribution, misspelt
from grader.report import CellReport, ExecutionReport
from grader.text import plain, size


def execution_report(
    outcomes: list[CellOutcome],
    exercise: Exercise,
    seconds: float,
    peak_memory: int,
    judged_before: int | None = None,
) -> ExecutionReport:
    """The worst that happened, in a sentence for the student.

    Parameters
    ----------
    judged_before
        Number of a cell that ended the kernel, where those before it were run again without it.
    """
    packages = exercise.description.packages
    severity = {"ok": 0, "not run": 0, "stopped": 1, "error": 1, "output": 2, "timeout": 3, "died": 4} | dict.fromkeys(
        _KILLED_FOR, 5
    )
    worst = max(outcomes, key=lambda one: (severity[one.status], _gravity(one, outcomes, packages), -one.number))
    if judged_before is not None:
        worst = outcomes[judged_before - 1]

    def sentence(outcome: CellOutcome) -> str | None:
        said = _sentence(outcome, exercise, outcomes)
        return f"{said} {_run_again()}" if said and outcome.number == judged_before else said

    missing = {name for one in outcomes for name in (*one.lacks, missing_package(one, packages))}
    return ExecutionReport(
        status=_KILLED_FOR.get(worst.status) or _TOLD_AS.get(worst.status, worst.status),  # type: ignore[arg-type]
        seconds=round(seconds, 3),
        cell=worst.number if severity[worst.status] else None,
        error=sentence(worst) if severity[worst.status] else None,
        peak_memory=peak_memory,
        missing_packages=sorted(name for name in missing if name and packages.lack(name) == "lacking"),
        judged_before=judged_before,
        cells=[
            CellReport(
                number=one.number,
                label="" if one.label == str(one.number) else one.label,
                id=one.cell_id,
                status=one.status,
                seconds=round(one.seconds, 3),
                error=sentence(one),
                compiles=one.compiles,
            )
            for one in outcomes
        ],
    )


# Limits whose overstepping ends the kernel, and what the report's `status` calls it.
_KILLED_FOR = {"memory": "memory", "processes": "died", "files": "output"}
# What the report's `status` calls other ways to end.
_TOLD_AS = {"not run": "ok", "stopped": "error"}


def _gravity(outcome: CellOutcome, outcomes: list[CellOutcome], packages: Packages) -> int:
    """Which of several errors is told first: that which explains most, and what the machine lacks last."""
    unbound = {f"name '{name}' is not defined" for one in outcomes for names in one.lacks.values() for name in names}
    if not outcome.compiles:
        return 2
    if outcome.status == "stopped":
        return 0
    package = missing_package(outcome, packages)
    return 0 if (package and packages.lack(package) == "lacking") or outcome.error in unbound else 1


def _sentence(outcome: CellOutcome, exercise: Exercise, outcomes: list[CellOutcome]) -> str | None:
    """What happened in a cell, and what to do about it."""
    cell = numbered(outcome)
    match outcome.status:
        case "ok":
            return None
        case "not run":
            return not_run(outcome)
        case "stopped":
            return tr(
                "Cell {cell} ended at `mo.stop`, and what hangs on it was not run. While grading nobody presses a "
                "button: each element has the value that it begins with.",
                cell=cell,
            )
        case "error":
            return _error(outcome, exercise, outcomes)
        case "timeout" if outcome.in_all:
            return tr("The notebook ran out of its time in cell {cell}. Train for fewer epochs.", cell=cell)
        case "timeout":
            return tr(
                "Cell {cell} took too long and was stopped. Look for a loop that does not end, "
                "or train for fewer epochs.",
                cell=cell,
            )
        case "died" if outcome.silenced:
            return tr(
                "The kernel answered no more after cell {cell}, and was ended. Look for what the cell puts in the "
                "place of built-in functions, or leaves running.",
                cell=cell,
            )
        case "died":
            return tr(
                "The kernel died in cell {cell}. Calls of exit() or quit(), and crashes of C code, end it.", cell=cell
            )
        case _:
            return _overstepped(outcome, exercise.description.budget)


def _run_again() -> str:
    return tr("What comes before it was run again without it, and judged.")


def _overstepped(outcome: CellOutcome, budget: Budget) -> str:
    """Which limit a cell overstepped."""
    cell = numbered(outcome)
    match outcome.status:
        case "memory":
            most = size(budget.memory_mb * 1_000_000)
            return tr("Cell {cell} used more than {size} of memory. Work in smaller batches.", cell=cell, size=most)
        case "processes":
            most = str(budget.processes)
            return tr("Cell {cell} started more than {n} processes. Use fewer workers.", cell=cell, n=most)
        case "files":
            return ngettext(
                "Cell {cell} wrote more than {size} or {n} file. Write less, and remove what is no longer needed.",
                "Cell {cell} wrote more than {size} or {n} files. Write less, and remove what is no longer needed.",
                budget.files,
                cell=cell,
                size=size(budget.files_mb * 1_000_000),
            )
        case _:
            most = size(budget.output_mb * 1_000_000)
            return tr(
                "Cell {cell} printed more than {size}. Print less, for example once an epoch.", cell=cell, size=most
            )


def _error(outcome: CellOutcome, exercise: Exercise, outcomes: list[CellOutcome]) -> str:
    """What a cell raised; for the usual errors, what is behind them."""
    cell = numbered(outcome)
    if outcome.refused:
        return outcome.refused
    if not outcome.compiles:
        return uncompiled(outcome)
    if outcome.error_type in _NO_NETWORK or any(sign in outcome.error for sign in _OFFLINE):
        return tr(
            "Cell {cell} wants something from the network, and there is none while grading. "
            "What the exercise needs lies in `./data`: read it from there.",
            cell=cell,
        )
    if "can't start new thread" in outcome.error or outcome.error_type == "BlockingIOError":
        return tr(
            "Cell {cell} started more processes and threads than a notebook may have. Use fewer workers.", cell=cell
        )
    if outcome.error.startswith("[Errno 27]"):
        most = size(exercise.description.budget.files_mb * 1_000_000)
        return tr("Cell {cell} wrote a file larger than {size}. Write less.", cell=cell, size=most)
    if outcome.error_type == "StdinNotImplementedError":
        return tr(
            "Cell {cell} asks for input(), which nobody answers while grading. Write the value into the cell.",
            cell=cell,
        )
    if outcome.error_type == "SystemExit":
        return tr(
            "Cell {cell} calls sys.exit() or exit(). Take that out: it ends the cell before it is done.", cell=cell
        )
    if found := _ELSEWHERE.search(outcome.error) if outcome.error_type in _NOT_THERE else None:
        return tr(
            "Cell {cell} looks for {path}, a place of {site}'s that is not here. What the exercise needs lies in "
            "`./data`: read it from there. A file of your own is handed in beside the notebook.",
            cell=cell,
            path=plain(found[0], 80),
            site="Kaggle" if "kaggle" in found.groups() else "Colab",
        )
    return cause(outcome, outcomes, exercise.description.packages)


_NOT_THERE = ("FileNotFoundError", "NotADirectoryError", "PermissionError", "OSError")
_ELSEWHERE = re.compile(
    r"(?<=['\"])/(?P<quoted>content|kaggle)(?:/[^'\"]*)?(?=['\"])|(?<![\w.:/])/(?P<bare>content|kaggle)(?:/\S*)?(?!\w)"
)


_NO_NETWORK = (
    "OfflineModeIsEnabled",
    "LocalEntryNotFoundError",
    "URLError",
    "gaierror",
    "ConnectionError",
    "ConnectError",
    "MaxRetryError",
    "NewConnectionError",
)
_OFFLINE = (
    *("urlopen error", "name resolution", "Name or service not known", "Network is unreachable"),
    *("couldn't connect to", "no internet connection"),
)


def cause(outcome: CellOutcome, outcomes: list[CellOutcome], packages: Packages) -> str:
    """What a cell raised; for want of a name that an import did not bind, what is wrong with that."""
    found = UNDEFINED.match(outcome.error) if outcome.error_type == "NameError" else None
    for earlier in [one for one in outcomes if found and one.number <= outcome.number]:
        for package, names in earlier.lacks.items():
            if found and found[1] in names:
                return lacking(earlier, package, packages)
    package, _ = imported_in_vain(outcome)
    if package := missing_package(outcome, packages) or (package if package in outcome.lacks else ""):
        return lacking(outcome, package, packages)
    return raised(outcome)


def lacking(outcome: CellOutcome, package: str, packages: Packages) -> str:
    """That a cell wants a package which it does not get, and what to do."""
    told = {"cell": numbered(outcome), "package": plain(package, 60)}
    match packages.lack(package):
        case "":  # the package is here, and has no such name
            said = raised(outcome)
        case "forbidden":
            said = tr("Cell {cell} imports {package}, which this exercise forbids.", **told)
        case "misspelt":
            said = tr(
                "Cell {cell} imports {package}, and there is no such package. Did you mean {other}?",
                **told,
                other=misspelt(package),
            )
        case "own":
            said = tr(
                "Cell {cell} imports {package}, which is neither installed here nor lies beside the notebook. If it is "
                "a file of your own, hand in {package}.py with the notebook.",
                **told,
            )
        case _ if package in sys.stdlib_module_names:
            said = tr("Cell {cell} needs {package}, a part of Python that is not on this machine.", **told)
        case _:
            said = tr(
                "Cell {cell} needs the package {package}, which is not installed here: `pip install {distribution}`.",
                **told,
                distribution=plain(distribution(package), 60),
            )
    return f"{said} {tr('The rest of the cell was run without it.')}" if package in outcome.lacks else said


def numbered(outcome: CellOutcome) -> str:
    """What is said behind the word “cell”: its number, or its name; and its line, where its author sees lines."""
    label = plain(outcome.label, 60)
    label = f"`{label}`" if outcome.place.get("name") else label
    if outcome.first_line:
        return tr("{cell} (line {line})", cell=label, line=outcome.first_line)
    return label


def named(outcome: CellOutcome) -> str:
    """A cell by its number, and by the heading above it."""
    if outcome.heading and not outcome.first_line:
        return tr("Cell {cell} (“{heading}”)", cell=outcome.number, heading=outcome.heading)
    return tr("Cell {cell}", cell=numbered(outcome))


def _line(outcome: CellOutcome) -> int:
    """Where something is wrong: the line of the cell, or of the file where its author sees that."""
    return outcome.line + max(0, outcome.first_line - 1)


def not_run(outcome: CellOutcome) -> str | None:
    """Why a cell was not run, where its author is to know that."""
    if outcome.disabled:
        return tr("Cell {cell} is switched off (`disabled=True`) and was not run.", cell=numbered(outcome))
    if outcome.held_by is not None:
        return tr(
            "Cell {cell} was not run, since it hangs on cell {other}.",
            cell=numbered(outcome),
            other=numbered(outcome.held_by),
        )
    return None


def uncompiled(outcome: CellOutcome) -> str:
    """What is wrong with a cell that is no Python, and where."""
    if re.match(r"<{7}|={7}|>{7}", outcome.quote):
        return tr(
            "{cell} holds the marks of a merge, in line {line}. Keep one of the versions between them, and take "
            "the marks out.",
            cell=named(outcome),
            line=_line(outcome),
        )
    error = tr("a bracket or a quote is not closed") if outcome.error == "incomplete input" else outcome.error
    told = {"cell": named(outcome), "error": error, "line": _line(outcome)}
    if outcome.quote:
        return tr(
            "{cell} does not compile: {error}, in line {line}, `{quote}`. None of it was run: mend that line, and run "
            "the cell.",
            **told,
            quote=outcome.quote,
        )
    return tr("{cell} does not compile: {error}, in line {line}. None of it was run: mend that line first.", **told)


def raised(outcome: CellOutcome) -> str:
    """What a cell raised."""
    if outcome.refused:
        return outcome.refused
    text = (outcome.error or tr("no message")).rstrip(".")
    told = {"cell": numbered(outcome), "error": outcome.error_type, "text": text}
    return tr("Cell {cell} raised {error}: {text}.", **told)
