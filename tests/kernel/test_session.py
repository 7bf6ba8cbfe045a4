"""Notebooks in real kernels: verdicts, isolation, and that nothing stays behind. A kernel costs seconds: many
questions are asked of each."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.exercise import Exercise
from grader.grading import Graded, Options, grade
from grader.report import Report
from grader.scratch import remove
from grader.submission import Submission
from tests.conftest import CHECKS, SAMPLE, listing

HEAD = "from grader.answers import ClosedAnswer\nfrom grader.checks import *\nimport numpy as np\n"

Grade = Callable[..., Graded]


def check(name: str, body: str, points: int = 1) -> str:
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    return f'\n@check(points={points})\ndef {name}(run):\n    """{name}."""\n{lines}\n'


X_IS_THREE = check("x_is_three", 'expect_count(run.value("x"), 3, "`x`")')


def told(report: Report) -> dict[str, str]:
    """What each check said; a check that raised says so with the grader's fault."""
    return {one.name: f"{one.status}: {one.message}" for one in report.checks}


def statuses(report: Report) -> list[str]:
    return [cell.status for cell in report.execution.cells]


# ---------------------------------------------------------------------- cells that fail, and what follows


def test_a_cell_that_fails_in_any_way_does_not_stop_the_next(grade_cells: Grade) -> None:
    cells = {
        "1 / 0": ("error", "raised ZeroDivisionError: division by zero."),
        "input('Name? ')": ("error", "asks for input()"),
        "import sys; sys.exit(0)": ("error", "calls sys.exit()"),
        "exit()": ("error", "calls sys.exit()"),
        "quit()\nx = 4": ("error", "calls sys.exit()"),
        "import nmupy": ("error", "imports nmupy, and there is no such package. Did you mean numpy?"),
        "x = (": ("error", "does not compile: a bracket or a quote is not closed, in line 1, `x = (`."),
        "y = ...\ny + 1": ("error", "raised TypeError"),
        "%no_such_magic": ("ok", None),
        "%%javascript\nalert(1)": ("ok", None),
        "raise KeyboardInterrupt": ("error", "raised KeyboardInterrupt"),
        "raise Exception('\\x1b[2J\\u202e' + 'long ' * 10_000)": ("error", "raised Exception: long long"),
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E": ("error", "raised "),
        "while True: print('a' * 100)": ("output", "printed more than 1.0 MB"),
        "print('after')": ("ok", None),
        "print('a' * 30_000_000)": ("output", "printed more than 1.0 MB"),
        "print('after')  # a message was too large": ("ok", None),
        "from IPython.display import display\nwhile True: display('a' * 1000)": ("output", "printed more than 1.0 MB"),
        "while True: pass": ("timeout", "took too long"),
        "x = 3\nprint('still here')": ("ok", None),
    }
    graded = grade_cells(*cells, cell_s=8, total_s=100)
    report = graded.report
    for (source, (status, sentence)), cell in zip(cells.items(), report.execution.cells, strict=True):
        assert cell.status == status, (source, cell)
        assert cell.error is None if sentence is None else sentence in (cell.error or ""), (source, cell)
        assert len(cell.error or "") < 500
        assert "\x1b" not in (cell.error or "")
    assert report.status == "passed"
    assert (report.execution.status, report.execution.cell) == ("timeout", 19)
    assert graded.notebook is not None
    outputs = ["".join(output.get("text", "") for output in cell.outputs) for cell in graded.notebook.cells]
    assert outputs[-1] == "still here\n"
    assert outputs[14] == outputs[16] == "after\n"
    assert all(len(text) < 1_100_000 for text in outputs)


def test_shell_commands_run_or_fail_without_ending_their_cell(grade_cells: Grade) -> None:
    """Notebooks begin with `!pip install …`: without a network that fails, and the rest of the cell runs on."""
    graded = grade_cells("!exit 3\n!echo shouted\nlines = !echo caught\nx = 3", "!no-such-command\n%pip --version")
    assert graded.report.execution.error is None
    assert graded.report.status == "passed"
    assert graded.notebook is not None
    assert "shouted" in graded.notebook.cells[0].outputs[0].text


def test_a_package_of_the_course_that_is_missing_leaves_it_ungraded(grade_cells: Grade) -> None:
    more = 'packages = ["no_such_package_of_the_course"]'
    report = grade_cells("import no_such_package_of_the_course.metrics as m", "x = m.three()", more=more).report
    assert (report.status, report.exit_code) == ("ungraded", 3)
    assert report.checks[0].lacks == "no_such_package_of_the_course"
    assert report.execution.missing_packages == ["no_such_package_of_the_course"]
    assert "pip install no_such_package_of_the_course" in (report.execution.error or "")


def test_an_exercise_may_stop_at_the_first_error(grade_cells: Grade) -> None:
    report = grade_cells("x = 3", "1 / 0", "x = 4", more="stop_on_error = true").report
    assert statuses(report) == ["ok", "error", "not run"]
    assert report.status == "passed"


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("import os; os._exit(0)", "died"),
        ("import ctypes; ctypes.string_at(0)", "died"),
    ],
)
def test_a_kernel_that_dies_is_a_verdict(grade_cells: Grade, cell: str, status: str) -> None:
    """… on that cell and what follows; what came before is judged, see test_rounds.py."""
    checks = (
        HEAD + X_IS_THREE + check("reads_a_file", 'run.file("made.txt")').replace("points=1", 'points=1, when="ended"')
    )
    report = grade_cells("open('made.txt', 'w').write('x')", cell, "x = 3", checks=checks).report
    assert statuses(report) in (["ok", status, "not run"], ["ok", status])
    assert (report.execution.status, report.execution.cell) == (status, 2)
    assert [one.status for one in report.checks] == ["failed", "passed"]
    assert (report.status, report.exit_code) == ("failed", 1)


# ---------------------------------------------------------------------- time and memory

DEAF = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
"""


def test_a_cell_that_is_deaf_to_interrupts_is_killed(grade_cells: Grade) -> None:
    report = grade_cells("x = 4", DEAF, "x = 3", cell_s=1).report
    assert statuses(report) == ["ok", "timeout", "not run"]
    assert report.execution.status == "timeout"
    assert report.checks[0].status == "failed"


def test_the_notebook_has_a_budget_in_all(grade_cells: Grade) -> None:
    waiting = "import time\nx = 3\ntime.sleep(0.8)"
    report = grade_cells(*[waiting] * 6, cell_s=60, total_s=2).report
    assert report.execution.status == "timeout"
    assert statuses(report).count("ok") in (1, 2)
    assert statuses(report)[-1] == "not run"
    assert report.execution.seconds < 10
    assert report.status == "passed"


def test_too_much_memory_is_a_verdict(grade_cells: Grade) -> None:
    # In pieces, over all the processes of the notebook: each of them alone would be within its means.
    cell = """
import os, time
held = bytearray(os.urandom(1)) * 700_000_000
for _ in range(3):
    if os.fork() == 0:
        own = bytearray(os.urandom(1)) * 700_000_000
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
    report = grade_cells("x = 3", cell, "x = 3").report
    assert report.execution.status == "memory"
    assert (report.execution.cell, report.checks[0].status) == (2, "skipped")
    assert report.execution.peak_memory > 1_000_000_000


# ---------------------------------------------------------------------- questions

SLOW = """
import os, signal, time

class Slow:
    @property
    def gone(self):
        while True:
            time.sleep(0.1)

    def __call__(self, x):
        while True:
            pass

slow = Slow()
x = 3

def flood(x):
    while True:
        print('a' * 1000)

def large(x):
    return [[float(i)] * 100 for i in range(2000)]

def forever(x):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        time.sleep(1)
"""


def test_questions_that_are_not_answered_in_time(grade_cells: Grade) -> None:
    ask = "run.call({!r}, 1)"
    checks = HEAD + "".join(
        check(name, body)
        for name, body in {
            "property_": 'run.value("slow.gone")',
            "call": ask.format("slow"),
            "after": 'expect_count(run.value("x"), 3, "`x`")',
            "flood": ask.format("flood"),
            "after_flood": 'expect_count(run.value("x.real"), 3, "`x`")',
            "large": ask.format("large"),
            "deaf": ask.format("forever"),
            "gone": 'run.value("slow")',
        }.items()
    )
    report = grade_cells(SLOW, checks=checks, answer_s=1).report
    said = told(report)
    for name in ("property_", "call", "flood", "deaf"):
        assert said[name].startswith("failed: "), (name, said[name])
        assert "took too long" in said[name], (name, said[name])
    assert said["after"].startswith("passed")
    assert said["after_flood"].startswith("passed")
    assert said["large"].startswith("failed")
    assert said["gone"].startswith("skipped")


LARGE_ONLY = """
asked = []
x = 3

def loop(n):
    asked.append("loop")
    while True: pass

def slow(n):
    asked.append("slow")
    while n > 100: pass
    return n

class Endless:
    def __array__(self, dtype=None, copy=None):
        asked.append("value")
        while True: pass

endless = Endless()
"""


def test_what_never_answers_is_asked_twice_and_what_is_slow_once_goes_on(grade_cells: Grade) -> None:
    """Five checks ask each; counted is what the notebook hears. The third thing that loops has one short try alone."""
    body = {
        "loop": 'run.call("loop", 1)',
        "value": 'run.value("endless")',
        "slow": 'run.call("slow", 1000)',
        "small": 'expect_count(run.call("slow", 7), 7, "`slow`")',
    }
    checks = "".join(check(f"{name}_{n}", source) for n in range(5) for name, source in body.items() if name != "slow")
    counted = 'import collections\nasked = collections.Counter(run.value("asked"))\n'
    counted += 'expect(asked == {"loop": 2, "value": 1, "slow": 6}, str(dict(asked)))'
    checks = HEAD + check("slow", body["slow"]) + checks + check("counted", counted)
    said = told(grade_cells(LARGE_ONLY, checks=checks, answer_s=1.5, cell_s=30, total_s=60).report)
    assert said["counted"].startswith("passed"), said
    for n in range(5):
        assert said[f"small_{n}"].startswith("passed"), said
        for name, times in {"loop": 2, "value": 1}.items():
            again = "took too long" if n < times else "was not asked again"
            assert said[f"{name}_{n}"].startswith("failed"), said
            assert again in said[f"{name}_{n}"], said


KILLER = """
import os

class Killer:
    def __call__(self, x):
        os._exit(0)

    def __array__(self, dtype=None, copy=None):
        os._exit(0)

killer = Killer()
"""


def test_a_question_that_kills_the_kernel_fails_its_check(grade_cells: Grade) -> None:
    checks = HEAD + check("call", 'run.call("killer", 1)') + check("later", 'run.value("killer")')
    report = grade_cells(KILLER, checks=checks).report
    assert [one.status for one in report.checks] == ["failed", "skipped"]
    assert "is dead" in report.checks[0].message


# ---------------------------------------------------------------------- honest notebooks, odd names

SHADOWED = """
import builtins
import numpy as np
import torch
from torch import nn

list = dict = len = type = str = int = float = isinstance = getattr = print = super = None
__name__ = "odd"
get_ipython = None
In = Out = 7
_ = __ = 1
answer = [1, (2.5, "text"), {"a": np.ones(2)}]
model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))

class Recurrent(nn.Module):
    def __init__(self):
        super_ = builtins.super(Recurrent, self)
        super_.__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True)

    def forward(self, x):
        return self.lstm(x)

recurrent = Recurrent()

def double(x):
    return x * 2

def count(module):
    return sum(p.numel() for p in module.parameters())
"""

QUESTIONS = {
    "value": """
value = run.value("answer")
expect(value[:2] == [1, (2.5, "text")] and value[2]["a"].tolist() == [1, 1], "no")
""",
    "call": """
x = run.rng.normal(size=(3, 4))
expect_close(run.call("double", x), 2 * x, "double")
expect_close(run.call("double", tensor(x)), 2 * x, "double")
expect_close(run.call("double", x=[1]), [1, 1], "double")
expect_count(run.call("count", module([("Linear", 3, 4), ("ReLU",), ("Linear", 4, 2, {"bias": False})])), 24, "count")
""",
    "predict": """
x = run.rng.normal(size=(9, 2, 2)).astype("float32")
weight, bias = run.parameters("model").values()
expect_close(run.predict("model", x, batch=4), x.reshape(9, 4) @ weight.T + bias, "model(x)", rtol=1e-3, atol=1e-5)
expect_shape(run.predict("recurrent", x.repeat(2, axis=2), batch=4), (9, 2, 5), "recurrent(x)")
expect(run.shapes("model") == {"1.weight": (3, 4), "1.bias": (3,)}, "no")
""",
}


def test_names_of_the_notebooks_own_do_not_trip_the_grader(grade_cells: Grade) -> None:
    checks = HEAD + "".join(check(f"{name}_", body) for name, body in QUESTIONS.items())
    report = grade_cells(SHADOWED, checks=checks).report
    assert report.execution.status == "ok", report.execution.error
    assert told(report) == {f"{name}_": "passed: " for name in QUESTIONS}


# The last two break the kernel itself, so that it has to be killed.
PATCHED = [
    "import builtins, sys, json, IPython, torch, numpy as np",
    # What a check would compare with is never asked; what the probe is asked goes past IPython.
    "torch.Tensor.__eq__ = lambda self, other: torch.tensor(True)\nbuiltins.print = lambda *a, **k: None",
    "get_ipython().showtraceback = lambda *a, **k: None\nget_ipython().showsyntaxerror = lambda *a, **k: None",
    "get_ipython().input_transformers_cleanup.append(lambda lines: [l.replace('assert', 'pass #') for l in lines])",
    """
class Always:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return Always()
    def __call__(self, *a, **k): return Always()
    def __len__(self): return 3
    def __bool__(self): return True
    def __float__(self): return 1.0
    def __array__(self, *a, **k): return np.ones(3)
    def __hash__(self): return 0
    __class__ = property(lambda self: torch.Tensor)

x = Always()
model = Always()
f = Always()
honest = [1, 2]
tensor = torch.tensor([1.0, 2.0])
1 / 0
""",
    "builtins.isinstance = lambda *a: True",
    "json.dumps = lambda *a, **k: '{}'",
]


def test_patches_gain_nothing(grade_cells: Grade) -> None:
    bodies = {
        "count": 'expect_count(run.value("x"), 3, "`x`")',
        "close": 'expect_close(run.value("x"), run.rng.normal(size=3), "`x`")',
        "answer": 'run.answers = {"x": ClosedAnswer("s", "0" * 32)}\nexpect_answer(run, "x")',
        "called": 'n = int(run.rng.integers(10, 10**9))\nexpect_count(run.call("f", n), n, "f(n)")',
        "accuracy": (
            'digits = run.heldout("mnist")\n'
            'predicted = run.predict("model", digits.images[:200])\n'
            "expect_accuracy(predicted.argmax(axis=1), digits.labels[:200], above=0.5)"
        ),
        "shape": 'expect(run.shapes("model") == {"w": (3,)}, "no")',
    }
    honest = {
        "honest": 'expect(run.value("honest") == [1, 2], "no")',
        "tensor": 'expect_close(run.value("tensor"), [1, 2], "tensor")',
    }
    checks = HEAD + "".join(check(f"{name}_", body) for name, body in (bodies | honest).items())
    for cells in (PATCHED[:5], PATCHED):
        report = grade_cells(*cells, checks=checks, cell_s=2, answer_s=5, more='data = ["mnist"]').report
        said = told(report)
        assert report.status == "failed"
        assert not [name for name in bodies if said[f"{name}_"].startswith(("passed", "error"))], said
        if cells is not PATCHED:
            assert [said[f"{name}_"] for name in honest] == ["passed: ", "passed: "]


FORGED = """
import gc, json, struct

line = next(one for one in gc.get_objects() if type(one).__module__ == "grader.kernel.line")

def forge(content, buffers=()):
    parts = [{content}, *{buffers}]
    sent = struct.pack(f">{{len(parts) + 1}}Q", len(parts), *map(len, parts)) + b"".join(parts)
    while sent:
        try:
            sent = sent[line._connection.send(sent):]
        except BlockingIOError:
            pass

type(line).send = lambda line, *_: forge(*_)
"""


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        ("""b'{"ok": ["f", "0x1.0p+9999"]}'""", "[]"),
        ("json.dumps({'ok': ['l', [['a', '|i1', [1_000_000], 0]] * 10_000]}).encode()", "[bytes(1_000_000)]"),
        ("json.dumps({'ok': ['l', [['l', []]] * 1_000_000]}).encode()", "[]"),
        ("json.dumps({'ok': ['s', 'x' * 15_000_000]}).encode()", "[]"),
        ("json.dumps({'ok': ['s', 'x' * 50_000_000]}).encode()", "[]"),
        ("b'[1, 2]'", "[]"),
        ("b'[' * 100_000", "[]"),
        ("b'no JSON'", "[]"),
        ("b'{}'", "[b''] * 10_000"),
    ],
    ids=[
        *("float", "shared buffer", "many nodes", "long text", "too long", "no object", "deep", "no JSON"),
        "many buffers",
    ],
)
def test_a_forged_answer_is_the_submissions_fault(grade_cells: Grade, content: str, buffers: str) -> None:
    body = 'expect_count(run.value("x"), 3, "`x`")'
    report = grade_cells(
        "x = 3", FORGED.format(content=content, buffers=buffers), checks=HEAD + check("one", body), answer_s=3
    ).report
    assert report.checks[0].status == "failed", told(report)
    assert report.status == "failed"


# ---------------------------------------------------------------------- what a notebook sees and leaves

SURROUNDINGS = """
import os, sys, random, pathlib
import numpy as np, torch
import helper

environment = dict(os.environ)
here = os.getcwd()
listing = sorted(os.listdir('.'))
images = [str(p) for p in pathlib.Path('data').glob('MNIST/raw/*images*')]
python = sys.executable
helped = helper.value
gpus = torch.cuda.device_count()
arguments = list(sys.argv)
draws = [random.random(), float(np.random.rand()), float(torch.rand(()))]
pathlib.Path('small.ipynb').write_text('overwritten')
pathlib.Path('helper.py').write_text('overwritten')
pathlib.Path('written.txt').write_text('written')
"""


def digest(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in listing(folder)}


@pytest.fixture
def surroundings(
    make_exercise: Callable[..., Exercise],
    write_notebook: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, Any]]:
    """What the notebook says of where it runs."""
    for name, secret in {
        "AWS_SECRET_ACCESS_KEY": "canary",
        "GITHUB_TOKEN": "canary",
        "GRADER_DATA": "/canary",
        "GRADER_EXTRA": "canary",
        "SSH_AUTH_SOCK": "/canary",
        "PYTHONPATH": "/canary",
        "JUPYTER_TOKEN": "canary",
        "HTTP_PROXY": "http://canary",
    }.items():
        monkeypatch.setenv(name, secret)
    names = ("environment", "here", "listing", "images", "python", "helped", "gpus", "arguments", "draws")
    told_to = tmp_path / "seen.json"  # checks run in a process of their own
    seen_by_check = f"import json, pathlib; seen = {{n: run.value(n) for n in {names!r}}}"
    checks = HEAD + check("tell", f"{seen_by_check}\npathlib.Path({str(told_to)!r}).write_text(json.dumps(seen))")
    exercise = make_exercise(checks, more='data = ["mnist"]')

    def run(**options: Any) -> dict[str, Any]:
        path = write_notebook(SURROUNDINGS)
        (path.parent / "helper.py").write_text("value = 7")
        before = digest(path.parent)
        report = grade(Submission(path), exercise, Options(data="small", **options)).report
        assert report.status == "passed", (report.execution.error, told(report))
        assert digest(path.parent) == before
        seen: dict[str, Any] = json.loads(told_to.read_text())
        return seen | {"report": report}

    return run


def test_what_a_notebook_sees(surroundings: Callable[..., dict[str, Any]]) -> None:
    seen = surroundings(device="cpu", seed=7)
    environment = seen["environment"]
    assert not [name for name, value in environment.items() if "canary" in value]
    assert {name for name in environment if name.startswith("GRADER")} == {"GRADER_DEVICE"}
    assert (environment["GRADER_DEVICE"], environment["CUDA_VISIBLE_DEVICES"]) == ("cpu", "")
    assert environment["HOME"].startswith(seen["here"])
    assert seen["gpus"] == 0
    assert {"data", "helper.py"} <= set(seen["listing"])
    assert not {"small.ipynb", "checks.py", "exercise.toml"} & set(seen["listing"])
    assert len(seen["images"]) == 2
    assert seen["helped"] == 7
    assert Path(seen["python"]).resolve() == Path(sys.executable).resolve()
    assert not Path(seen["here"]).exists()
    report = seen["report"]
    assert (report.device, report.seed, report.data.name) == ("cpu", 7, "sample")
    assert report.sandbox

    again, other = surroundings(device="cpu", seed=7), surroundings(device="cpu", seed=8)
    assert again["draws"] == seen["draws"]
    assert not set(other["draws"]) & set(seen["draws"])


LEFT_BEHIND = """
import ctypes, os, subprocess, sys, threading, time

os.write(1, b'canary on descriptor 1')
os.write(2, b'canary on descriptor 2')
libc = ctypes.CDLL(None)
libc.puts(b'canary of C code')
libc.fflush(None)
subprocess.run([sys.executable, '-c', 'print("canary of a child")'])
try:
    os.write(os.open('/dev/tty', os.O_WRONLY), b'canary on the terminal')
except OSError:
    pass

command = [sys.executable, '-c', 'import time; time.sleep(600)', 'canary-of-the-tests']
plain = subprocess.Popen(command)
session = subprocess.Popen(command, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(command[0], command)
    os._exit(0)
if os.fork() == 0:
    while True:
        time.sleep(1)
threading.Thread(target=lambda: time.sleep(600)).start()
x = 3
"""


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this test alone; its path is short, since sockets lie below it."""
    folder = Path(tempfile.mkdtemp(prefix="g-"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    remove(folder)


def test_nothing_stays_behind_and_nothing_gets_out(
    grade_cells: Grade, capfd: pytest.CaptureFixture[str], scratch: Path
) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    threads = threading.active_count()
    report = grade_cells(LEFT_BEHIND).report
    assert report.status == "passed", (report.execution.error, told(report))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            assert "canary-of-the-tests" not in process.cmdline()
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    assert threading.active_count() <= threads
    assert listing(scratch) == []
    out, err = capfd.readouterr()
    assert "canary" not in out + err


def test_a_kernel_of_another_language_is_ignored(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    path = write_notebook("x = 3")
    content = json.loads(path.read_text())
    content["metadata"] = {"kernelspec": {"name": "no-such", "language": "julia"}, "language_info": {"name": "julia"}}
    path.write_text(json.dumps(content))
    assert grade(Submission(path), make_exercise(CHECKS), SAMPLE).report.status == "passed"


def test_helpers_named_like_libraries_do_not_keep_the_kernel_from_coming_up(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    """In Jupyter they would break the student's own imports; here, too, that is no fault of the grader's."""
    path = write_notebook("import torch\nx = int(torch.tensor(3))")
    names = ("random", "numpy", "torch", "ipykernel", "ipykernel_launcher", "zmq", "queue", "sitecustomize", "grader")
    for name in names:
        (path.parent / f"{name}.py").write_text("raise SystemExit('shadowed')")
    assert grade(Submission(path), make_exercise(CHECKS), SAMPLE).report.status == "passed"


NESTED = """
import os
from ipykernel.connect import get_connection_file

x = 3
here = os.open(os.path.dirname(get_connection_file()), os.O_RDONLY)
for _ in range(1100):
    os.mkdir('d', dir_fd=here)
    below = os.open('d', os.O_RDONLY, dir_fd=here)
    os.close(here)
    here = below
"""


def test_folders_nested_without_end_are_removed(grade_cells: Grade, scratch: Path) -> None:
    report = grade_cells(NESTED).report
    assert report.status == "passed", (report.execution.error, told(report))
    assert listing(scratch) == []


KEPT = """
import os
for name in ("picture.png", "other.png"):
    with open(name, "wb") as file:
        file.write(b"drawn")
os.symlink("/etc/passwd", "link.png")
os.mkdir("folder.png")
"""


def test_files_that_the_exercise_names_are_kept(grade_cells: Grade) -> None:
    more = 'keep = ["picture.png", "link.png", "folder.png", "missing.png", "helper.py"]'
    graded = grade_cells(KEPT, checks=HEAD + check("one", "pass"), more=more)
    assert graded.report.status == "passed"
    assert graded.files == {"picture.png": b"drawn"}


def test_a_listener_that_ends_its_thread_ends_the_grading_and_no_more(make_exercise: Any, write_notebook: Any) -> None:
    """Nobody waits for ever for a thread that is gone."""

    def say(*_: object) -> None:
        raise SystemExit(1)

    with pytest.raises(RuntimeError, match="wanted to end the thread"):
        grade(Submission(write_notebook("x = 3")), make_exercise(), SAMPLE, say)
