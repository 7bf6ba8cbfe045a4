"""Memory of the warm process in huge pages: what is full is laid together, what is empty stays empty."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_PROGRAM = """
import json, mmap
from grader.kernel import linux

SIZE = 32 << 20
full, empty = (mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(2))
for place in range(0, SIZE, mmap.PAGESIZE):
    full[place] = 7

def memory():
    lines = [line.split() for line in open("/proc/self/smaps_rollup")]
    return [int(line[1]) << 10 for name in ("Rss:", "AnonHugePages:") for line in lines if line[0] == name]

before = memory()
steps = len(list(linux.huge_pages()))
after = memory()
print(json.dumps([before, after, steps, set(full[:: mmap.PAGESIZE]) == {7}]))
"""


@pytest.mark.skipif(sys.platform != "linux" or not _SIZE.exists(), reason="no huge pages")
def test_full_areas_become_huge_pages_and_empty_ones_take_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    (resident, huge), (resident_after, huge_after), steps, kept = json.loads(done.stdout)
    assert kept
    assert steps >= 2 * (32 << 20) // int(_SIZE.read_text()) - 2
    assert resident_after < resident + (8 << 20)  # the empty 32 MB are not there now
    if huge_after == huge:
        pytest.skip("Linux has no MADV_COLLAPSE, or no room")
    assert huge_after >= huge + (24 << 20)


def test_where_there_are_none_nothing_is_done() -> None:
    program = (
        _PROGRAM.split("SIZE = ")[0]
        + """
import builtins
own = builtins.open
def none(path, *args, **kwargs):
    if "hugepage" in str(path):
        raise FileNotFoundError(path)
    return own(path, *args, **kwargs)
builtins.open = none
print(list(linux.huge_pages()))
"""
    )
    if sys.platform != "linux":
        pytest.skip("the module is Linux's")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
