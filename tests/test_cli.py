"""The command as a person types it: exit codes, what goes to which stream, and Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader import cli
from grader.cli import main
from grader.exercise import Exercise
from grader.report import Report
from grader.scratch import remove
from tests.commands import GRADE, anew, text, typed
from tests.conftest import CHECKS, listing, running, thorough

Done = subprocess.CompletedProcess[str]


def grade(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Done:
    """Run the command; its streams are no terminals."""
    return text(typed(*arguments, cwd=cwd, environment=os.environ | environment))


def grade_anew(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Done:
    """Run the command in a process that is started for it."""
    return text(anew(*arguments, cwd=cwd, environment=os.environ | environment))


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    return make_exercise(CHECKS)


@pytest.fixture
def handed_in(exercise: Exercise, write_notebook: Callable[..., Path]) -> Callable[..., Path]:
    """Write a notebook for the small exercise, elsewhere than its folder; its path."""

    def write(*cells: str) -> Path:
        return write_notebook(*cells)

    return write


def complaint(out: str, err: str) -> str:
    """The one line that a wrong command gets."""
    assert out == ""
    assert "Traceback" not in err
    assert err.count("\n") == 1, err
    return err.strip()


# ---------------------------------------------------------------------- grading


def test_a_right_notebook(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    path = handed_in("x = 3\nprint('\\x1b[2J accuracy: 0.99')")
    (path.parent / "notes.txt").write_text("mine")
    before = path.read_bytes()
    done = grade_anew(path, "--exercise", exercise.folder, "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert "passed ✓  1/1  `x` is three." in done.stdout
    assert "1 of 1 check passed" in done.stdout
    assert "seed 7" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "Running cell 1 of 1" in done.stderr
    assert path.read_bytes() == before
    assert listing(path.parent) == [
        ".grade",
        ".grade/small",
        ".grade/small/executed.ipynb",
        ".grade/small/report.html",
        ".grade/small/report.json",
        "notes.txt",
        "small.ipynb",
    ]
    report = Report.model_validate_json((path.parent / ".grade" / "small" / "report.json").read_text())
    assert (report.status, report.seed) == ("passed", 7)


def test_a_wrong_notebook_as_json(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    path = handed_in(
        "x = 4", "import os; os.write(1, b'canary'); os.write(2, b'canary')", "print('canary')", "1 / 0 # ä"
    )
    done = grade_anew(path, "--exercise", exercise.folder, "--json", PYTHONIOENCODING="ascii", COLUMNS="20")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert Report.model_validate(report).status == "failed"
    assert (report["schema_version"], report["score"], report["max_score"]) == (1, 0, 1)
    assert report["execution"]["cell"] == 4
    assert report["checks"][0]["message"] == "`x` is 4."
    assert json.loads((path.parent / ".grade" / "small" / "report.json").read_text()) == report


def test_in_the_exercises_own_folder(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    shutil.copy(handed_in("x = 3"), exercise.starter)
    done = grade(".", "--device", "cpu", "--lang", "fi", cwd=exercise.folder)
    assert done.returncode == 0, done.stderr
    assert "Pieni harjoitus" in done.stdout
    assert ".grade/small" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the browser here is a shell's script")
def test_the_reports_page_is_opened_in_the_browser(
    exercise: Exercise, handed_in: Callable[..., Path], tmp_path: Path
) -> None:
    path, browser, asked = handed_in("x = 4"), tmp_path / "browser", tmp_path / "asked"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{asked}"\n')
    browser.chmod(0o755)
    done = grade(path, "--exercise", exercise.folder, "--open", BROWSER=str(browser))
    assert done.returncode == 1, done.stderr
    page = path.parent / ".grade" / "small" / "report.html"
    assert asked.read_text() == page.as_uri()
    assert "`x` is 4." in page.read_text("utf-8").replace("<code>", "`").replace("</code>", "`")
    done = grade(path, "--exercise", exercise.folder, "--open", BROWSER="/bin/false")
    assert done.returncode == 1
    assert "No browser could be opened. The page is" in done.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The notebook's file is empty."),
        (b"{", "The file ends in the midst: it was not saved or copied whole."),
        (
            json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": 7}).encode(),
            "The notebook has no list of cells.",
        ),
    ],
)
def test_a_broken_notebook_is_a_verdict(exercise: Exercise, tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    done = grade(path, "--exercise", exercise.folder)
    assert done.returncode == 1
    assert done.stderr == ""
    assert sentence in done.stdout
    assert listing(tmp_path / ".grade") == ["broken", "broken/report.html", "broken/report.json"]


def test_a_folder_that_cannot_be_written_to(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    path = handed_in("x = 3")
    (path.parent / ".grade").write_text("in the way")  # for the superuser no folder is read-only
    path.parent.chmod(0o555)
    done = grade(path, "--exercise", exercise.folder)
    path.parent.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "full report" not in done.stdout


def test_a_broken_check_is_the_graders_fault(
    make_exercise: Any, handed_in: Callable[..., Path], tmp_path: Path
) -> None:
    broken = make_exercise(CHECKS.replace("expect_count", "{}['x']; expect_count"))
    (tmp_path / "empty.ipynb").write_text("")
    path = handed_in("x = 3")
    done = grade(path, "--exercise", broken.folder)
    assert done.returncode == 3
    assert "KeyError" in done.stdout
    assert "costs no points" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


# ---------------------------------------------------------------------- wrong commands


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-folder"], "There is no no-such-folder."),
        (["no such notebook.ipynb"], "There is no no such notebook.ipynb."),
        (["notes.txt"], "notes.txt is no notebook."),
        (["."], "is no exercise."),
        (["mine.ipynb"], "Nothing tells which exercise mine.ipynb is for."),
        (["mine.ipynb", "--exercise", "zzz"], "There is no exercise 'zzz'."),
        (["mine.ipynb", "--exercise", "100", "--device", "tpu"], "There is no device 'tpu'."),
        (["mine.ipynb", "--exercise", "100", "--device", "cpu:1"], "There is no device 'cpu:1'."),
        (["mine.ipynb", "--exercise", "100", "--device", "cuda:x"], "There is no device 'cuda:x'."),
        (["mine.ipynb", "--exercise", "100", "--data", "some"], "some"),
        (["mine.ipynb", "--exercise", "100", "--seed", "-1"], "--seed"),
        (["mine.ipynb", "--exercise", "100", "--seed", "4294967296"], "--seed"),
        (["mine.ipynb", "--exercise", "100", "--lang", "sv"], "sv"),
        (["mine.ipynb", "--no-such-option"], "--no-such-option"),
        (["mine.ipynb", "another.ipynb"], "another.ipynb"),
        (["mine.ipynb", "--exercise", "110", "--data", "full"], "real data set 'mnist' is not in"),
        (["--json", "no-such-folder"], "There is no no-such-folder."),
        (["[/bold]"], "There is no [/bold]."),
        (["evil\x1b[2J.ipynb"], "There is no evil.ipynb."),
        (["~no-such-user-here/a.ipynb"], "cannot be opened"),
        (["x" * 5000], "cannot be opened"),
        (["validate", "zzz"], "There is no exercise 'zzz'."),
        (["validate", "100", "--only", "no_such_check"], "There is no check 'no_such_check'."),
        (["release", "zzz"], "There is no exercise 'zzz'."),
        (["data", "fetch", "zzz"], "There is no data set 'zzz'."),
        (["data", "add", "no-such-file"], "There is no no-such-file."),
        (["data", "add", "notes.txt"], "notes.txt is no data set of this course."),
    ],
    ids=lambda one: " ".join(one)[:60] if isinstance(one, list) else "",
)
def test_a_wrong_command_gets_one_line_with_the_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    (tmp_path / "mine.ipynb").write_text("{}")
    (tmp_path / "notes.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "no-data"))
    # In this process, since a new one for each would take a minute in all.
    monkeypatch.setattr(sys, "argv", ["grade", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    line = complaint(*capsys.readouterr())
    assert told in line
    assert len(line) < 8000
    assert "\x1b" not in line
    assert listing(tmp_path) == ["mine.ipynb", "notes.txt"]


def test_a_wrong_command_as_a_person_types_it(tmp_path: Path) -> None:
    done = grade_anew("no-such-folder", cwd=tmp_path)
    assert done.returncode == 2
    assert complaint(done.stdout, done.stderr).startswith("There is no no-such-folder. ")


def test_a_device_that_is_not_here(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    device = "mps" if sys.platform != "darwin" else "cuda"
    done = grade(handed_in("x = 3"), "--exercise", exercise.folder, "--device", device)
    assert done.returncode == 2
    assert f"There is no {device} device here." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_the_graders_own_is_told_apart_from_a_failed_notebook(tmp_path: Path) -> None:
    """A traceback's own exit code is 1, which would say "graded, not everything passed"."""
    broken = "import grader.exercise, grader.cli, sys; del grader.exercise.find_target; sys.argv = ['grade', 'x']"
    done = subprocess.run(
        [sys.executable, "-c", f"{broken}; grader.cli.main()"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "The grader itself failed (ImportError" in complaint(done.stdout, done.stderr)


def test_a_full_disk_is_no_fault_of_the_graders(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr(cli, "app", lambda **_: full())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    told = " ".join(capsys.readouterr().err.split())
    assert "cannot be written (No space left on device). Make room" in told
    assert "Nothing was graded" not in told


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux keeps them")
@pytest.mark.parametrize(
    ("limit", "told"), [("-n 14", "14 open files (`ulimit -n`)"), ("-v 1000000", "of address space (`ulimit -v`)")]
)
def test_a_limit_that_is_too_tight_is_named(
    limit: str, told: str, exercise: Exercise, handed_in: Callable[..., Path]
) -> None:
    command = [*GRADE, str(handed_in("x = 3")), "--exercise", str(exercise.folder), "--data", "small"]
    limited = ["sh", "-c", f"ulimit {limit}; exec {shlex.join(command)}"]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 3, done.stderr
    assert told in " ".join(done.stderr.split())
    assert "report it" not in done.stderr


def test_whoever_may_not_have_more_is_told_what_is_limited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def starved(**_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files", "/somewhere")

    monkeypatch.setattr(cli, "app", starved)
    monkeypatch.setattr(cli, "tight", lambda: "Here are limits.")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert " ".join(capsys.readouterr().err.split()).endswith("Nothing was graded. Here are limits.")


# ---------------------------------------------------------------------- commands that answer at once


def test_list(repository: Path, tmp_path: Path) -> None:
    for folder in (repository, tmp_path):
        done = grade("list", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "110" in done.stdout
        assert "mnist" in done.stdout
    found = json.loads(grade("list", "--json", "--lang", "fi", cwd=tmp_path, PYTHONIOENCODING="ascii").stdout)
    by_id = {one["id"]: one for one in found}
    assert {"100", "110"} <= set(by_id)
    assert by_id["110"]["data"] == ["mnist"]
    assert by_id["110"]["points"] > 0
    assert set(by_id["110"]) == {"id", "title", "notebook", "points", "data"}
    assert "Found by their ids" not in done.stdout


def test_a_course_of_ones_own_lists_its_own_exercises(make_exercise: Callable[..., Exercise], repository: Path) -> None:
    course = make_exercise().course
    assert [one["id"] for one in json.loads(grade("list", "--json", cwd=course).stdout)] == ["small"]
    done = grade("list", cwd=course, COLUMNS="400")
    table, more = done.stdout.split("Found by their ids, too, from ")
    assert "110" not in table
    assert more.startswith(f"{repository}: 100, 101, ")
    assert grade("doctor", "--exercise", "110", "--json", cwd=course).returncode == 0, "named, it is found"


def test_version_and_help() -> None:
    assert grade("--version").stdout.startswith("grade 0.")
    for arguments in (["--help"], ["-h"], ["notebook", "--help"], ["data", "--help"]):
        done = grade(*arguments)
        assert done.returncode == 0
        assert "Usage" in done.stdout
    done = grade()
    assert "Usage" in done.stdout + done.stderr
    assert done.returncode in (0, 2)


def test_data_status(tmp_path: Path) -> None:
    done = grade("data", "status", "--json", GRADER_DATA=str(tmp_path / "[/odd] name"))
    assert json.loads(done.stdout)["sets"]["mnist"] is False
    done = grade("data", "status", GRADER_DATA=str(tmp_path / "[/odd] name"))
    assert done.returncode == 0, done.stderr
    assert "[/odd] name" in done.stdout


def test_a_terminal_without_all_characters_gets_others(repository: Path) -> None:
    done = grade_anew("list", "--lang", "fi", cwd=repository, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["['--help']", "['list']", "['status']", "['data', 'status']"])
def test_torch_stays_out_of_the_graders_process(repository: Path, command: str) -> None:
    """It takes seconds to import, and no command but the kernels needs it."""
    program = (
        f"import sys; sys.argv = ['grade', *{command}]\n"
        "import grader.cli\n"
        "try:\n    grader.cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'matplotlib', 'nbclient'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_grading_itself_does_without_torch(repository: Path) -> None:
    program = (
        "import sys, grader.grading, grader.validation, grader.kernel.session, grader.render.console\n"
        "from grader.exercise import load\nfrom pathlib import Path\n"
        "for folder in Path('exercises').iterdir():\n"
        "    if (folder / 'checks.py').is_file():\n        load(folder).checks\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------- Ctrl-C


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What `condition` gives as soon as it is true."""
    ends = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < ends, "it did not come in time"
        time.sleep(0.05)
    return result


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for the command's temporary files; its path is short, since sockets lie below it."""
    folder = Path(tempfile.mkdtemp(prefix="g-"))
    yield folder
    remove(folder)


ENDLESS = "open('running', 'w').close()\nwhile True: pass"


@pytest.mark.skipif(os.name == "nt", reason="process groups")
@pytest.mark.parametrize("command", ["notebook", pytest.param("validate", marks=thorough)])
def test_ctrl_c_ends_at_once_and_leaves_nothing(
    exercise: Exercise, handed_in: Callable[..., Path], scratch: Path, command: str
) -> None:
    path = handed_in("x = 3", ENDLESS)
    arguments = [str(path), "--exercise", str(exercise.folder)]
    if command == "validate":
        exercise.solution_folder.mkdir(parents=True)
        shutil.copy(path, exercise.reference)
        (exercise.solution_folder / "mistakes.toml").write_text(
            '[[mistake]]\nname = "one"\nsays = "One."\nfails = ["x_is_three"]\nappend = ["x = 4"]\n'
        )
        arguments = ["validate", str(exercise.folder)]
    process = subprocess.Popen(
        [*GRADE, *arguments],
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # a terminal sends the signal to the whole group
    )
    try:
        wait_for(lambda: running(scratch) == (2 if command == "validate" else 1))
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert family
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert listing(scratch) == []
    assert not (path.parent / ".grade").exists()
    assert out == ""
    assert err.splitlines()[-1] == "Stopped."


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_whoever_ends_it_from_outside_ends_all_of_it(
    exercise: Exercise, handed_in: Callable[..., Path], scratch: Path
) -> None:
    path = handed_in("x = 3", ENDLESS)
    environment = os.environ | {"TMPDIR": str(scratch)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [*GRADE, str(path), "--exercise", str(exercise.folder)]
    with subprocess.Popen(command, env=environment, **pipes) as process:
        try:
            wait_for(lambda: running(scratch) == 1)
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGHUP)  # whoever hears nothing soon sends another
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGHUP)
    assert (out, err.splitlines()[-1]) == ("", "Stopped.")
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert listing(scratch) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_nobody_reads_how_far_it_has_got(exercise: Exercise, handed_in: Callable[..., Path]) -> None:
    """`grade PATH 2>&1 | head -3`, but for what is printed in the end: it ends, and the report is written."""
    path = handed_in("x = 3", "y = 4")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [*GRADE, str(path), "--exercise", str(exercise.folder)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, text=True, timeout=100, check=False)
    finally:
        os.close(writing)
    assert "points" in done.stdout
    assert done.returncode in (0, 1)
    assert (path.parent / ".grade").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_what_is_ignored_stays_so_and_handlers_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[object] = []
    monkeypatch.setattr(cli, "app", lambda **_: found.append(signal.getsignal(signal.SIGHUP)))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit):
            cli.main()
        assert found == [signal.SIG_IGN]
        assert signal.getsignal(signal.SIGTERM) is before[1]
    finally:
        signal.signal(signal.SIGHUP, before[0])
