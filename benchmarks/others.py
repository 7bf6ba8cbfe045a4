"""nbgrader and otter-grader, in an environment of their own, on the notebooks that this grader gets.

Each is used as its manual says: `nbgrader autograde` once for the class, `otter run` once for each notebook. Their
tests are fewer than ours, a few assertions, and run in the notebook's own kernel.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import nbformat
from common import ROOT, Student, mixed, timed, write
from nbformat import NotebookNode

from grader.authoring import read_reference, starter_of
from grader.datasets import Choice, dataset
from grader.exercise import Exercise

PACKAGES = ("nbgrader==0.9.*", "otter-grader==7.*")
ASSIGNMENT = "ps1"

# Each test is a line of code, which is an assertion that the reference keeps and the starter does not.
TESTS = {
    "100": {
        "chapter_network": "assert chapter_network == 3 * (1 + 1) + 1 * (3 + 1)",
        "count_parameters": "assert count_parameters(7, [5, 5], 3) == 5 * 8 + 5 * 6 + 3 * 6",
        "mlp_parameters": "assert mlp_parameters == 256 * 785 + 128 * 257 + 10 * 129",
        "count_module": "assert count_module(nn.Linear(3, 4)) == 4 * (3 + 1)",
    },
    "110": {
        "shape": "assert model(val_images).shape == (len(val_images), 10)",
        "accuracy": "assert (model(val_images).argmax(dim=1) == val_labels).float().mean() > 0.9",
        "parameter_count": "assert parameter_count == sum(p.numel() for p in model.parameters())",
        "steps_per_epoch": "assert steps_per_epoch == -(-len(train_images) // BATCH_SIZE)",
    },
}

# What this environment tells of itself: versions, and where its kernel comes from.
_ASK = """
import json, sys
from importlib.metadata import version
from jupyter_client.kernelspec import KernelSpecManager
import torch, torchvision, matplotlib
names = ("nbgrader", "otter-grader", "nbclient", "jupyter_client", "ipykernel", "torch")
spec = KernelSpecManager().get_kernel_spec("python3").resource_dir
print(json.dumps({"kernel": spec, "prefix": sys.prefix, **{name: version(name) for name in names}}))
"""


class Unavailable(SystemExit):
    """The competitors cannot be installed here: a sentence, which ends the program where nobody catches it."""


@contextmanager
def prepared(folder: Path) -> Iterator[tuple[Environment, Path]]:
    """The competitors' environment, which nobody makes anew meanwhile, and a scratch folder.

    Raises
    ------
    Unavailable
    """
    with tempfile.TemporaryDirectory() as scratch:
        environment = Environment(folder.absolute(), Path(scratch))
        with environment.held():
            yield environment, Path(scratch)


def _flock(file: IO[str], exclusive: bool) -> None:
    """Wait for a file's lock; nothing where the system has none of this kind."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


@dataclass(frozen=True)
class Environment:
    """The folder of a virtual environment that has the competitors."""

    folder: Path
    scratch: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def command(self, name: str) -> str:
        """One of its programs."""
        return str(self.python.with_name(name))

    def variables(self) -> dict[str, str]:
        """Its programs and kernels come first, and nothing of the user's Jupyter is looked at."""
        own = {name: str(self.scratch / name.lower()) for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR")}
        others = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "JUPYTER_PATH")}
        path = os.pathsep.join([str(self.python.parent), os.environ.get("PATH", "")])
        return others | own | {"PATH": path, "VIRTUAL_ENV": str(self.folder), "JUPYTER_PREFER_ENV_PATH": "1"}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make it if it is not there, and keep it: whoever wants another one in its place waits until then.

        Raises
        ------
        Unavailable
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f"{self.folder.name}.lock").open("w") as lock:
            while True:
                _flock(lock, exclusive=False)
                if self._is_ready():
                    break
                _flock(lock, exclusive=True)  # lets go of the other lock first: somebody else may make it meanwhile
                if not self._is_ready():
                    self._make()
                    self._ready.write_text(self._recipe())
            yield

    @property
    def _ready(self) -> Path:
        return self.folder / "ready"

    def _is_ready(self) -> bool:
        return self._ready.is_file() and self._ready.read_text() == self._recipe()

    def versions(self) -> dict[str, str]:
        """Of what it has."""
        _, told = timed([str(self.python), "-c", _ASK], self.folder, self.variables())
        versions: dict[str, str] = json.loads(told)
        prefix = versions.pop("prefix")
        if not Path(versions.pop("kernel")).is_relative_to(prefix):
            sys.exit("The competitors would run notebooks with a kernel that is not their environment's own.")
        return versions

    def _make(self) -> None:
        if self.folder.exists() and not (self.folder / "pyvenv.cfg").is_file():
            sys.exit(f"{self.folder} is no virtual environment, and is left as it is. Name another --environment.")
        shutil.rmtree(self.folder, ignore_errors=True)
        # The same versions as the grader's, of what both use.
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install += ["-c", str(ROOT / "constraints.txt"), *PACKAGES]
        for command in ([sys.executable, "-m", "venv", str(self.folder)], [str(self.python), *install]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = [line for line in (done.stdout + done.stderr).splitlines() if line.lower().startswith("error")]
                why = said[-1] if said else f"exit code {done.returncode}"
                raise Unavailable(f"nbgrader and otter-grader are left out, they cannot be installed here: {why}")
        # torch and all else that notebooks import is taken from the grader's environment, not downloaded again.
        # The line comes after the installation, lest pip take the grader's packages for this environment's; and the
        # path is appended, so that where both have a package, this environment's is imported.
        own = subprocess.check_output(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True
        )
        (Path(own.strip()) / "graders-own.pth").write_text(self._beside())

    @staticmethod
    def _beside() -> str:
        """Folders of packages, a line each; those that only lead to others are left out."""
        folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        return "".join(f"{path}\n" for path in folders if any(Path(path).glob("*/__init__.py")))

    def _recipe(self) -> str:
        return "\n".join([*PACKAGES, sys.version, self._beside(), (ROOT / "constraints.txt").read_text()])


@dataclass(frozen=True)
class Timing:
    """What a competitor took for a class.

    Attributes
    ----------
    seconds
        In all, as its user waits for it.
    start
        Of these, what it takes once, whatever the number of notebooks.
    scores
        Share of the points that each student got.
    """

    seconds: float
    start: float
    scores: dict[str, float]


Grade = Callable[[Environment, Exercise, list[Student], Choice, Path], Timing]


def measure(
    grade: Grade, environment: Environment, exercise: Exercise, students: list[Student], choice: Choice, folder: Path
) -> Timing:
    """Time a competitor, after it has proved on two notebooks that it truly grades them."""
    proof = grade(environment, exercise, mixed(exercise, 2), choice, folder / "proof")
    timing = grade(environment, exercise, students, choice, folder / "timed")
    for one, handed in ((proof, mixed(exercise, 2)), (timing, students)):
        for student in handed:
            score = one.scores.get(student.name)
            if score is None or (score < 1 if student.right else score == 1 and one is proof):
                sys.exit(
                    f"{grade.__name__} gives {score} of the points to a notebook of exercise {exercise.id} that is "
                    f"{'right' if student.right else 'wrong'}: what it takes for that is no measure."
                )
    return timing


# ---------------------------------------------------------------------- nbgrader


def nbgrader(
    environment: Environment, exercise: Exercise, students: list[Student], choice: Choice, folder: Path
) -> Timing:
    """`nbgrader autograde` for a class, and once more for one of its students alone."""
    course, alone = folder / "course", folder / "alone"
    _course(environment, exercise, students, choice, course)
    shutil.copytree(course, alone)
    run = partial(timed, environment=environment.variables())
    autograde = [environment.command("nbgrader"), "autograde", ASSIGNMENT]
    one, _ = run([*autograde, f"--student={students[0].name}"], alone)
    seconds, _ = run(autograde, course)
    run([environment.command("nbgrader"), "export", "--to", "grades.csv"], course)
    with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = {row["student_id"]: float(row["raw_score"]) / float(row["max_score"]) for row in rows if row["raw_score"]}
    start = one - (seconds - one) / (len(students) - 1) if len(students) > 1 else 0.0
    return Timing(seconds, start, scores)


def _course(
    environment: Environment, exercise: Exercise, students: list[Student], choice: Choice, course: Path
) -> None:
    """A course as nbgrader wants it: the assignment, its released version, and what was handed in."""
    name = exercise.description.notebook
    source = starter_of(read_reference(exercise))
    source.cells += [_test_cell(test, code) for test, code in TESTS[exercise.id].items()]
    write(source, course / "source" / ASSIGNMENT / name)
    _lay_data(exercise, choice, course / "source" / ASSIGNMENT)
    seconds = exercise.description.budget.cpu.cell_s
    (course / "nbgrader_config.py").write_text(f"c = get_config()\nc.Execute.timeout = {int(seconds)}\n")
    generate = [environment.command("nbgrader"), "generate_assignment", ASSIGNMENT]
    timed(generate, course, environment.variables())
    released = nbformat.read(course / "release" / ASSIGNMENT / name, as_version=4)
    for student in students:
        own = nbformat.from_dict(student.notebook)
        own.cells += released.cells[-len(TESTS[exercise.id]) :]
        write(own, course / "submitted" / student.name / ASSIGNMENT / name)


def _test_cell(name: str, code: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(code)
    what = {"grade": True, "solution": False, "locked": True, "task": False, "points": 1}
    cell.metadata = {"nbgrader": {**what, "grade_id": name, "cell_type": "code", "schema_version": 3}}
    return cell


def _lay_data(exercise: Exercise, choice: Choice, folder: Path) -> None:
    """The data that our workspace has in ./data."""
    for name in exercise.description.data:
        for entry in dataset(name).view(choice).iterdir():
            copy = shutil.copytree if entry.is_dir() else shutil.copyfile
            (folder / "data").mkdir(parents=True, exist_ok=True)
            copy(entry, folder / "data" / entry.name)


# ---------------------------------------------------------------------- otter


def otter(
    environment: Environment, exercise: Exercise, students: list[Student], choice: Choice, folder: Path
) -> Timing:
    """`otter run` for each student, one after another."""
    _autograder(environment, exercise, choice, folder)
    seconds, scores = 0.0, {}
    for student in students:
        own = folder / student.name
        write(student.notebook, own / exercise.description.notebook)
        command = [environment.command("otter"), "run", "-a", str(folder / "autograder.zip"), "-o", str(own)]
        took, _ = timed([*command, exercise.description.notebook], own, environment.variables())
        seconds += took
        tests = json.loads((own / "results.json").read_text("utf-8"))["tests"]
        points = [(test["score"], test["max_score"]) for test in tests if test["name"] in TESTS[exercise.id]]
        if len(points) == len(TESTS[exercise.id]):
            scores[student.name] = sum(score for score, _ in points) / sum(most for _, most in points)
    return Timing(seconds, 0.0, scores)


def _autograder(environment: Environment, exercise: Exercise, choice: Choice, folder: Path) -> None:
    """`autograder.zip`, as `otter generate` makes it of test files and data."""
    (folder / "tests").mkdir(parents=True)
    for name, code in TESTS[exercise.id].items():
        case = {"code": f">>> {code}\n", "hidden": False, "locked": False}
        suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        test = {"name": name, "points": 1, "suites": [suite]}
        (folder / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\n\ntest = {test!r}\n", encoding="utf-8")
    _lay_data(exercise, choice, folder)
    files = [str(path.relative_to(folder)) for path in sorted((folder / "data").rglob("*")) if path.is_file()]
    generate = ["otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements", "--no-environment"]
    timed([environment.command(generate[0]), *generate[1:], *files], folder, environment.variables())
