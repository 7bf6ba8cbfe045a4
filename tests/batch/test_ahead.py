"""The warm process of a class is on its way before anything is read, and only where there may be something to grade."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.batch.ahead import warmed_ahead
from grader.kernel.warm import Warm
from grader.result_files import GRADES
from tests.batches import Batch, hand_in
from tests.conftest import ROOT

HEAVY = ("numpy", "pydantic", "nbformat", "nbclient", "jupyter_client", "IPython", "zmq")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Warm]:
    """Those that were started; none really is."""
    found: list[Warm] = []
    monkeypatch.setattr(Warm, "begin", lambda one: found.append(one))
    monkeypatch.setattr(Warm, "needs_views", False)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize(("there", "fresh", "starts"), [(False, False, 1), (True, False, 0), (True, True, 1)])
def test_it_is_started_where_nothing_is_graded_yet(
    there: bool, fresh: bool, starts: int, begun: list[Warm], tmp_path: Path
) -> None:
    if there:
        (tmp_path / GRADES).touch()
    with warmed_ahead(tmp_path, "cpu", fresh) as warm:
        assert begun == [warm] * starts


def test_with_results_from_before_it_is_started_for_what_is_new(
    folder: Path, quick_batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("grader.batch.command.start_ahead", lambda _: told.append(1))
    hand_in(folder, "ann", "x = 3")
    hand_in(folder, "bob", "x = 4")
    quick_batch()
    assert len(told) == 1
    quick_batch()
    assert len(told) == 1
    hand_in(folder, "bob", "x = 3")
    quick_batch()
    assert len(told) == 2


def test_nothing_heavy_is_imported_before_it() -> None:
    program = "import sys, grader.cli, grader.batch.ahead; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()}.isdisjoint(HEAVY)
