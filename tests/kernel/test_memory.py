"""Memory that processes hold, and that is held for them."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.grading import Graded
from grader.kernel import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what it holds for whom")


@contextmanager
def program(source: str) -> Iterator[psutil.Process]:
    """A process that has done this, and waits."""
    command = [sys.executable, "-c", source + "\nprint('ready', flush=True)\ninput()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield psutil.Process(process.pid)
        process.kill()


def test_page_tables_count() -> None:
    source = f"""
import mmap
area = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot={mmap.PROT_READ})
for place in range(0, len(area), 2 << 20):
    area[place]
"""
    with program(source) as process:
        tables = 4096 * (64 << 30) // (2 << 20)
        assert process.memory_info().rss < 60_000_000
        assert tables < memory.memory_of([process], 10**12) < tables + 80_000_000


def test_pipes_and_descriptors_count() -> None:
    with program("import os\nheld = [os.pipe() for _ in range(200)]") as process:
        unnamed, held = memory.opened([process], 0)
        assert unnamed == 0
        assert 200 * 65536 <= held < 210 * 65536 + 500 * 512
        assert memory.opened([process, process], 0)[1] - held < 500 * 512  # a pipe that two hold is one


def test_files_without_a_name_count(tmp_path: Path) -> None:
    source = f"import os\nfile = open({str(tmp_path / 'a')!r}, 'wb')\n"
    source += "file.write(bytes(500_000))\nfile.flush()\nos.unlink(file.name)"
    with program(source) as process:
        assert memory.opened([process], os.stat(tmp_path).st_dev)[0] >= 500_000  # noqa: PTH116
        assert memory.opened([process], -1)[0] == 0


def test_sockets_count_where_they_are_a_notebooks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    one = psutil.Process()
    before = memory.memory_of([one], 10**12)
    monkeypatch.setattr(memory, "_kilobytes", lambda *_: [0, 0])
    monkeypatch.setattr(
        memory.Path, "read_text", lambda path, *_: "sockets: used 1064" if path.name == "sockstat" else "200000"
    )
    monkeypatch.setattr(memory, "_files_in_memory", lambda _: 0)
    assert memory.memory_of([one], 10**12, first=os.getpid()) - memory.memory_of([one], 10**12) == 1000 * 300_000
    assert memory.memory_of([one], 10**12) < before + 10_000_000


def test_what_cannot_be_looked_at_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have become another program, which nobody but root may look into."""
    two = [psutil.Process(), psutil.Process(os.getppid())]
    resident = sum(one.memory_info().rss for one in two)
    monkeypatch.setattr(memory, "_kilobytes", lambda *_: [0, 0])
    assert memory.memory_of(two, limit=1) >= 0.9 * resident


def test_memory_that_workers_share_counts_once(grade_cells: Callable[..., Graded]) -> None:
    """A data loader's workers hand over batches in shared memory: files of /dev/shm, mapped by several at once."""
    cells = """
import torch
from torch.utils.data import DataLoader

class Large(torch.utils.data.Dataset):
    def __len__(self): return 5
    def __getitem__(self, n): return torch.full((10_000_000,), float(n))

batches = list(DataLoader(Large(), batch_size=1, num_workers=2))  # 200 MB
shared = torch.zeros(37_000_000).share_memory_()  # 150 MB
x = 3
"""
    report = grade_cells(cells).report
    assert (report.status, report.execution.status) == ("passed", "ok"), report.execution


def test_what_ends_while_it_is_measured_holds_nothing() -> None:
    class Ending(psutil.Process):
        """Asked for what it holds, it tells, and ends: a loader's workers do so all at once."""

        def memory_info(self) -> Any:
            try:
                return super().memory_info()
            finally:
                self.kill()
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    with program("held = bytearray(100_000_000)") as one, program("") as two:
        ending = Ending(one.pid)
        assert memory.memory_of([ending, two], limit=1) < 60_000_000
