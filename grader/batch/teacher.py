"""What the teacher says of a class while it is graded, and what is written of the whole class by it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from grader.errors import GradingError, UsageError
from grader.exercise import Exercise
from grader.grades.comments import Comments, load_comments
from grader.grades.course_rules import CourseRules, course_rules
from grader.grades.gradebook import Summary, statuses, summary, write_gradebook, write_summary
from grader.grades.grades import Grade, Grades, Override, load_grades, write_grades
from grader.grades.overrides import load_overrides
from grader.grades.policy import Clock, doubts, grade_of, grades_of, with_comments
from grader.grades.results import Results
from grader.grades.rules import Rules, rules_for
from grader.intake.attempt import Attempt, HandedIn
from grader.result_files import GRADEBOOK, RULES
from grader.text import plain


@dataclass(frozen=True)
class Teacher:
    """What the teacher says of the class: the rules, if there are any, and the grades given by hand."""

    exercise: Exercise
    given: Rules | None
    clock: Clock
    overrides: Mapping[str, Override]
    comments: Comments
    before: Grades | None
    course: CourseRules

    @staticmethod
    def of(rules_file: Path | None, results: Path, exercise: Exercise) -> Teacher:
        """Read it all before anything is graded: what is wrong with it is said at once."""
        rules = rules_for(rules_file, results)
        beside = results if rules_file is None else rules_file.expanduser().parent
        before = None
        with suppress(UsageError):  # there are none yet, or they are about to be written anew
            before = load_grades(results)
        return Teacher(
            *(exercise, rules, Clock(rules or Rules(), beside), load_overrides(results), load_comments(results)),
            *(before, _of_its_course(results, exercise)),
        )

    @property
    def rules(self) -> Rules:
        return self.given or Rules()

    def tell(self, attempts: Mapping[str, tuple[Attempt, ...]], console: Console, complaints: Console) -> None:
        """Which rules hold, and what is to be said of them."""
        if self.given is not None:
            console.print(f"Rules: {self.given.told()}")
            for sentence in doubts(self.given, attempts):
                complaints.print(sentence)
        elif self.before is not None and self.before.rules:
            complaints.print(
                f"These results were made by rules, and now there are none. Name them with --rules, or put them into "
                f"the folder of results as {RULES}. They were: {plain(self.before.rules, 400)}"
            )

    @property
    def shown(self) -> dict[str, datetime]:
        """When that was handed in which the students' own folders show, as far as that is known."""
        known = {} if self.before is None else {one.student: one.handed_in for one in self.before.grades}
        return {name: datetime.fromisoformat(when) for name, when in known.items() if when}

    def grade(self, student: str, counted: Attempt, number: str) -> Grade | None:
        """What a student's grade comes to; None where there is no result."""
        if counted.report is None:
            return None
        status, by_hand = counted.report.status, self.overrides.get(student)
        grade = grade_of(
            self.exercise, student, status, counted.report, counted, self.given, by_hand, number, self.course
        )
        return with_comments(grade, self.comments.comments, counted.report)

    def write(
        self,
        results: Results,
        counted: Mapping[str, Attempt],
        handed_in: HandedIn,
        seconds: float,
    ) -> Summary:
        """Write what tells of the whole class."""
        reports = {student: one.report for student, one in counted.items() if one.report is not None}
        of_each = statuses(reports, handed_in)
        by_hand, numbers = self.overrides, handed_in.numbers
        grades = grades_of(self.exercise, of_each, reports, counted, self.given, by_hand, numbers, self.course)
        said = self.comments.comments
        grades.grades = [with_comments(one, said, reports.get(one.student)) for one in grades.grades]
        told = summary(self.exercise, reports, handed_in, seconds, grades)
        try:
            write_grades(results.path, grades)
            write_gradebook(results.path, self.exercise, reports, handed_in, grades)
            write_summary(results.path, told)
        except OSError as error:
            which = Path(str(error.filename2 or error.filename or GRADEBOOK)).name
            raise GradingError(
                f"{plain(which, 100)} cannot be written: {plain(error.strerror or str(error), 200)}.",
                "Every student's result is there. Make room or see to your access, and run the same command again: "
                "nothing is graded twice.",
            ) from error
        return told


def _of_its_course(results: Path, exercise: Exercise) -> CourseRules:
    """The rules of the course: its results have a folder for each exercise, called by its id."""
    folder = results.resolve()
    return course_rules(None, folder.parent) if folder.name == exercise.id else CourseRules()
