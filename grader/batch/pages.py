"""The pages of a results folder: two for each student, and the class's.

::

    results/index.html                     the teacher's page, with links to all others
    results/class/N.html                   its rows, where the class is a large one
    results/students/NAME/feedback.html    what the student is to see
    results/students/NAME/staff.html       what the teacher sees of the student

A page's first line holds a digest of what it hangs on, and the teacher's one of where it leads: who comes before and
after, and the student's page of the course. Nobody else's page tells, or hangs on, who is in the class. As long as
these are the same, the page is not made again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import nbformat
import nbformat.v4
from pydantic import BaseModel, ValidationError

from grader.errors import UsageError
from grader.grades.course_rules import CourseRules, course_rules
from grader.grades.gradebook import Summary
from grader.grades.grades import Grade, Grades, load_grades
from grader.grades.results import Results
from grader.intake.names import folder_name
from grader.render.html.classroom import Classroom, class_pages
from grader.render.html.common_answers import StudentView
from grader.report import Report
from grader.result_files import (
    COURSE_JSON,
    COURSE_PAGES,
    FEEDBACK,
    GRADES,
    INDEX,
    NOTEBOOK,
    PARTS,
    REPORT,
    SIMILAR,
    STAFF,
    SUMMARY,
)
from grader.scratch import remove
from grader.similarity import Similar
from grader.text import count, plain
from grader.workers.crew import cores
from grader.writing import write_whole

_MAX_READ = 200_000_000  # of one of our own files: far more than any is
_PAYS = 150  # of so many students an own process is worth its start
_EACH = 25  # students that a process is given at a time
_PROCESSES = 8

Say = Callable[[str], None]
# The students before and after one, and the name of the student's page of the course; empty where there is none.
Sides = tuple[str, str, str]
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Known:
    """What a batch knows of its results already: the reports that count, by student, and the digests of their files."""

    reports: Mapping[str, Report]
    digests: Mapping[str, str]


def write_pages(
    results: Path,
    say: Say | None = None,
    index_only: bool = False,
    known: Known | None = None,
    of_course: bool = False,
) -> Path:
    """Write the pages of every student and of the class; the path of the class's page.

    Pages that are there, and hang on nothing that has changed since, are left as they are. A page that cannot be made
    is left out, and the class's page says so.

    Parameters
    ----------
    say
        Is told how far it has got.
    index_only
        Make none for students: there is no time for it. Those that are there and up to date are linked.
    known
        What need not be read again.
    of_course
        The pages of the course, to which these lead, will be there. Otherwise they lead to those that are.

    Raises
    ------
    UsageError
        The folder holds no results, or a file in it is damaged or cannot be written.
    """
    folder, remarks = Results(results), list[str]()
    summary, read = _optional(results / SUMMARY, Summary)
    remarks += read
    similar, read = _optional(results / SIMILAR, Similar)
    remarks += read
    grades = _grades(results, summary)
    reports: dict[str, Report | None] = {}
    files: dict[str, str] = {}
    for one in grades.grades:
        reports[one.student], file = _light(folder, one, known)
        if file is not None:
            files[one.student] = file
    up = course_pages(results, of_course)
    sides = sides_of(files, up)
    digests = {
        one.student: _digest(folder, one, files[one.student], sides[one.student])
        for one in grades.grades
        if one.student in files
    }
    jobs = [
        Job(str(results), grade.model_dump_json(), digests[grade.student], sides[grade.student])
        for grade in grades.grades
        if grade.student in digests and not _there(folder, grade, digests[grade.student], loosely=index_only)
    ]
    try:
        failed = {} if index_only else dict(_make(jobs, say))
        if failed:
            names = ", ".join(plain(student, 40) for student in list(failed)[:5])
            remarks.append(
                f"The pages of {count(len(failed), 'student')} could not be made: {names}"
                f"{' and others' if len(failed) > 5 else ''}. {plain(next(iter(failed.values())), 300)}"
            )
        old = {job.grade.student for job in jobs} if index_only else set(failed)
        members = [_member(folder, one, reports[one.student], one.student not in old) for one in grades.grades]
        pairs, more = (similar.pairs, similar.more) if similar else (None, 0)
        _write_class(results, class_pages(Classroom(grades, members, summary, pairs, more, remarks, up is not None)))
    except OSError as error:
        raise not_written(results, error) from None
    return results / INDEX


def not_written(results: Path, error: OSError) -> UsageError:
    """That pages cannot be written."""
    return UsageError(
        f"The pages in {plain(str(results))} cannot be written: {error.strerror or error}.",
        "Make room there, or see to your access to it.",
    )


def _write_class(results: Path, pages: Mapping[str, str]) -> None:
    """Write the pages of the class; what it had more of before goes."""
    parts = results / PARTS
    if parts.is_symlink() or (parts.exists() and len(pages) == 1):
        parts.unlink() if parts.is_symlink() else remove(parts)
    if len(pages) > 1:
        parts.mkdir(exist_ok=True)
        for old in set(parts.glob("*.html")) - {results / name for name in pages}:
            old.unlink()
    for name in sorted(pages, key=lambda one: one == INDEX):  # the one with links to the others comes last
        write_whole(results / name, pages[name], sync=False)


# ---------------------------------------------------------------------- reading what there is


def _grades(results: Path, summary: Summary | None) -> Grades:
    """The grades as they were computed; of results that are older than that, those which the reports say."""
    if (results / GRADES).exists():
        return load_grades(results)
    found = {report.student: report for report in _reports(results) if report.student is not None}
    if not found:
        raise UsageError(f"{plain(str(results))} holds no results.", "Name the folder that `grade batch -o` wrote to.")
    grades = [
        Grade(
            student=student,
            status=report.status,
            score=None if report.status == "ungraded" else report.score,
            earned=None if report.status == "ungraded" else report.score,
            max_score=report.max_score,
            attempt=1,
            attempts=1,
            place=report.submission,
        )
        for student, report in found.items()
    ]
    first = next(iter(found.values()))
    told = {one.student for one in summary.remarks if one.student} if summary else set()
    missing = told - {plain(student) for student in found}
    grades += [Grade(student=student, status="missing", max_score=first.max_score) for student in missing]
    grades.sort(key=lambda one: (one.student.casefold(), one.student))
    return Grades(exercise=first.exercise, title=first.title, max_score=first.max_score, grades=grades)


def _reports(results: Path) -> Iterator[Report]:
    for path in sorted((results / "students").glob(f"*/{REPORT}")):
        with suppress(OSError, ValueError):  # half written, or not ours
            yield Report.model_validate_json(path.read_bytes())


def _optional(path: Path, kind: type[T]) -> tuple[T | None, list[str]]:
    """A file that the page can do without, and what to say where it is damaged."""
    try:
        if path.stat().st_size > _MAX_READ:
            raise ValueError
        return kind.model_validate_json(path.read_bytes()), []
    except FileNotFoundError:
        return None, []
    except (OSError, ValueError, RecursionError, ValidationError):
        return None, [f"{path.name} is damaged and left out here. Run the command that wrote it again."]


def _light(folder: Results, grade: Grade, known: Known | None = None) -> tuple[Report | None, str | None]:
    """A student's report, as a class's are held in memory; and a digest of its file."""
    if grade.status in ("missing", "pending"):  # what lies there is of an earlier batch
        return None, None
    if known is not None and grade.student in known.reports and grade.student in known.digests:
        return known.reports[grade.student], known.digests[grade.student]
    report = folder.read(grade.student)
    return (None, None) if report is None else (report.light(), folder.shown[grade.student])


def _member(folder: Results, grade: Grade, report: Report | None, pages: bool) -> StudentView:
    if report is None or not pages:
        return StudentView(grade, report)
    beside = f"students/{quote(folder.folder(grade.student).name)}"
    return StudentView(grade, report, f"{beside}/{STAFF}", f"{beside}/{FEEDBACK}")


# ---------------------------------------------------------------------- what pages hang on


Whose = Callable[[str], str]  # the name of a student's page of the course, by the student's name in the class


def course_pages(results: Path, sure: bool = False) -> Whose | None:
    """Where a class's pages lead to in the course that it belongs to; None where there is no such, or no page of it.

    Parameters
    ----------
    sure
        Its pages will be there.
    """
    above = results.resolve().parent
    if not sure and not ((above / COURSE_JSON).is_file() and (above / INDEX).is_file()):
        return None
    rules = CourseRules()
    with suppress(UsageError):  # whoever makes the course's pages says what is wrong with them
        rules = course_rules(None, above)
    whose = rules.whose()

    def page(student: str) -> str:
        name = f"{folder_name(whose.get(student, student))}.html"
        return name if sure or (above / COURSE_PAGES / name).is_file() else ""

    return page


def sides_of(students: Iterable[str], course: Whose | None = None) -> dict[str, Sides]:
    """Where each student's page leads: to who comes before and after, in the order of the class's page, and further."""
    ordered = sorted(students, key=lambda one: (one.casefold(), one))
    # Not strict: where nobody handed in, or nothing could be graded yet, there is nobody to stand between.
    around = zip(ordered, ["", *ordered], [*ordered[1:], ""], strict=False)
    return {one: (before, after, "" if course is None else course(one)) for one, before, after in around}


def freshen(results: Path) -> None:
    """Make pages again that lead elsewhere than they should, after the course's pages were made.

    Raises
    ------
    UsageError
        As of :func:`write_pages`.
    """
    folder, there = Results(results), dict[str, bytes]()
    for grade in load_grades(results).grades:
        if grade.status not in ("missing", "pending") and (first := _first_line(folder, grade.student)):
            there[grade.student] = first
    sides = sides_of(there, course_pages(results))
    if any(f" {_sides_digest(sides[student])} ".encode() not in first for student, first in there.items()):
        write_pages(results)


def _first_line(folder: Results, student: str) -> bytes:
    try:
        with (folder.folder(student) / STAFF).open("rb") as file:
            return file.readline(300)
    except OSError:
        return b""


def _digest(folder: Results, grade: Grade, report: str, sides: Sides) -> str:
    hasher = hashlib.sha256(_package_digest())
    place = folder.folder(grade.student)
    for part in (grade.model_dump_json().encode(), report.encode(), _bytes(place / NOTEBOOK)):
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return f"{hasher.hexdigest()} {_sides_digest(sides)}"


def _sides_digest(sides: Sides) -> str:
    return hashlib.sha256(json.dumps(sides).encode()).hexdigest()[:16]


@functools.cache
def _package_digest() -> bytes:
    """Of what makes the pages: templates, style, code, translations."""
    package = Path(__file__).parent.parent
    hasher = hashlib.sha256(version("grader").encode())
    for path in sorted([*(package / "render" / "html").iterdir(), *(package / "locale").iterdir()]):
        if path.is_file():
            hasher.update(path.name.encode() + b"\0" + path.read_bytes())
    return hasher.digest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _begins(name: str, digest: str, loosely: bool = False) -> str:
    """How a page begins, up to its digest; `loosely`, whoever it has as neighbours."""
    own, _, sides = digest.partition(" ")
    return f"<!doctype html><!-- {own}" + (f" {sides}" if name == STAFF and not loosely else "")


def _there(folder: Results, grade: Grade, digest: str, loosely: bool = False) -> bool:
    """Whether both pages are there already; `loosely`, whoever they have as neighbours."""
    place = folder.folder(grade.student)
    return all(_is_made(place / name, _begins(name, digest, loosely)) for name in (FEEDBACK, STAFF))


def _is_made(page: Path, begins: str) -> bool:
    try:
        with page.open("rb") as file:
            return file.read(len(begins)) == begins.encode()
    except OSError:
        return False


# ---------------------------------------------------------------------- making


@dataclass(frozen=True)
class Job:
    """A student whose pages are to be made, as it travels to another process."""

    results: str
    grade_json: str
    digest: str
    sides: Sides

    @property
    def grade(self) -> Grade:
        return Grade.model_validate_json(self.grade_json)


def _make(jobs: Sequence[Job], say: Say | None) -> Iterator[tuple[str, str]]:
    """Make the pages of students, in several processes where that pays; those that could not be made, and why."""
    for done, (job, fault) in enumerate(zip(jobs, _made(jobs), strict=True), 1):
        if say is not None and (done % 100 == 0 or done == len(jobs)):
            say(f"Pages of {done:,} of {count(len(jobs), 'student')}")
        if fault:
            yield job.grade.student, fault


def _made(jobs: Sequence[Job]) -> Iterator[str]:
    """For each job why its pages could not be made; empty where they were."""
    processes = min(cores(), _PROCESSES, len(jobs) // _PAYS)
    if processes < 2:
        yield from map(make, jobs)
        return
    # Nothing is forked: the grader has threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _leave_interrupts) as pool:
        done = 0
        try:
            for fault in pool.map(make, jobs, chunksize=_EACH):
                done += 1
                yield fault
        except BrokenExecutor:
            yield from ["The process that made them died."] * (len(jobs) - done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """A Ctrl-C is for the command, which then ends these processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make(job: Job) -> str:
    """Make both pages of a student; why that was not possible, or nothing."""
    from grader.render.html.page import Around, Neighbour, student_page

    folder, grade = Results(Path(job.results)), job.grade
    place = folder.folder(grade.student)
    try:
        report = folder.all([grade.student])[grade.student]
        notebook = _notebook(place / NOTEBOOK)
        before, after = (
            Neighbour(plain(one, 80) or "(no name)", f"../{quote(folder.folder(one).name)}/{STAFF}") if one else None
            for one in job.sides[:2]
        )
        own = f"../../../{COURSE_PAGES}/{quote(job.sides[2])}" if job.sides[2] else ""
        around = Around(f"../../{INDEX}", before, after, f"../../../{INDEX}" if own else "", own)
        for name, staff in ((FEEDBACK, False), (STAFF, True)):
            for draft in place.glob(f".{name}-*"):  # of one who was killed over it
                draft.unlink()
            begins = _begins(name, job.digest)
            if _is_made(place / name, begins):
                continue
            page = student_page(report, notebook, grade, staff, around)
            page = f"{begins} -->\n" + page.removeprefix("<!doctype html>").lstrip("\n")
            write_whole(place / name, page, sync=False)
    except OSError:
        raise  # the disk is full, say: that is so for everybody
    except Exception as error:  # one student's page must not cost the others theirs
        for name in (FEEDBACK, STAFF):
            (place / name).unlink(missing_ok=True)  # of an earlier report: it would tell what is not so any more
        return f"{type(error).__name__}: {error}"
    return ""


def make_for(results: str, grade_json: str, sides: Sides) -> str:
    """Make the pages of a student for whom a grade is to be expected, unless they are there; as :func:`make`."""
    folder, grade = Results(Path(results)), Grade.model_validate_json(grade_json)
    _, file = _light(folder, grade)
    if file is None:
        return ""
    digest = _digest(folder, grade, file, sides)
    return "" if _there(folder, grade, digest) else make(Job(results, grade_json, digest, sides))


def _notebook(path: Path) -> nbformat.NotebookNode | None:
    """The notebook as it ran; the grader itself wrote it."""
    try:
        # In a file a cell's text is a list of lines, which this joins; nothing is validated or converted.
        found: nbformat.NotebookNode = nbformat.v4.reads(path.read_text("utf-8"))
        return found
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return None
