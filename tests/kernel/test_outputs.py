"""How much a cell may show, and how much it may send for that."""

from __future__ import annotations

from collections.abc import Callable

from grader.grading import Graded
from grader.kernel.execution import _rolled, overwritten

Grade = Callable[..., Graded]

# Each sends more than 1 MB, which is what the exercise lets a cell show, and shows far less.
BARS = [
    "for n in range(6000):\n    print(f'\\r{n:5} {\"#\" * 150}', end='', flush=True)",
    "for n in range(6000):\n    print(f'{n:5} {\"#\" * 150}', end='\\r', flush=True)",
    "from tqdm import tqdm\nfor n in tqdm(range(3000), mininterval=0, ncols=200):\n    pass",
    "import sys\nfor n in range(3000):\n    sys.stderr.write('\\r' + '#' * 150)\n    sys.stderr.flush()\n"
    "    print('.', end='', flush=True)",
    "from IPython.display import clear_output\nfor n in range(1500):\n    clear_output(wait=True)\n"
    "    print('a' * 1000, flush=True)",
    "from IPython.display import display\nhandle = display('', display_id=True)\n"
    "for n in range(1500):\n    handle.update('a' * 1000)",
]
FLOODS = [
    "while True:\n    print('\\n' + '#' * 150, end='\\r', flush=True)",
    "from IPython.display import display\nwhile True:\n    display('a')",
    "from IPython.display import display\nhandle = display('', display_id=True)\n"
    "for n in range(1, 100):\n    handle.update('a' * 20_000 * n)",
]


def test_a_progress_bar_is_what_it_shows(grade_cells: Grade) -> None:
    graded = grade_cells(*BARS, "x = 3")
    assert graded.report.execution.error is None
    assert graded.report.status == "passed"
    assert graded.notebook is not None
    sizes = [sum(len(str(out)) for out in cell.outputs) for cell in graded.notebook.cells[:-1]]
    assert max(sizes) < 10_000, sizes


def test_what_is_shown_is_bounded(grade_cells: Grade) -> None:
    report = grade_cells(*FLOODS, "x = 3", cell_s=60, total_s=200).report
    assert [cell.status for cell in report.execution.cells] == ["output"] * 3 + ["ok"]


def test_text_that_goes_on() -> None:
    for pieces in (
        ["a\r", "b"],
        ["abc", "\rde\r", "f\n", "g\r"],
        ["a\r", "\nb"],
        ["\r\r", "x\ry", "\r\n"],
        ["a\nb\rc", "\r"],
    ):
        whole = ""
        for piece in pieces:
            whole = _rolled(whole + piece)
        assert overwritten(whole) == overwritten("".join(pieces)), pieces


def test_outputs_come_whoever_writes_them(grade_cells: Grade) -> None:
    """One thread reads the descriptors; all else is sent by whoever says it."""
    cells = {
        "import os, subprocess, sys, threading\nprint('plain'); print('error', file=sys.stderr)": "plain\nerror\n",
        "thread = threading.Thread(target=print, args=('thread',))\nthread.start(); thread.join()": "thread\n",
        "subprocess.run(['echo', 'program'])": "program\n",
        "os.write(1, b'descriptor\\n')": "descriptor\n",
        "if os.fork() == 0:\n    print('of a fork'); sys.stdout.flush(); os._exit(0)\nos.wait(); print('own')": "own\n",
        "print('half of a pair: \\ud83d')": "half of a pair: ?\n",
        "later = threading.Timer(0.5, print, ['later']); later.start(); later.join()": "later\n",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: print('signal'))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\nfor _ in range(300): print('.', end='', flush=True)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)": "." * 300,
        "x = 3": "",
    }
    graded = grade_cells(*cells)
    assert graded.report.status == "passed"
    assert graded.notebook is not None
    for cell, expected in zip(graded.notebook.cells, cells.values(), strict=True):
        said = "".join(out.text for out in cell.outputs if out.output_type == "stream")
        assert said.replace("signal\n", "") == expected, cell.source
