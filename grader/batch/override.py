"""`grade override`: a grade given by hand, and everything that shows grades brought up to date."""

from __future__ import annotations

from pathlib import Path

from grader.batch.pages import write_pages
from grader.errors import UsageError
from grader.grades.gradebook import load_summary, rewrite_gradebook, with_grades, write_summary
from grader.grades.grades import Grade, load_grades, write_grades
from grader.grades.overrides import load_overrides, override, who, write_overrides
from grader.grades.policy import with_override
from grader.grades.results import Results
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
            overrides[name] = override(name, score, reason)
            if score > grades.max_score:
                said.append(f"Beware: {number(score)} is more than the {number(grades.max_score)} points possible.")
        grades.grades = [with_override(one, overrides.get(one.student)) for one in grades.grades]
        reports = folder.all(one.student for one in grades.grades if one.status not in ("missing", "pending"))
        told = with_grades(load_summary(results), grades)
        write_overrides(results, overrides)
        write_grades(results, grades)
        rewrite_gradebook(results, reports, grades)
        write_summary(results, told)
    write_pages(results)
    now = next((one for one in grades.grades if one.student == name), None)
    return [*said, *([] if now is None else [_told(now)])]


def _told(grade: Grade) -> str:
    score = "no grade" if grade.score is None else f"{number(grade.score)} of {number(grade.max_score)} points"
    return f"{plain(grade.student, 80)}: {score}" + (", by hand." if grade.override else ".")
