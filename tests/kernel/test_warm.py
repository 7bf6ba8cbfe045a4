"""The warm process: a notebook's kernel is a fork of it, and another one takes its place when it is no use any more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.budget import Budget
from grader.kernel import warm as module
from grader.kernel.session import KernelSession, Settings
from grader.kernel.warm import Warm, warmed
from grader.workspace import remove, scratch_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


@pytest.fixture
def process() -> Iterator[Warm]:
    with warmed([]) as made:
        assert made is not None
        made.start()
        yield made


def pid(warm: Warm) -> int:
    assert warm._process is not None
    return warm._process.pid


def parents(warm: Warm) -> set[int]:
    """The process that a kernel is a fork of, and those above that one."""
    scratch = scratch_folder(warm.folder)
    (scratch / "notebook").mkdir()
    try:
        with KernelSession(scratch / "notebook", Settings("cpu", sandbox="auto", warm=warm), Budget()) as kernel:
            process = kernel._provisioner.process
            return {one.pid for one in psutil.Process(process.pid).parents()}
    finally:
        remove(scratch)


def test_it_is_started_once(process: Warm) -> None:
    first = pid(process)
    process.start()
    assert pid(process) == first
    assert first in parents(process)


def test_a_dead_one_is_started_again(process: Warm) -> None:
    first = pid(process)
    family = [psutil.Process(first), *psutil.Process(first).children(recursive=True)]  # bubblewrap stands before it
    for one in family:
        one.kill()
    psutil.wait_procs(family, 10)
    after = parents(process)
    assert pid(process) != first
    assert pid(process) in after


def test_one_that_is_out_of_date_is_started_again(process: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages were installed since: what it has imported may not be what a notebook would import."""
    first = pid(process)
    monkeypatch.setattr(module, "signature", lambda: "packages installed since")
    after = parents(process)
    assert pid(process) != first
    assert pid(process) in after
    process.close()
    assert not psutil.pid_exists(first)


def test_what_was_forked_before_goes_on(process: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installs a package while a class is graded must not cost anybody a grade."""
    scratch = scratch_folder(process.folder)
    (scratch / "notebook").mkdir()
    try:
        with KernelSession(scratch / "notebook", Settings("cpu", sandbox="auto", warm=process), Budget()) as kernel:
            first = pid(process)
            monkeypatch.setattr(module, "signature", lambda: "packages installed since")
            parents(process)
            assert pid(process) != first
            assert kernel.ask({"do": "has", "names": ["x"]}, []).content["ok"] is not None
    finally:
        remove(scratch)


def test_installing_a_package_changes_the_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sysconfig, "get_paths", lambda: {"purelib": str(tmp_path), "platlib": str(tmp_path)})
    before = module.signature()
    assert module.signature() == before
    (tmp_path / "package").mkdir()
    assert module.signature() != before
