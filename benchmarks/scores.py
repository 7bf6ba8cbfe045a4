"""The points of `nbgrader autograde` and of `grade batch`, test by test, on the same submissions.

::

    python benchmarks/scores.py                  every fixture of the tests, and nbgrader's own quickstart course
    python benchmarks/scores.py --write          keep what nbgrader does beside the fixtures
    python benchmarks/scores.py --class-of 40    seconds that both take for a class of that size
    python benchmarks/scores.py --asserts        how many asserts of all fixtures, otter's too, are verified outside
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import nbformat
from common import ROOT, timed, write
from others import Environment, prepared

from grader.datasets import cache_root

sys.path.insert(0, str(ROOT))  # the fixtures are the tests'; first, since some package installs tests of its own

from tests.foreign.nbgrader.course import EXPECTED, NAMES, Course, expected, fingerprint, grade_id
from tests.foreign.nbgrader.graded import GRADE, Scores, differences, grade_course, told
from tests.foreign.reference import Asserts, of_course, of_fixtures

QUICKSTART = "quickstart"
TIMED = "functions"  # the fixture that a class for timing is made of

_SCORES = """
select student.id, notebook.name, base_cell.name, grade.auto_score
from grade
join submitted_notebook on grade.notebook_id = submitted_notebook.id
join notebook on submitted_notebook.notebook_id = notebook.id
join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
join student on submitted_assignment.student_id = student.id
join base_cell on grade.cell_id = base_cell.id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="FIXTURE", default=[*NAMES, QUICKSTART], help="all if none")
    parser.add_argument("--environment", type=Path, default=cache_root() / "benchmarks", help="where nbgrader is")
    parser.add_argument("--write", action="store_true", help="keep what nbgrader does beside the fixtures")
    parser.add_argument("--class-of", type=int, default=0, metavar="N", help="time a class of N instead")
    parser.add_argument("--asserts", action="store_true", help="count where asserts are verified instead")
    arguments = parser.parse_args()
    with prepared(arguments.environment) as (environment, scratch):
        if arguments.class_of:
            print(time_class(environment, scratch / "class", arguments.class_of))
            return
        if arguments.asserts:
            print(count_asserts(environment, scratch))
            return
        unexplained = 0
        for name in arguments.names:
            folder = scratch / name
            if name == QUICKSTART:
                unexplained += 0 if arguments.write else compare_quickstart(environment, folder)
            else:
                unexplained += compare(environment, Course(name), folder, arguments.write)
    print(f"{unexplained} differences that are not explained")
    sys.exit(1 if unexplained else 0)


def compare(environment: Environment, course: Course, folder: Path, keep: bool) -> int:
    """Grade a fixture with both, and print what they give; how many differences nobody explains."""
    released = release(environment, course, folder)
    course.write_submissions(released, folder)
    theirs = autograded(environment, folder, course.name, course.students)[Path(course.notebook).stem]
    found = {"released": fingerprint(released), "scores": theirs}
    if keep:
        known = expected() if EXPECTED.exists() else {}
        EXPECTED.write_text(json.dumps(known | {course.name: found}, indent=1, sort_keys=True) + "\n", "utf-8")
        return 0
    if found != expected()[course.name]:
        print(f"{course.name}: nbgrader does something else than what was kept")
    ours = grade_course(folder, course.name, course.students)
    print(told(course.name, course.said["submission"], theirs, ours), flush=True)
    return sum(not one.why for one in differences(course.said["submission"], theirs, ours))


def release(environment: Environment, course: Course, folder: Path) -> nbformat.NotebookNode:
    """A fixture's course, and the notebook that nbgrader releases of it."""
    folder.mkdir()
    course.write_source(folder)
    if course.said.get("update"):
        timed([environment.command("nbgrader"), "update", "."], folder, environment.variables())
    generate = [environment.command("nbgrader"), "generate_assignment", course.name]
    timed(generate, folder, environment.variables())
    return nbformat.read(folder / "release" / course.name / course.notebook, as_version=4)


def autograded(environment: Environment, folder: Path, assignment: str, students: Iterable[str]) -> dict[str, Scores]:
    """What nbgrader gives, by notebook.

    It is asked for one student after another, since some of what is handed in ends its grading for all who come after.
    Whom it does not get through with has no scores.
    """
    command = [environment.command("nbgrader"), "autograde", assignment]
    through = [
        student
        for student in students
        if not subprocess.run(
            [*command, f"--student={student}"],
            cwd=folder,
            env=environment.variables(),
            capture_output=True,
            check=False,
        ).returncode
    ]
    with closing(sqlite3.connect(folder / "gradebook.db")) as book:
        rows = book.execute(_SCORES).fetchall()
    found: dict[str, Scores] = {}
    for student, notebook, cell, score in sorted(rows):
        of_student = found.setdefault(notebook, {one: {} for one in students})[student]
        if student in through:
            of_student[cell] = score
    return found


def compare_quickstart(environment: Environment, folder: Path) -> int:
    """The same for the course that comes with nbgrader, and for what three students make of it."""
    nbgrader, variables = environment.command("nbgrader"), environment.variables()
    timed([nbgrader, "quickstart", str(folder)], folder.parent, variables)
    timed([nbgrader, "generate_assignment", "ps1"], folder, variables)
    students = [{"name": name} for name in ("right", "starter", "wrong")]
    names = [student["name"] for student in students]
    for path in sorted((folder / "release" / "ps1").glob("*.ipynb")):
        released = nbformat.read(path, as_version=4)
        right = nbformat.read(folder / "source" / "ps1" / path.name, as_version=4)
        solved = {
            grade_id(cell): cell.source for cell in right.cells if cell.metadata.get("nbgrader", {}).get("solution")
        }
        for name in names:
            own = copy.deepcopy(released)
            for cell in own.cells:
                if name != "starter" and grade_id(cell) in solved:
                    cell.source = solved[grade_id(cell)]
                if name == "wrong" and grade_id(cell) == "squares":
                    cell.source = "def squares(n):\n    return [i ** 2 for i in range(n)]"
            write(own, folder / "submitted" / name / "ps1" / path.name)
    unexplained = 0
    for notebook, theirs in autograded(environment, folder, "ps1", names).items():
        ours = grade_course(folder, f"ps1-{notebook}", names)
        print(told(notebook, students, theirs, ours), flush=True)
        unexplained += sum(not one.why for one in differences(students, theirs, ours))
    return unexplained


def count_asserts(environment: Environment, folder: Path) -> str:
    """Where the asserts of every fixture and of nbgrader's own course are verified, a line for each."""
    timed([environment.command("nbgrader"), "quickstart", str(folder / QUICKSTART)], folder, environment.variables())
    found = [*of_fixtures(folder / "fixtures"), (QUICKSTART, of_course(folder / QUICKSTART))]
    lines = ["\n    ".join([f"{name}: {asserts}", *asserts.why]) for name, asserts in found]
    return "\n".join([*lines, f"all: {sum((asserts for _, asserts in found), Asserts())}"])


def time_class(environment: Environment, folder: Path, size: int) -> str:
    """Seconds that both take for a class, as a line. Those of it are left out who would end nbgrader's grading, and who
    have it wait until their time is over.
    """
    course = Course(TIMED)
    course.write_submissions(release(environment, course, folder), folder)
    whole = [one["name"] for one in course.said["submission"] if "ours" not in one and one["name"] != "endless"]
    handed_in = folder / "submitted"
    for number in range(size):
        shutil.copytree(handed_in / whole[number % len(whole)], handed_in / f"student{number:03}")
    for name in course.students:
        shutil.rmtree(handed_in / name)
    theirs, _ = timed([environment.command("nbgrader"), "autograde", course.name], folder, environment.variables())
    timed([*GRADE, "import", "nbgrader", "."], folder)
    ours, _ = timed([*GRADE, "batch", course.name, "submitted"], folder, accepted=(0, 1))
    return f"nbgrader {size}: {theirs:.1f} s, grade batch: {ours:.1f} s"


if __name__ == "__main__":
    main()
