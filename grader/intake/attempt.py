"""What a class handed in, and an attempt of a student: one record from what was handed in to what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from grader.intake.archives import Kind
from grader.report import Report
from grader.submission import Submission


@dataclass(frozen=True)
class Remark:
    """Something that the teacher should know before the class is graded.

    Attributes
    ----------
    student
        Whom it is about; empty where it is about nobody in particular.
    kind
        `duplicate`: the newest counts, or the one that the rules take. `missing`: files, but no notebook. `several`:
        notebooks of which none is clearly the one. `unreadable`: a file that cannot be read. `refused`: an archive, a
        link or a special file that is not touched. `ignored`: what belongs to no submission.
    text
        One sentence.
    """

    student: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Attempt:
    """One of the notebooks that a student handed in, and, by and by, what becomes of it.

    Attributes
    ----------
    submission
        The notebook as it lies now; as it ran, where it is `gone`.
    handed_in
        When, as far as anybody knows.
    sure
        Whether that is to be believed: not where whole classes have the same moment, which is when their files were
        unpacked.
    marked_late
        The platform says that it came late, not how late.
    told
        The teacher told when.
    gone
        It is not handed in any more, and its result is all there is.
    number, of
        Which of the student's attempts it is, from 1, and how many there are; a later one has a larger number.
    place
        Where its result is kept: 0 is the student's own folder, others are those of the attempt of this number.
    key
        What its result hangs on; empty for whatever is there.
    at_stake
        The points that there are to earn.
    late_s
        Seconds after the deadline.
    report
        What was found; None where it is not graded yet.
    """

    submission: Submission
    handed_in: datetime | None = None
    sure: bool = True
    marked_late: bool = False
    told: bool = False
    gone: bool = False
    number: int = 0
    of: int = 1
    place: int = 0
    key: str = ""
    at_stake: float = 0.0
    late_s: float = 0.0
    report: Report | None = field(default=None, hash=False)

    @property
    def student(self) -> str:
        """Whose it is."""
        return str(self.submission.student)

    @property
    def earned(self) -> float | None:
        """The points; None where it is not graded, for whatever reason."""
        return None if self.report is None or self.report.status == "ungraded" else self.report.score

    @property
    def shown(self) -> Submission:
        """The submission, by a name that no other has while the class is graded."""
        if not self.place:
            return self.submission
        return replace(self.submission, student=f"{self.student}, attempt {self.place}")


@dataclass(frozen=True)
class HandedIn:
    """What a class handed in.

    Attributes
    ----------
    submissions
        The newest of each student, sorted by student.
    remarks
        Sorted by student too.
    attempts
        By student, the oldest first: all of them where they were asked for, else the newest alone.
    hand_ins
        How many each student handed in, whether they were looked into or not.
    numbers
        The platform's numbers of students, where it gives any.
    """

    submissions: tuple[Submission, ...]
    remarks: tuple[Remark, ...]
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    hand_ins: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
