"""A class of thousands: a run over results that are there already, and the class's page.

``python benchmarks/scale.py --students 3000 10000``. A few notebooks are graded; what was found of the others is a copy
of that under other names, as a batch would have left it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from common import ROOT, mixed, write

from grader.exercise import find_exercise
from grader.grades.results import Results
from grader.grading import Graded, Options
from grader.report import Report
from grader.result_files import INDEX, NOTEBOOK, PARTS
from grader.submission import Submission
from grader.text import size
from grader.workers.crew import device_class

EXERCISE = find_exercise("100", ROOT)
_FEW = 24  # notebooks that are graded


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds on the wall, of the processors, and the most memory of one of its processes."""

    wall: float
    cpu: float
    memory: int

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of CPU, {size(self.memory)} at most in one process"


def cost(command: list[str]) -> Cost:
    """Run a command; the end of all if it fails."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, after.ru_maxrss * 1024)


def grade(submissions: Path, results: Path) -> list[str]:
    """`grade batch` as it is typed."""
    program = str(Path(sys.executable).with_name("grade"))
    return [program, "batch", str(EXERCISE.folder), str(submissions), "-o", str(results), "--data", "sample"]


def class_of(folder: Path, students: int) -> tuple[Path, Path]:
    """A class whose results are there: the folder that was handed in, and that of the results."""
    few, found, submissions, results = (folder / name for name in ("few", "found", "submissions", "results"))
    for student in mixed(EXERCISE, _FEW):
        write(student.notebook, few / student.name / EXERCISE.description.notebook)
    cost(grade(few, found))
    templates = [_template(one, Results(found)) for one in sorted(path.name for path in few.iterdir())]
    written, options = Results(results), Options(data="sample")
    for number in range(students):
        name = f"Student {number + 1:06}"
        handed, graded = templates[number % _FEW]
        path = submissions / name / EXERCISE.description.notebook
        # No two are the same file, nor the same work.
        text = handed.replace("# s0", f"# {number} s0", 1)
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        report = graded.report.model_copy(update={"student": name, "submission": str(path)})
        key = written.key(Submission(path, name), EXERCISE, options, device_class("auto"), "sample")
        written.save(name, key, Graded(report, graded.notebook))
    return submissions, results


def _template(student: str, results: Results) -> tuple[str, Graded]:
    """What a student handed in, and what was found."""
    report = results.read(student)
    if report is None:
        sys.exit(f"There is no result of {student}: nothing is measured by that.")
    handed = Path(report.submission).read_text("utf-8")
    ran = nbformat.from_dict(json.loads((results.folder(student) / NOTEBOOK).read_bytes()))
    return handed, Graded(Report.model_validate(report), ran)


@contextmanager
def _without_syncing() -> Iterator[None]:
    """Made-up results need not outlive a power cut."""
    sync = os.fsync
    os.fsync = lambda _: None  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync = sync


def measure(students: int, folder: Path) -> dict[str, object]:
    """Figures of a class of so many."""
    with _without_syncing():
        submissions, results = class_of(folder, students)
    command = grade(submissions, results)
    figures: dict[str, object] = {"students": students, "load at the start": os.getloadavg()[0]}
    for what in ("pages made", "nothing changed", "one changed"):
        if what == "one changed":
            changed = next(submissions.glob("*/*.ipynb"))
            changed.write_text(changed.read_text("utf-8").replace("import", "import  ", 1), encoding="utf-8")
        figures[what] = taken = cost(command)
        _say(f"{students:,} students, {what}: {taken}; {1000 * taken.cpu / students:.2f} ms of CPU a student")
    figures |= _on_disk(results)
    pages = [results / INDEX, *(results / PARTS).glob("*.html")]
    figures["index"], figures["its pages"] = pages[0].stat().st_size, len(pages) - 1
    _say(f"index.html: {size(pages[0].stat().st_size)}, and {len(pages) - 1} pages of rows")
    figures["browser"] = browser = in_browser(pages[0])
    _say("in Chromium: " + ("not here" if browser is None else ", ".join(f"{k} {v:.2f} s" for k, v in browser.items())))
    return figures


def _on_disk(results: Path) -> dict[str, float]:
    """What a student takes in the folder of results: bytes of each file, and names."""
    found: dict[str, float] = {}
    students = [*(results / "students").iterdir()]
    for student in students:
        for path in student.iterdir():
            found[path.name] = found.get(path.name, 0) + path.stat().st_size / len(students)
    _say("bytes a student: " + ", ".join(f"{name} {n:,.0f}" for name, n in sorted(found.items())))
    return found


_TIMES = """
const told = {"until it can be used": performance.getEntriesByType("navigation")[0].loadEventEnd};
const time = (what, act) => {
  const begun = performance.now();
  act();
  document.body.offsetHeight;
  told[what] = performance.now() - begun;
};
time("sorted by score", () => document.querySelector("th[data-key=score] button").click());
const query = document.getElementById("query");
time("searched", () => { query.value = "99"; query.dispatchEvent(new Event("input")); });
return told;
"""


def in_browser(page: Path) -> dict[str, float] | None:
    """Seconds that the page takes in Chromium; None where that, its driver or selenium is not here."""
    try:
        from selenium import webdriver
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        return None
    driver_program = shutil.which("chromedriver")
    if driver_program is None:  # selenium would look for one in the network
        return None
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    try:
        driver = webdriver.Chrome(options=options, service=Service(driver_program))
    except WebDriverException:
        return None
    try:
        driver.set_page_load_timeout(300)
        driver.get(page.as_uri())
        return {name: value / 1000 for name, value in driver.execute_script(_TIMES).items()}
    finally:
        driver.quit()


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    arguments = parser.parse_args()
    figures = []
    for students in arguments.students:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            figures.append(measure(students, Path(folder)))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, default=vars) + "\n")


if __name__ == "__main__":
    main()
