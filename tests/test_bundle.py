"""What students get of a course: a zip with its exercises and the grader, and nothing of the solutions."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.authoring import read_reference, starter_of, text_of
from grader.bundle import write_bundle
from grader.errors import ExerciseError, UsageError
from grader.exercise import Exercise, exercise_folders, load
from grader.skeleton import new_exercise
from tests.conftest import CHECKS, listing

# ---------------------------------------------------------------------- grade release --bundle


@pytest.fixture
def course(nowhere: Path) -> Path:
    """A course of two exercises, with all that students must not get, and some that they need."""
    for name in ("105", "106"):
        new_exercise(name, nowhere)
        one = load(nowhere / "exercises" / name)
        one.hidden_checks.write_text(CHECKS.replace("x_is_three", "hidden_x_is_three"))
        one.starter.write_text(one.reference.read_text())  # somebody has tried it out in its place
        for path in ("helper.py", "pictures/a.png", ".grade/x/report.json", "mine.ipynb", "__pycache__/a.pyc"):
            (one.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (one.folder / path).write_text("x = 1")
    return nowhere


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    """The files of a zip, after it is laid out in the folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        return {name: opened.read(name) for name in opened.namelist()}


EXERCISE_FILES = {
    "105_a_new_exercise.ipynb",
    "answers.toml",
    "checks.py",
    "exercise.toml",
    "helper.py",
    "pictures/a.png",
}


def test_a_bundle_holds_what_students_get_and_nothing_else(course: Path, tmp_path: Path) -> None:
    path = write_bundle([load(course / "exercises" / "105")], course / "course.zip")
    files = unpacked(path, tmp_path / "student")
    (wheel,) = (name for name in files if name.endswith(".whl"))
    assert set(files) - {wheel} == {"README.md", *(f"exercises/105/{name}" for name in EXERCISE_FILES)}
    notebook = files["exercises/105/105_a_new_exercise.ipynb"].decode()
    assert notebook == text_of(starter_of(read_reference(load(course / "exercises" / "105"))))
    for name, content in files.items():
        if name != wheel:
            assert b"SOLUTION" not in content, name
            assert b"4 * 3" not in content, name
            assert b"hidden_" not in content, name
    one = load(tmp_path / "student" / "exercises" / "105")
    assert len(one.checks) == 3
    assert len(load(course / "exercises" / "105").checks) == 4


def test_the_readme_names_what_there_is(course: Path, tmp_path: Path) -> None:
    files = unpacked(write_bundle(map_of(course), course / "course.zip"), tmp_path / "student")
    readme = files["README.md"].decode()
    assert "**105** A new exercise / Uusi harjoitus" in readme
    assert "grade exercises/105" in readme
    (wheel,) = (name for name in files if name.endswith(".whl"))
    assert readme.count(wheel) == 2


def map_of(course: Path) -> list[Exercise]:
    return [load(folder) for folder in exercise_folders(course).values()]


def test_the_same_content_gives_the_same_bytes(course: Path) -> None:
    first = write_bundle(map_of(course), course / "a.zip").read_bytes()
    for path in course.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    assert write_bundle(list(reversed(map_of(course))), course / "b.zip").read_bytes() != first  # another README
    assert write_bundle(map_of(course), course / "b.zip").read_bytes() == first
    for archive in (course / "b.zip", io.BytesIO(wheel_in(course / "b.zip"))):
        with zipfile.ZipFile(archive) as opened:
            told = {(info.date_time, info.create_system, info.external_attr) for info in opened.infolist()}
            assert len(told) == 1
            assert (1980, 1, 1, 0, 0, 0) in told.pop()
            assert opened.namelist() == sorted(opened.namelist())
    (course / "exercises" / "106" / "helper.py").write_text("x = 2")
    assert write_bundle(map_of(course), course / "b.zip").read_bytes() != first


def wheel_in(archive: Path) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return next(opened.read(name) for name in opened.namelist() if name.endswith(".whl"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda one: one.reference.unlink(), "has no reference notebook"),
        (lambda one: (one.folder / "checks.py").write_text("1 / 0"), "cannot be run"),
        (lambda one: os.truncate(one.folder / "helper.py", 60_000_000), "too much to come along"),
    ],
)
def test_an_exercise_that_cannot_be_handed_out(course: Path, spoil: Callable[[Exercise], object], said: str) -> None:
    spoil(load(course / "exercises" / "106"))
    with pytest.raises(ExerciseError, match=said):
        write_bundle(map_of(course), course / "course.zip")
    assert not (course / "course.zip").exists()


@pytest.mark.parametrize("place", ["no-such-folder/course.zip", "exercises"])
def test_a_bundle_that_cannot_be_written(course: Path, place: str) -> None:
    before = listing(course)
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(map_of(course), course / place)
    assert listing(course) == before


def test_a_bundle_of_nothing(nowhere: Path) -> None:
    with pytest.raises(UsageError, match="There are no exercises here"):
        write_bundle([], nowhere / "course.zip")


@pytest.mark.skipif(sys.platform == "win32", reason="environments look otherwise there")
def test_students_grade_with_what_the_bundle_holds(course: Path, tmp_path: Path) -> None:
    """An environment with the wheel in it, the folder that was unpacked, and no course around."""
    student = tmp_path / "student"
    files = unpacked(write_bundle(map_of(course), course / "course.zip"), student)
    (wheel,) = (name for name in files if name.endswith(".whl"))
    python, site = environment(tmp_path / "environment")
    package = unpacked(student / wheel, site)
    for line in package["grader-0.1.0.dist-info/RECORD"].decode().splitlines()[:-1]:
        name, digest, length = line.rsplit(",", 2)
        assert len(package[name]) == int(length)
        assert base64.urlsafe_b64decode(f"{digest.removeprefix('sha256=')}=") == hashlib.sha256(package[name]).digest()
    assert b"grade = grader.cli:main" in package["grader-0.1.0.dist-info/entry_points.txt"]
    where = "import sys, grader.cli; print(grader.__file__, file=sys.stderr); grader.cli.main()"
    done = subprocess.run(
        # No sandbox: bubblewrap puts an empty /tmp in the place of the one where this environment lies.
        [python, "-c", where, "exercises/106", "--json", "--sandbox", "off"],
        cwd=student,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip() == str(site / "grader" / "__init__.py")
    report = json.loads(done.stdout)
    assert (report["score"], report["max_score"]) == (0, 4)
    assert [check["status"] for check in report["checks"]] == ["failed", "failed", "skipped"]


def environment(folder: Path) -> tuple[Path, Path]:
    """A new environment with all that is installed here but this package: its Python, and its `site-packages`."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python", site
