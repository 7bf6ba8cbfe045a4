"""From a bare environment: the wheel, the bundle that students get by its own README, Gradescope's scripts.

Nothing is downloaded: packages come from the running environment through a ``.pth`` file, which the `python3` on the
path of these tests puts into each environment that it makes. Everything is tried as the user who runs the tests and
as an ordinary one.
"""

from __future__ import annotations

import ensurepip
import fcntl
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.bundle import package_wheel, write_bundle
from grader.exercise import load
from grader.scratch import remove
from tests.conftest import ROOT, notebook, thorough

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell's scripts")

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}
ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]

PYTHON = """#!/bin/sh
# The running Python; an environment that it makes has the running one's packages.
if [ "$1 $2" != "-m venv" ]; then exec {python} "$@"; fi
{python} -m venv --without-pip "$3"
site=$("$3/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
printf '%s\\n' {packages} >"$site/running.pth"
printf '#!/bin/sh\\nPYTHONPATH=%s exec "${{0%%/*}}/python" -m pip "$@"\\n' {pip} >"$3/bin/pip"
chmod +x "$3/bin/pip"
"""


def as_users(*marks: pytest.MarkDecorator) -> list[object]:
    """What stands before a command: nothing, and what makes root an ordinary user."""
    found = [pytest.param([], id="as-it-is")]
    if sys.platform == "linux" and os.geteuid() == 0:
        can = shutil.which("unshare") and subprocess.run([*ORDINARY, "true"], check=False).returncode == 0
        marks = marks if can else (pytest.mark.skip(reason="nobody can become an ordinary user here"),)
        found.append(pytest.param(ORDINARY, id="ordinary", marks=marks))
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path, since sockets lie below it."""
    folder = Path(tempfile.mkdtemp(prefix="g-"))
    yield folder
    remove(folder)


@pytest.fixture(scope="module")
def tools() -> Path:
    """A folder for the front of PATH: `python3`, and an `apt-get` that does nothing."""
    folder = Path(os.environ["GRADER_CACHE"]) / f"tools-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    packages = shlex.join(path for path in sys.path if path.endswith("-packages"))
    python = PYTHON.format(python=shlex.quote(sys.executable), packages=packages, pip=shlex.quote(str(pip)))
    for name, text in {"python3": python, "apt-get": "#!/bin/sh\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run(command: list[str | Path], tools: Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the tools at the front of its path."""
    changed = {"PATH": f"{tools}:{os.environ['PATH']}", "GRADER_DATA": str(cwd / "no-data"), **OFFLINE}
    return subprocess.run(
        [str(one) for one in command],
        cwd=cwd,
        env=os.environ | changed | environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tools: Path) -> Path:
    """A bare environment with the wheel in it, built by setuptools; one for all workers of this run of the tests."""
    top = Path(os.environ["GRADER_CACHE"]) / "installed"
    top.mkdir(exist_ok=True)
    with (top / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (top / "whole").exists():
            for name in ("pyproject.toml", "README.md", "LICENSE"):
                (top / "source").mkdir(exist_ok=True)
                shutil.copyfile(ROOT / name, top / "source" / name)
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "grader", top / "source" / "grader", ignore=unwanted)
            build = "from setuptools import build_meta; print(build_meta.build_wheel('..'))"
            done = run([sys.executable, "-c", build], tools, top / "source")
            assert done.returncode == 0, done.stderr
            wheel = top / done.stdout.split()[-1]
            for command in (["python3", "-m", "venv", "env"], ["env/bin/pip", "install", "--quiet", wheel]):
                done = run(command, tools, top)
                assert done.returncode == 0, done.stderr
            (top / "whole").touch()
    return top


def test_the_wheel_for_students_is_the_one_that_is_built(installed: Path) -> None:
    (built,) = installed.glob("*.whl")
    name, _ = package_wheel()
    assert built.name == name
    with zipfile.ZipFile(built) as archive:
        found = {one for one in archive.namelist() if one.startswith("grader/")}
    package = ROOT / "grader"
    own = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert found == {f"grader/{path.relative_to(package).as_posix()}" for path in own}


LOOK = """
import os, sys
import grader
told = [os.path.dirname(grader.__file__)]
seen = [one for one in {places!r} + told for _, _, files in os.walk(one) if files]
seen += [one for one in sys.path for _, _, files in os.walk(os.path.join(one, "grader")) if files]
x = seen or 3
"""


@pytest.fixture
def small(make_exercise) -> Path:  # type: ignore[no-untyped-def]
    """A course of one small exercise."""
    return make_exercise().course


UMASKS = [pytest.param("077"), pytest.param("027", marks=thorough), pytest.param("007", marks=thorough)]


@pytest.mark.parametrize("user", as_users())
@pytest.mark.parametrize("umask", UMASKS)
def test_the_wheel_grades_with_its_package_out_of_reach(
    user: list[str], umask: str, installed: Path, tools: Path, place: Path, small: Path
) -> None:
    secrets = [str(small / "exercises"), str(installed / "source")]
    path = place / "mine.ipynb"
    path.write_text(json.dumps(notebook(LOOK.format(places=secrets), "open('new', 'w').close()")))
    command = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *user, installed / "env/bin/grade", path, "--exercise"]
    done = run([*command, small / "exercises" / "small"], tools, place, GRADER_CACHE=str(place / "cache"))
    assert done.returncode == 0, done.stdout + done.stderr


def commands_of(readme: str) -> list[str]:
    """What the README's blocks for a shell say to type, `grade` as it says that it stands for."""
    typed = [line.removeprefix("$ ") for line in readme.splitlines() if line.startswith("$ ")]
    return [f".venv/bin/{line}" if line.startswith("grade ") else line for line in typed]


@thorough
@pytest.mark.parametrize("user", as_users())
def test_a_bundle_by_its_own_readme(user: list[str], tools: Path, place: Path) -> None:
    exercise = load(ROOT / "exercises" / "100")
    with zipfile.ZipFile(write_bundle([exercise], place / "course.zip")) as archive:
        archive.extractall(place / "student")
    commands = commands_of((place / "student" / "README.md").read_text())
    assert [one.split()[0] for one in commands] == ["python3", ".venv/bin/pip", *[".venv/bin/grade"] * 4]
    for typed in commands:
        if typed.startswith(".venv/bin/grade exercises"):
            shutil.copy(exercise.reference, place / "student" / "exercises" / "100" / exercise.starter.name)
        done = run([*user, *typed.replace(" jupyterlab", "").split()], tools, place / "student")
        assert done.returncode == 0, (typed, done.stdout, done.stderr)
        if typed.startswith(".venv/bin/grade exercises"):
            assert "20/20" in done.stdout


@thorough
@pytest.mark.parametrize("user", as_users())
def test_gradescopes_image(user: list[str], tools: Path, place: Path, small: Path) -> None:
    made = [sys.executable, "-m", "grader.cli", "export", "gradescope-autograder"]
    done = run([*made, small / "exercises" / "small", "-o", place / "autograder.zip"], tools, ROOT)
    assert done.returncode == 0, done.stderr
    root = place / "autograder"
    with zipfile.ZipFile(place / "autograder.zip") as archive:
        archive.extractall(root / "source")
    for script in ("setup.sh", "run_autograder"):
        (root / "source" / script).chmod(stat.S_IRWXU)
    where = {"AUTOGRADER_ROOT": str(root), "HOME": str(root), "GRADER_CACHE": str(place / "cache")}
    done = run([*user, root / "source" / "setup.sh"], tools, root, **where)
    assert done.returncode == 0, done.stdout + done.stderr
    (root / "submission").mkdir()
    (root / "submission" / "mine.ipynb").write_text(json.dumps(notebook("x = 3")))
    done = run([*user, root / "source" / "run_autograder"], tools, root, **where)
    results = json.loads((root / "results" / "results.json").read_text())
    assert (results.get("score"), done.returncode) == (1, 0), done.stdout + done.stderr
