"""Folders for a while: whatever lies in them, nothing of it remains."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader import scratch as module
from grader.scratch import remove, scratch_folder
from tests.conftest import ROOT, listing


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_closed_folders_are_removed_by_who_is_not_the_superuser() -> None:
    """Root may do everything: what closed folders do to anybody else shows in a process of another user."""
    # Not below pytest's own folder, which is closed to others.
    tmp_path = Path(tempfile.mkdtemp(prefix="grade-test-"))
    try:
        remove_as_somebody_else(tmp_path)
    finally:
        remove(tmp_path)


def remove_as_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    target = tmp_path / "target"
    target.write_text("x")
    target.chmod(0o644)
    os.chown(target, 65534, 65534)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            root = tmp_path / "root"
            (root / "closed" / "below").mkdir(parents=True)
            (root / "closed" / "below" / "file").write_text("x")
            (root / "closed" / "link").symlink_to(target)
            (root / "closed" / "below").chmod(0)
            (root / "closed").chmod(0o500)
            root.chmod(0o500)
            remove(root)
            code = 2 * root.exists() + 4 * (stat.S_IMODE(target.stat().st_mode) != 0o644)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_name_in_the_way_does_not_keep_a_folder_alive(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b" / "c").mkdir(parents=True)
    for number in range(20):
        (root / f".{number}" / "x").mkdir(parents=True)
        (root / f"-{number}").write_text("x")
    remove(root)
    assert not root.exists()


def test_nothing_to_remove(tmp_path: Path) -> None:
    remove(tmp_path / "missing")


# ---------------------------------------------------------------------- what killed graders left


GRADER = """
import subprocess, sys, time
from grader.scratch import scratch_folder
made = scratch_folder()
(made / "notebook" / "deep").mkdir(parents=True)
inner = scratch_folder(made)
if "child" in sys.argv:  # it outlives its parent, and has no part in the lock
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=sys.stdin, stdout=subprocess.DEVNULL)
print(made.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start a grader whose temporary files are in `tmp_path`: its process, and its scratch folder's name."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", GRADER, *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield run
    for process in started:
        assert process.stdin is not None
        assert process.stdout is not None
        os.killpg(process.pid, 9)
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="locks of Unix")
def test_what_killed_graders_left_is_swept_away(
    start: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    (tmp_path / "grade-results").mkdir()  # the teacher's own
    dead, left = start("child")
    alive, used = start()
    dead.kill()
    dead.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["grade-results", left, used])
    _, third = start()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["grade-results", used, third])
    assert (tmp_path / used / "notebook" / "deep").is_dir()
    assert alive.poll() is None


@pytest.mark.skipif(sys.platform == "win32", reason="locks of Unix")
def test_the_sweep_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / ".grader").touch()
    (tmp_path / "grade-link").symlink_to(tmp_path / "precious")
    (tmp_path / "grade-marked-by-a-link").mkdir()
    (tmp_path / "grade-marked-by-a-link" / ".grader").symlink_to(tmp_path / "precious" / ".grader")
    (tmp_path / "grade-dead").mkdir()
    (tmp_path / "grade-dead" / ".grader").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remove(scratch_folder())
    assert listing(tmp_path) == [
        *("grade-link", "grade-marked-by-a-link", "grade-marked-by-a-link/.grader", "precious", "precious/.grader")
    ]


def test_a_scratch_folder_that_is_removed_holds_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(module._locks)
    made = scratch_folder()
    inner = scratch_folder(made)
    assert set(module._locks) - set(before) <= {made}
    assert inner.parent == made
    remove(made)
    assert module._locks == before
    assert listing(tmp_path) == []
