"""The warm process: a notebook's kernel is a fork of it, and another one takes its place when it is no use any more."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.budget import Budget
from grader.kernel import warm as module
from grader.kernel.session import KernelSession, Settings
from grader.kernel.warm import Warm, warmed
from grader.scratch import remove, scratch_folder

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
            process = kernel._process.process
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


# ---------------------------------------------------------------------- started ahead


@pytest.fixture
def ahead() -> Iterator[Warm]:
    with warmed() as made:
        assert made is not None
        made.begin()
        yield made


def test_nobody_waits_but_who_wants_a_fork(ahead: Warm) -> None:
    first = pid(ahead)
    assert not ahead._listens()
    ahead.begin()  # it is on its way: another one is not started
    assert pid(ahead) == first
    assert first in parents(ahead)


def test_one_that_is_not_wanted_after_all_ends_at_once() -> None:
    with warmed() as made:
        assert made is not None
        made.begin()
        process = psutil.Process(pid(made))
        family = [process, *process.children(recursive=True)]
        assert not made._listens()
        begun = time.monotonic()
    assert not made._listens()
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)
    assert time.monotonic() - begun < 4, "nobody waits until it has imported everything"
    assert not made.folder.exists()


def test_who_waits_for_one_that_dies_on_its_way_is_told(ahead: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock goes with it: nobody waits for a dead one, and another takes its place."""
    first = pid(ahead)
    module._kill(ahead._process)  # type: ignore[arg-type]
    after = parents(ahead)
    assert first not in after
    assert pid(ahead) in after


def test_where_it_cannot_be_started_at_all_there_is_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    with warmed() as made:
        assert made is not None
        monkeypatch.setattr(module.sys, "executable", "/bin/false")
        with pytest.raises(module.NoFork):
            made.start()


def test_the_list_of_fonts_is_made_once(process: Warm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    process.close()
    (kept,) = (tmp_path / "cache" / "fonts").iterdir()
    kept.write_text("this machine's fonts")
    process.begin()
    lent = process.folder / ".home" / "mplconfigdir" / kept.name
    assert lent.read_text() == "this machine's fonts"
