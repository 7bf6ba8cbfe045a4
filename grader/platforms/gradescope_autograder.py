"""The grader as a Gradescope autograder: the zip that Gradescope wants, and what runs for each submission.

::

    setup.sh, run_autograder     what Gradescope runs, see grader/platforms/gradescope_files
    grader-….whl                 this package
    exercises/ID/, solutions/ID/ what judging takes; no solution, no starter
"""

from __future__ import annotations

import json
import shutil
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.bundle import package_wheel, zipped
from grader.datasets import DATASETS
from grader.exercise import Exercise, exercise_folders, load
from grader.exercise_files import paths_of
from grader.grading import Options, grade
from grader.intake.collect import find
from grader.kernel import sandbox
from grader.language import preferred, speaking, tr
from grader.platforms import gradescope
from grader.scratch import remove, scratch_folder
from grader.text import listed, plain
from grader.writing import write_whole

_FILES = Path(__file__).parent / "gradescope_files"
_SCRIPTS = ("setup.sh", "run_autograder")
_MAX_METADATA = 5_000_000


def autograder_zip(exercise: Exercise, language: str = "en") -> bytes:
    """The zip that makes the grader Gradescope's autograder for an exercise.

    Parameters
    ----------
    language
        In which students are told what was found.

    Raises
    ------
    ExerciseError
        Its checks cannot be read.
    """
    _ = exercise.checks  # what is wrong with them is said before Gradescope meets it
    name, content = package_wheel()
    sets = [one for one in exercise.description.data if DATASETS[one].fetchable]
    files = {name: content}
    for script in _SCRIPTS:
        text = (_FILES / script).read_text("utf-8").replace("@LANGUAGE@", language).replace("@DATA@", " ".join(sets))
        files[script] = text.encode()
    for path in paths_of(exercise):
        files[path.relative_to(exercise.course).as_posix()] = path.read_bytes()
    return zipped(files, executable=_SCRIPTS)


def run(root: Path, options: Options) -> dict[str, Any]:
    """Grade `submission/` with the exercise in `source/`; what Gradescope reads.

    Raises
    ------
    GraderError
        The grader itself cannot grade.
    """
    (folder,) = exercise_folders(root / "source").values()
    exercise = load(folder)
    scratch = scratch_folder()
    try:
        # The class of one: what was handed in is sorted out as in a class, archives and several notebooks too.
        handed_in = find(_class_of_one(root / "submission", scratch), exercise, scratch / "sorted")
        for remark in handed_in.remarks:
            print(f"{remark.kind}: {plain(remark.text, 1000)}")  # instructors alone see what is printed
        if not handed_in.submissions:
            return _nothing(exercise)
        submission = handed_in.submissions[0]
        graded = grade(submission, exercise, options)
    finally:
        remove(scratch)
    print(f"Layers of isolation that held: {listed(graded.report.sandbox)}")
    told = [tr("Graded is {name}.", name=plain(Path(submission.place).name, 100))] if handed_in.remarks else []
    return gradescope.results(graded.report, (*_late(root / "submission_metadata.json"), *told))


def _class_of_one(submission: Path, scratch: Path) -> Path:
    """A folder that holds what was handed in as a student's folder."""
    top = scratch / "submitted"
    shutil.copytree(submission, top / "submission", symlinks=True)
    return top


def _nothing(exercise: Exercise) -> dict[str, Any]:
    """There is no notebook: that is the submission's own fault, and the student's to put right."""
    return {
        "score": 0.0,
        "output": tr("There is no notebook in what you handed in."),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [{"name": exercise.id, "score": 0.0, "max_score": exercise.max_score, "status": "failed"}],
    }


def _late(path: Path) -> tuple[str, ...]:
    """What Gradescope's own account of the submission says of lateness; the penalty is Gradescope's, too."""
    try:
        raw = path.read_bytes()
        told = json.loads(raw) if len(raw) <= _MAX_METADATA else {}
        created, due = (datetime.fromisoformat(text) for text in (told["created_at"], told["assignment"]["due_date"]))
        late = created > due
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    return (tr("It was handed in after the due date; what that costs is Gradescope's to say."),) if late else ()


def main(root: Path) -> int:
    """Write `results/results.json`, whatever happens; 3 where the grader failed."""
    language = preferred()
    with speaking(language):
        try:
            broken = sandbox.broken_promises(sandbox.examine("cpu").layers)
            if broken:
                print(f"WARNING: notebooks run here without some of what should hold them: {listed(broken)}.")
            found, code = run(root, Options(language=language)), 0
        except Exception:  # whatever it is, it is not the student's fault
            traceback.print_exc(file=sys.stdout)  # instructors alone see this
            found, code = gradescope.failed([]), 3
        write_whole(root / "results" / "results.json", gradescope.as_json(found))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
