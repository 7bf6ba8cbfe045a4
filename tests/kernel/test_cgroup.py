"""Control groups, where this user may make them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.kernel import cgroup, sandbox
from grader.kernel.cgroup import ControlGroup
from grader.kernel.warm import Warm
from tests.conftest import SAMPLE

# Waits for a line, so that it is in its group before it takes what it is told to take.
TAKE = "import sys; sys.stdin.readline(); held = bytearray(int(sys.argv[1])); print(len(held))"


@pytest.fixture
def group() -> Iterator[ControlGroup]:
    try:
        made = ControlGroup(100_000_000, 20)
    except OSError as error:
        pytest.skip(f"no control groups: {error}")
    yield made
    made.remove()


def take(group: ControlGroup, size: int) -> subprocess.CompletedProcess[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", TAKE, str(size)], **pipes) as process:  # type: ignore[call-overload]
        group.add([process.pid])
        out, _ = process.communicate("go\n")
    return subprocess.CompletedProcess([], process.returncode, out)


def test_a_little_memory_is_fine(group: ControlGroup) -> None:
    assert take(group, 20_000_000).returncode == 0
    assert not group.ran_out()


def test_too_much_memory_ends_the_process(group: ControlGroup) -> None:
    assert take(group, 400_000_000).returncode == -signal.SIGKILL
    assert group.ran_out()


def test_nothing_is_left_of_a_group(group: ControlGroup) -> None:
    folders = list(group._folders)
    assert folders
    assert all(folder.is_dir() for folder in folders)
    group.remove()
    assert not any(folder.exists() for folder in folders)
    group.add([1])  # of a group that is gone nothing is asked any more
    assert not group.ran_out()


def test_groups_of_a_grader_that_was_killed_are_removed(group: ControlGroup) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    left = group._folders[0].with_name(f"grader-{gone.pid}-left")
    left.mkdir()
    cgroup._sweep.cache_clear()  # each process looks once
    ControlGroup(100_000_000, 20).remove()
    assert not left.exists()
    assert all(folder.is_dir() for folder in group._folders)


def test_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("not for you")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OSError, match=r"not for you|no control group|No such file"):
        cgroup.ControlGroup(100_000_000, 20)


def test_a_notebook_that_takes_its_memory_at_once(grade_cells, group: ControlGroup) -> None:  # type: ignore[no-untyped-def]
    """Quicker than anybody looks: the verdict is the same."""
    graded = grade_cells("x = 3", "held = b'x' * 6_000_000_000", options=SAMPLE)
    assert graded.report.execution.status == "memory"
    assert graded.report.execution.cell == 2
    assert sandbox.GROUP in graded.report.sandbox


def test_a_process_comes_in_by_itself_through_the_doors(group: ControlGroup) -> None:
    with group.doors() as doors:
        if not doors:
            pytest.skip("control groups of version 2 have none")
        goes, told = os.pipe()
        child = os.fork()
        if child == 0:
            for door in doors:
                os.write(door, b"0")
            os.write(told, b"in")
            signal.pause()
            os._exit(0)
        assert os.read(goes, 2) == b"in"
    try:
        assert all(str(child) in (one / "cgroup.procs").read_text().split() for one in group._folders)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(goes)
        os.close(told)


@pytest.mark.parametrize("opened", [True, False])
def test_a_fork_is_in_its_group_whether_or_not_it_comes_by_itself(
    opened: bool, grade_cells: Any, group: ControlGroup, warm: Warm | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def closed(_: ControlGroup) -> Iterator[list[int]]:
        yield []

    taken_in: list[int] = []

    def add(self: ControlGroup, pids: Iterable[int]) -> None:
        for pid in pids:
            inside = str(pid) in (self._folders[0] / "cgroup.procs").read_text().split()
            taken_in.extend([] if inside else [pid])
        own(self, pids)

    with group.doors() as doors:
        if opened and not doors:
            pytest.skip("control groups of version 2 have no doors")
    own = ControlGroup.add
    monkeypatch.setattr(ControlGroup, "add", add)
    if not opened:
        monkeypatch.setattr(ControlGroup, "doors", closed)
    graded = grade_cells("x = 3", "held = b'x' * 6_000_000_000", options=replace(SAMPLE, warm=warm))
    assert graded.report.execution.status == "memory"
    assert bool(taken_in) is not opened
