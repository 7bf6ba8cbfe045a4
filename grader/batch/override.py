"""`grade override`: a grade given by hand, and everything that shows grades brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.batch.pages import write_pages
from grader.errors import UsageError
from grader.grades.comments import load_comments
from grader.grades.gradebook import load_summary, rewrite_gradebook, with_grades, write_summary
from grader.grades.grades import Grade, Grades, Override, load_grades, write_grades
from grader.grades.overrides import load_history, load_overrides, override, who, write_overrides
from grader.grades.policy import with_comments, with_override
from grader.grades.results import Results
from grader.report import Report
from grader.text import number, plain


def change(results: Path, student: str, score: float | None, reason: str, undo: bool) -> list[str]:
    """Give a grade by hand, or take one back, and bring the gradebook and the pages up to date; what was done.

    Parameters
    ----------
    score
        The points; None where the override is taken back.

    Raises
    ------
    UsageError
        There are no results or no such student, the reason is missing, or a batch is at work.
    """
    if undo == (score is not None):
        raise UsageError(
            "Name a score, or --remove, and not both." if undo else "There is no score.",
            'Say the points that are to count, as in: grade override results/ "Ada Lovelace" 8.5 --reason "…".',
        )
    load_grades(results)  # before anything is locked: it may be no folder of results at all
    folder = Results(results)
    with folder.lock():
        grades, overrides = load_grades(results), load_overrides(results)
        name = who(student, [*(one.student for one in grades.grades), *(overrides if undo else ())])
        said: list[str] = []
        if score is None:
            if overrides.pop(name, None) is None:
                raise UsageError(
                    f"The grade of {plain(name, 80)!r} was not given by hand.", "There is nothing to undo."
                )
        else:
            before = overrides.get(name)
            overrides[name] = override(name, score, reason)
            if before is not None:
                said.append(f"Before, by hand: {_past(before)}. It is kept in the history.")
            if score > grades.max_score:
                said.append(f"Beware: {number(score)} is more than the {number(grades.max_score)} points possible.")
        write_overrides(results, overrides)
        reports = folder.all(grades.with_reports())
        update(results, folder, grades, reports)
    now = next((one for one in grades.grades if one.student == name), None)
    return [*said, *([] if now is None else [_told(now)])]


def update(results: Path, folder: Results, grades: Grades, reports: Mapping[str, Report]) -> None:
    """Bring everything that shows grades up to what was given and said by hand; the folder is locked already."""
    overrides, said = load_overrides(results), load_comments(results).comments
    grades.grades = [
        with_comments(with_override(one, overrides.get(one.student)), said, reports.get(one.student))
        for one in grades.grades
    ]
    told = with_grades(load_summary(results), grades)
    write_grades(results, grades)
    rewrite_gradebook(results, reports, grades)
    write_summary(results, told)
    write_pages(results)


def history(results: Path, student: str) -> list[str]:
    """The grades that were given by hand, those that do not count any more first; everybody's without a name."""
    everybody = [one.student for one in load_grades(results).grades]
    now, past = load_overrides(results), load_history(results)
    name = who(student, list(dict.fromkeys([*everybody, *now, *(one.student for one in past)]))) if student else ""
    lines = [
        f"{plain(one.student, 80)}: {_past(one)}; until {one.until} ({plain(one.until_by, 40) or 'somebody'})"
        for one in past
        if not name or one.student == name
    ]
    lines += [f"{plain(one.student, 80)}: {_past(one)}" for one in now.values() if not name or one.student == name]
    return lines or ["No grade was given by hand."]


def _past(one: Override) -> str:
    by = f", {plain(one.by, 40)}" if one.by else ""
    return f"{number(one.score)}, {plain(one.reason, 200)} ({one.when}{by})"


def _told(grade: Grade) -> str:
    score = "no grade" if grade.score is None else f"{number(grade.score)} of {number(grade.max_score)} points"
    return f"{plain(grade.student, 80)}: {score}" + (", by hand." if grade.override else ".")
