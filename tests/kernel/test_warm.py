"""The warm process: a notebook's kernel is a fork of it, and another one takes its place when it is no use any more."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest
import torch
from ipykernel.compiler import get_tmp_hash_seed

from grader.budget import Budget
from grader.kernel import quick, wire
from grader.kernel import warm as module
from grader.kernel.session import KernelSession, Settings
from grader.kernel.usual import usual
from grader.kernel.warm import Warm, warmed
from grader.scratch import remove, scratch_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


@pytest.fixture
def process() -> Iterator[Warm]:
    with warmed([]) as made:
        assert made is not None
        made.start()
        yield made


@pytest.fixture
def shared(warm: Warm | None) -> Warm:
    """One for whoever does no harm to it."""
    assert warm is not None
    return warm


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
    """Packages were installed since: what it has imported may not be what a notebook would import.

    What was forked before goes on: whoever installs a package while a class is graded must not cost anybody a grade.
    """
    scratch = scratch_folder(process.folder)
    (scratch / "notebook").mkdir()
    try:
        with KernelSession(scratch / "notebook", Settings("cpu", sandbox="auto", warm=process), Budget()) as kernel:
            first = pid(process)
            monkeypatch.setattr(module, "signature", lambda: "packages installed since")
            after = parents(process)
            assert pid(process) != first
            assert pid(process) in after
            assert kernel.ask({"do": "has", "names": ["x"]}, []).content["ok"] is not None
    finally:
        remove(scratch)
    process.close()
    assert not psutil.pid_exists(first)


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
    assert not made._listens()  # nobody has waited until it had imported everything
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)
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


# ---------------------------------------------------------------------- what a fork is


@contextmanager
def forked(warm: Warm, *cells: str, seed: int = 0, large: bool = True) -> Iterator[KernelSession]:
    """A kernel that has run these cells."""
    scratch = scratch_folder(warm.folder)
    (scratch / "notebook").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    try:
        settings = Settings("cpu", seed=seed, warm=warm, large=large)
        with KernelSession(scratch / "notebook", settings, Budget()) as kernel:
            kernel.execute(notebook)
            yield kernel
    finally:
        remove(scratch)


def value(kernel: KernelSession, name: str, *args: Any) -> Any:
    """What the notebook's function or variable of this name is."""
    request: dict[str, Any] = {"do": "value", "name": name}
    if args:
        request = {"do": "call", "name": name, "args": ["l", []], "options": ["d", []]}
    answer = kernel.ask(request, [])
    return wire.decode(answer.content["ok"], answer.buffers)


REFERENCE = Path(__file__).parents[2] / "solutions" / "100"


@pytest.mark.parametrize("large", [False, True])
def test_nothing_is_imported_in_a_fork(shared: Warm, large: bool) -> None:
    """What a fork imports, every fork imports: it belongs among what the warm process has.

    Modules that were there before the fork are frozen, so that the garbage collector does not list them.
    """
    (path,) = REFERENCE.glob("*.ipynb")
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    look = "import gc, sys\ndef late(): return sorted(m.__name__ for m in gc.get_objects() if type(m) is type(sys))"
    assert usual(cells)
    with forked(shared, *cells, "1 / 0", look, large=large) as kernel:
        value(kernel, "mlp_parameters")
        assert value(kernel, "late", ()) == []


HAS = "import sys\nhas = [name in sys.modules for name in ('torch', 'torchvision', 'torch._dynamo', 'matplotlib')]"
IMPORTS = "import torch, torchvision, matplotlib.pyplot as plt\ntorch.optim.SGD([torch.zeros(1)], 0.1)\nplt.plot([1])"


def maker(kernel: KernelSession) -> psutil.Process:
    """The process that it is a fork of."""
    assert kernel._process.process is not None
    parent = psutil.Process(kernel._process.process.pid).parent()
    assert parent is not None
    return parent


def test_what_many_do_without_is_imported_once_somebody_asks_for_it(process: Warm) -> None:
    """By a fork of what is there; without it a notebook imports what it wants, and nobody's kernel hangs on it."""
    with forked(process, HAS, IMPORTS, "ended = 1", large=False) as kernel:
        assert value(kernel, "has") == [True, False, False, False]
        assert value(kernel, "ended") == 1
        first = maker(kernel)
        with forked(process, HAS) as other:
            assert value(other, "has") == [True, True, True, True]
            second = maker(other)
            assert second.parent() == first
            second.kill()
        assert value(kernel, "ended") == 1
        with forked(process, HAS) as other:  # another takes its place
            assert value(other, "has") == [True, True, True, True]
            assert maker(other) != second
        assert maker(kernel) == first


def test_where_it_is_known_ahead_one_process_imports_everything() -> None:
    with warmed([]) as made:
        assert made is not None
        made.want_large()
        makers = set()
        for large in (True, False):
            with forked(made, HAS, large=large) as kernel:
                assert value(kernel, "has") == [True, True, True, True]
                makers.add(maker(kernel))
        assert len(makers) == 1


def test_a_fork_begins_as_new(shared: Warm) -> None:
    """The warm process has run cells of its own; nothing of them is seen."""
    look = (
        "import sys, traceback, random, linecache\n"
        "shell = get_ipython()\n"
        "seen = [sorted(n for n in globals() if n not in ('In', 'Out', 'exit', 'quit', 'open', 'get_ipython')),\n"
        "        shell.execution_count, len(In), dict(Out), [hasattr(sys, 'last_value'), hasattr(sys, 'last_type')],\n"
        "        shell.history_manager.input_hist_raw[1:-1], shell.last_execution_succeeded]"
    )
    with forked(shared, look) as kernel:
        names, count, inputs, outputs, errors, history, succeeded = value(kernel, "seen")
    hidden = {name for name in names if name.startswith("_")}
    assert set(names) - hidden == {"linecache", "random", "shell", "sys", "traceback"}
    assert not {name for name in hidden if name[1:].isdigit()}
    assert (count, inputs, outputs, errors, history, succeeded) == (2, 2, {}, [False, False], [], True)


def test_each_source_has_a_file_of_its_own(shared: Warm) -> None:
    """Named as ipykernel names them, by another number; whatever signs are in a source."""
    look = "import sys\n{name} = sys._getframe().f_code.co_filename  # {more}"
    sources = [look.format(name="first", more="ä 🙂"), look.format(name="second", more=""), "again = first"]
    with forked(shared, *sources, sources[0]) as kernel:
        first, second, again = (value(kernel, name) for name in ("first", "second", "again"))
    assert first == again != second
    seed = get_tmp_hash_seed()
    assert [Path(one).stem for one in (first, second)] == [str(quick.number_of(one, seed)) for one in sources[:2]]


def test_the_seed_gives_the_streams_that_it_always_gave(shared: Warm) -> None:
    """Whatever the warm process has drawn."""
    draw = "import random, numpy, torch\ndrawn = random.random(), numpy.random.rand(), torch.randn(3).tolist()"
    lazily = (
        "(tracked,) = [call for call in torch.cuda._lazy_seed_tracker.get_calls() if call]\n"
        "later = [cell.cell_contents for cell in tracked[0].__closure__]"
    )
    with forked(shared, draw, lazily, seed=7) as kernel:
        drawn, later = value(kernel, "drawn"), value(kernel, "later")
    torch.manual_seed(7)
    expected = random.Random(7).random(), np.random.RandomState(7).rand(), torch.randn(3).tolist()
    assert drawn == expected
    assert later == [7]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="an ordinary user's has one before it")
def test_it_is_the_first_process_of_its_namespace(shared: Warm) -> None:
    with forked(shared, "import os; numbers = os.getpid(), os.getppid()", large=False) as kernel:
        assert value(kernel, "numbers") == (1, 0)
        first = kernel._process.main
        assert first is not None
        assert psutil.Process(psutil.Process(first).ppid()).ppid() == pid(shared)
        assert [one.pid for one in kernel._process.processes()] == [first]


@pytest.mark.parametrize("gone", ["warm process", "standard input"])
def test_whoever_does_not_want_to_die_with_it_dies_all_the_same(process: Warm, gone: str) -> None:
    """A program started from another thread has lost the wish to be killed with its parent."""
    start = "import os, threading\nthreading.Timer(1, os.execv, ('/bin/sleep', ['sleep', '1000'])).start()"
    with forked(process) as kernel:
        main = psutil.Process(kernel._process.main)
        kernel.execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(start)]))
        while main.name() != "sleep":
            assert kernel.alive
        (warm,) = psutil.Process(pid(process)).children()
        if gone == "warm process":
            warm.kill()
        else:
            process.close()
        psutil.wait_procs([main], 10)
        assert not main.is_running()


def test_how_it_ended_is_written_down_before_anybody_hears_of_it(shared: Warm) -> None:
    with forked(shared, "import os; os._exit(3)") as kernel:
        assert kernel._process.process.wait(10) == 0
        assert os.waitstatus_to_exitcode(kernel._jail.exit_status() or 0) == 3
        assert kernel.ending() == "itself"
