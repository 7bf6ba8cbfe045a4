"""What notebooks import: packages that are here, that are missing, that there are not, and that an exercise forbids."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import doctor, packages
from grader.errors import ExerciseError
from grader.exercise import Exercise, load
from grader.grading import Graded, Options
from grader.packages import Packages, distribution, exists, misspelt
from tests.conftest import EXERCISE, ROOT
from tests.test_cli import grade as command
from tests.test_diagnosis import CHECKS, DOUBLE, verdicts

Grade = Callable[..., Graded]
# Packages that there are, and that nobody has installed: the last of them is for another Python.
MISSING, OTHER, THIRD = "turicreate", "mxnet", "horovod"
WRONG = "def double(v):\n    return v"


@pytest.fixture(autouse=True)
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has one of them installed after all has to take others here."""
    assert not any(map(packages.installed, (MISSING, OTHER, THIRD)))


# ---------------------------------------------------------------------- which packages there are


@pytest.mark.parametrize(
    "name",
    [
        *("numpy", "pandas", "seaborn", "torchmetrics", "tensorboard", "tqdm", "ipywidgets", "torchinfo", "sklearn"),
        *("nltk", "keras", "tensorflow", "cv2", "PIL", "wandb", "gensim", "spacy", "transformers", "datasets", "umap"),
        *("torchviz", "torchvista", "wigglystuff", "skimage", "plotly", "altair", "duckdb", "polars", "marimo"),
        *("os", "tkinter", "asyncio"),
    ],
)
def test_a_package_exists(name: str) -> None:
    assert exists(name)
    assert misspelt(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("utils", "helpers", "helper", "model", "models", "network", "dataset", "data", "train", "config", "common"),
        *(
            "functions",
            "layers",
            "metrics",
            "plots",
            "my_utils",
            "mlp",
            "mnist",
            "preprocessing",
            "evaluation",
            "tools",
        ),
    ],
)
def test_a_students_own_file_is_no_package(name: str) -> None:
    assert Packages().lack(name) == "own"


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        *(("nunpy", "numpy"), ("numppy", "numpy"), ("pandsa", "pandas"), ("panda", "pandas"), ("touch", "torch")),
        *(("tourch", "torch"), ("matplotib", "matplotlib"), ("tensorfow", "tensorflow"), ("seabon", "seaborn")),
        *(
            ("sklean", "sklearn"),
            ("scikit_learn", "sklearn"),
            ("pytorch", "torch"),
            ("opencv", "cv2"),
            ("randon", "random"),
        ),
        *(("torch_vision", "torchvision"), ("Numpy", "numpy"), ("tqmd", "tqdm"), ("transformer", "transformers")),
    ],
)
def test_a_slip_of_the_pen(slip: str, meant: str) -> None:
    assert misspelt(slip) == meant
    assert Packages().lack(slip) == "misspelt"


def test_what_is_installed_by_another_name() -> None:
    assert distribution("cv2") == "opencv-python"
    assert distribution("sklearn") == "scikit-learn"
    assert distribution(MISSING) == MISSING


def test_the_list_is_in_order() -> None:
    lines = (ROOT / "grader" / "known_packages.txt").read_text("utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    assert words == sorted(words, key=str.lower)
    names = [word.partition("=")[0] for word in words]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert not set(names) & set(packages._OTHERWISE_CALLED)


# ---------------------------------------------------------------------- judged as usual, both ways


def table(text: str) -> dict[str, str]:
    """Cells by their headings, `## so`."""
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.rstrip("\n") for part in parts[1::2]), strict=True))


# `ANSWERS` are right ones, and wrong ones.
IMPORTS = table("""
## alone
import turicreate
ANSWERS
## among others
import math, turicreate, sys as s
ANSWERS
assert math and s
## several
import turicreate
import math
from mxnet import nd, gluon as g
import horovod.torch as hvd
ANSWERS
math.pi
## on many lines
from turicreate import (
    a,
    b as c,
)
ANSWERS
## of a part
import turicreate.sub.sub as m
ANSWERS
## of everything
from turicreate.layers import *
ANSWERS
## in an if
here = True
if here:
    a = 1
    import turicreate
    b = 2
assert a + b == 3
ANSWERS
## in an elif
if False:
    pass
elif True:
    from turicreate import (a,
        b)
    y = 1
ANSWERS
## on a line with its if
if True: y = 1; import turicreate; z = 2
ANSWERS
## in a loop
for n in range(2):
    import turicreate
    z = n
assert z == 1
ANSWERS
## in a with
import contextlib
with contextlib.nullcontext():
    import turicreate
    y = 1
assert y
ANSWERS
## tried for something else
try:
    import turicreate
    y = 1
except ValueError:
    pass
assert y == 1
ANSWERS
## tried, with an end
try:
    import turicreate
    y = 1
finally:
    z = 2
assert y == 1
ANSWERS
## between definitions
def one():
    return 1
import turicreate as m
def two():
    return one() + 1
assert two() == 2
ANSWERS
## captured
%%capture
import turicreate
print(turicreate.__version__)
print(len(turicreate.rows()))
ANSWERS
## timed
%%time
import turicreate
print(len(turicreate.rows()))
ANSWERS
## asked for its version
import turicreate as m
print(f"{m.__version__}")
assert m.__version__ >= "3"
ANSWERS
## behind a magic
%matplotlib inline
files = !ls
import turicreate
ANSWERS
## once more
import turicreate
from turicreate import a
ANSWERS
## used for a table
import turicreate as m
table = m.read("a.csv")
table["b"] = table.a.mean()
table.head()
ANSWERS
table
## asked for what nobody knows
import turicreate as m
for row in m.read():
    print(row)
print(len(m.read()))
ANSWERS
## a class of it
import turicreate as m
class Net(m.Module):
    pass
ANSWERS
## drawn
import turicreate as m
import matplotlib.pyplot as plt
plt.plot(m.curve())
ANSWERS
## given to torch
import turicreate as m
import torch
t = torch.tensor(m.values)
ANSWERS
## told of a training
import turicreate as m
with m.init(project="a") as run:
    for n in range(3):
        run.log({"n": n})
assert n == 2
ANSWERS
""")


@pytest.mark.parametrize("name", IMPORTS)
def test_what_does_not_hang_on_it_is_judged_both_ways(grade_cells: Grade, name: str) -> None:
    for answers, status in ((f"x = 3\n{DOUBLE}", "passed"), (f"x = 4\n{WRONG}", "failed")):
        report = grade_cells(IMPORTS[name].replace("ANSWERS", answers), checks=CHECKS).report
        assert [one.status for one in report.checks] == [status, status], (report.checks, report.execution.error)
        assert report.status == status
        assert MISSING in report.execution.missing_packages
        assert "The rest of the cell was run without it." in (report.execution.cells[0].error or "")


def test_every_package_of_a_cell_is_told(grade_cells: Grade) -> None:
    report = grade_cells(IMPORTS["several"].replace("ANSWERS", "x = 3")).report
    assert report.execution.missing_packages == ["horovod", "mxnet", MISSING]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("from torch.nn import NoSuch, Linear\nx = 2 + Linear(1, 1).out_features", "cannot import name 'NoSuch'"),
        ("import numpy.nosuch, math\nx = math.isqrt(9)", "No module named 'numpy.nosuch'"),
        ("import torch\nfrom torch import (\n    nosuch,\n    tensor as t,\n)\nx = t(3).item()", "cannot import name"),
    ],
    ids=["a name", "a module", "on many lines"],
)
def test_what_a_package_lacks_costs_no_other_line(grade_cells: Grade, source: str, error: str) -> None:
    report = grade_cells(source, DOUBLE, checks=CHECKS).report
    assert [one.status for one in report.checks] == ["passed", "passed"], report.execution.error
    told = report.execution.cells[0].error or ""
    assert error in told
    assert told.endswith("The rest of the cell was run without it.")
    assert report.execution.missing_packages == []
    assert verdicts(grade_cells(source.replace("x =", "x = 1 +"), WRONG, checks=CHECKS)) == ["failed", "failed"]


def test_a_name_that_a_package_lacks_is_not_there(grade_cells: Grade) -> None:
    report = grade_cells("from math import three\ny = 3", "x = three()").report
    assert report.checks[0].status == "failed"
    assert "cannot import name 'three' from 'math'" in report.checks[0].message


def test_who_tries_goes_on_without(grade_cells: Grade) -> None:
    source = f"import {MISSING}\ntry:\n    import {MISSING}\nexcept ImportError:\n    x = 3"
    assert grade_cells(source).report.status == "passed"


# ---------------------------------------------------------------------- not judged

# Cells are apart by an empty line.
HANGING = table("""
## a value
import turicreate as m
x = m.three()
## a number of it
import turicreate as m

x = int(m.three())
## counted in a loop
import turicreate as m

x = 0
for row in m.rows():
    x += 1
## what was there before
import turicreate as m
x = 4

x = len(m.rows())
## by a detour
import turicreate as m

n = len(m.rows())

x = n + 1
## changed by its own function
import turicreate as m
x = [0]
def fill(rows):
    for row in rows:
        x[0] += 1

fill(m.rows())
## of everything
from turicreate.layers import *

x = Dense(3)
## in a list
import turicreate as m
x = [m.three()]
## with an error of it to be caught
import turicreate as m

try:
    x = int("three")
except m.Unreadable:
    x = 4
## by its name
import importlib
m = importlib.import_module("turicreate")

x = m.three()
""") | {"on line after line": "import turicreate as m\n" + "print(len(m.rows()))\n" * 40 + "x = 4"}


@pytest.mark.parametrize("name", HANGING)
def test_what_hangs_on_it_is_not_judged(grade_cells: Grade, name: str) -> None:
    report = grade_cells(*HANGING[name].split("\n\n"), DOUBLE, checks=CHECKS).report
    assert [one.status for one in report.checks] == ["skipped", "passed"], report.checks
    assert (report.checks[0].lacks, report.lacking, report.status) == (MISSING, [MISSING], "ungraded")


DOUBLES = {
    "used": f"import {MISSING} as m\ndef double(v):\n    return m.double(v)",
    "imported inside": f"def double(v):\n    from {MISSING} import double\n    return double(v)",
    "decorated": f"import {MISSING} as m\n@m.compiled\ndef double(v):\n    return v",
    "a stale one": f"def double(v):\n    return v\nimport {MISSING} as m\ndouble = m.Net()",
    "counted with": f"import {MISSING} as m\ndef double(v):\n    return v + int(m.number(v))",
}


@pytest.mark.parametrize("name", DOUBLES)
def test_a_function_that_hangs_on_it_is_not_judged(grade_cells: Grade, name: str) -> None:
    report = grade_cells("x = 3", DOUBLES[name], checks=CHECKS).report
    assert [one.status for one in report.checks] == ["passed", "skipped"], report.checks


def test_a_function_is_judged_where_it_makes_no_use_of_it(grade_cells: Grade) -> None:
    for wrong, status in (("2 * v", "passed"), ("v", "failed")):
        double = f"import {MISSING} as m\ndef double(v):\n    if v < 0:\n        return m.odd(v)\n    return {wrong}"
        assert verdicts(grade_cells("x = 3", double, checks=CHECKS)) == ["passed", status]


# ---------------------------------------------------------------------- no way out

NO_WAY_OUT = {
    "a slip": (
        "import nunpy as np\nx = np.three()",
        "imports nunpy, and there is no such package. Did you mean numpy?",
    ),
    "a slip in from": ("from touch import three\nx = three()", "Did you mean torch?"),
    "a file of one's own": (
        "from model import Net\nx = Net()",
        "a file of your own, hand in model.py with the notebook.",
    ),
    "helpers": ("import helpers\nx = helpers.three()", "hand in helpers.py"),
    "nothing at all": ("import qqqzzz_nothing as q\nx = q.three()", "neither installed here nor lies beside"),
    "raised by hand": (f"import {MISSING}\nraise ModuleNotFoundError(\"No module named '{MISSING}'\")\nx = 3", ""),
    "raised without an import": (f"def f():\n    raise ImportError(\"No module named '{MISSING}'\")\nx = f()", ""),
    "a claim of a type": (f"class A:\n    pass\nA.__name__ = '{MISSING}_not_installed'\nx = A() + 1", ""),
    "another mistake": (f"import {MISSING} as m\nx = n.three()", "name 'n' is not defined"),
    "a mistake behind it": (f"import {MISSING} as m\nprint(len(m.rows()))\nx = 1 / 0", "ZeroDivisionError"),
    "too late": (f"x = 4\nimport {MISSING}", ""),
    "in a text": (f"# import {MISSING} as m\nx = m.three()", ""),
}


@pytest.mark.parametrize("name", NO_WAY_OUT)
def test_nobody_escapes_a_failure(grade_cells: Grade, name: str) -> None:
    source, told = NO_WAY_OUT[name]
    report = grade_cells(source, WRONG, checks=CHECKS).report
    assert [one.status for one in report.checks] == ["failed", "failed"], report.checks
    assert (report.status, report.exit_code) == ("failed", 1)
    assert told in (report.execution.error or "")
    if told:
        assert told in report.checks[0].message or "Error" in told or "defined" in told


def test_the_cause_is_told_where_the_name_is_missed(grade_cells: Grade) -> None:
    report = grade_cells("import nunpy as np", "y = 1", "x = np.three()").report
    assert "Cell 1 imports nunpy" in report.checks[0].message
    assert "Cell 1 imports nunpy" in (report.execution.cells[2].error or "")


def test_all_this_in_finnish(grade_cells: Grade) -> None:
    options = Options(data="small", language="fi")
    for source, told in {
        "import nunpy as np\nx = np.three()": "Tarkoititko numpy?",
        "import helpers\nx = helpers.three()": "palauta helpers.py",
        f"import {MISSING} as m\nx = m.three()": "jota ei ole asennettu tänne",
        "open('/content/drive/MyDrive/a.csv')": "palvelussa Colab",
    }.items():
        report = grade_cells(source, options=options).report
        assert told in (report.execution.error or ""), report.execution.error
    graded = grade_cells("!pip install a\n%load_ext nothing_of_mine\nx = 3", options=options)
    assert graded.notebook is not None
    said = "".join(out.text for out in graded.notebook.cells[0].outputs)
    assert "Arvostelun aikana ei asenneta mitään" in said
    assert "nothing_of_mine" in said
    assert "passed over" not in said


# ---------------------------------------------------------------------- what an exercise says

FORBIDDEN = '[packages]\nforbidden = ["sklearn", "turicreate"]\n'


@pytest.mark.parametrize("package", ["sklearn", "turicreate"])
def test_what_hangs_on_a_forbidden_package_fails(grade_cells: Grade, package: str) -> None:
    for source in (
        f"import {package}\nx = {package}.three()",
        f"from {package}.metrics import f1_score\nx = f1_score([1], [1])",
    ):
        report = grade_cells(source, DOUBLE, checks=CHECKS, more=FORBIDDEN).report
        assert [one.status for one in report.checks] == ["failed", "passed"], report.checks
        assert report.checks[0].message == f"It makes use of {package}, which this exercise forbids."
        assert f"Cell 1 imports {package}, which this exercise forbids." in (report.execution.error or "")
    inside = f"def double(v):\n    import {package}\n    return 2 * v"
    assert verdicts(grade_cells("x = 3", inside, checks=CHECKS, more=FORBIDDEN)) == ["passed", "failed"]


def test_what_does_not_hang_on_it_is_judged(grade_cells: Grade) -> None:
    graded = grade_cells(
        "import sklearn.metrics as m\nimport torch, torchvision\nx = 3",
        f"try:\n    import sklearn\nexcept ImportError:\n    pass\n{DOUBLE}",
        checks=CHECKS,
        more=FORBIDDEN,
    )
    assert verdicts(graded) == ["passed", "passed"]


@pytest.mark.parametrize("cold", [False, True])
def test_everything_but_what_is_allowed_may_be_forbidden(grade_cells: Grade, cold: bool) -> None:
    more = '[packages]\nallowed = ["torch"]\nforbidden = ["*"]\n'
    right = ["import torch, math, json\nfrom torch import nn\n%matplotlib inline", "%%writefile mine.py\nx = 3"]
    assert verdicts(grade_cells(*right, "from mine import x", more=more, cold=cold)) == ["passed"]
    for source in ("import numpy as np\nx = np.int64(3)", f"import {MISSING}\nx = {MISSING}.three()"):
        report = grade_cells(source, more=more, cold=cold).report
        assert "this exercise forbids" in report.checks[0].message
    assert "hand in utils.py" in grade_cells("import utils\nx = utils.x", more=more).report.checks[0].message


def test_an_exercise_may_name_a_package_that_nobody_knows(grade_cells: Grade) -> None:
    source = "import our_own_package as our\nx = our.three()"
    assert grade_cells(source).report.status == "failed"
    for more in ('packages = ["our_own_package"]', '[packages]\nallowed = ["our_own_package"]'):
        assert grade_cells(source, more=more).report.status == "ungraded"


def test_what_an_exercise_says_wrong_of_packages(make_exercise: Callable[..., Exercise]) -> None:
    for more in ('packages = "torch"', "packages = [1]", '[packages]\nforbiden = ["torch"]'):
        with pytest.raises(ExerciseError, match="packages"):
            make_exercise(more=more)


# ---------------------------------------------------------------------- grade doctor


def test_doctor_tells_what_an_exercise_needs(repository: Path, tmp_path: Path) -> None:
    told = command("doctor", "--exercise", "110", cwd=repository, GRADER_DATA=str(tmp_path))
    assert told.returncode == 0, told.stderr
    assert "Exercise 110\n  packages here: matplotlib, torch and torchvision\n" in told.stdout
    assert told.stdout.rstrip().endswith("mnist           not here: grade data fetch mnist")
    told = command("doctor", "--exercise", "none", cwd=repository)
    assert told.returncode == 2


def test_doctor_tells_what_is_missing(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exercises" / "small"
    folder.mkdir(parents=True)
    numbers = {"cell_s": 1, "total_s": 1, "answer_s": 1, "check_s": 1}
    (folder / "exercise.toml").write_text(EXERCISE.format(id="small", more='packages = ["cv3"]', **numbers))
    cell = {"cell_type": "code", "source": f"import {MISSING}, sklearn, beside", "metadata": {}, "outputs": []}
    book = {"cells": [cell | {"execution_count": None}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (folder / "small.ipynb").write_text(json.dumps(book))
    (folder / "beside.py").write_text("")
    assert load(folder).imports == ["cv3", "sklearn", MISSING]
    told = command("doctor", "--exercise", "small", cwd=tmp_path)
    assert f"packages here: sklearn\n  missing: pip install cv3 {MISSING}\n" in told.stdout


def test_doctor_tells_what_the_course_has(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy", 'scipy[all]>=1; extra == "course"', f"{MISSING}>=0; extra == 'course'", 'x; extra == "test"']
    monkeypatch.setattr(doctor, "requires", lambda _: wanted)
    monkeypatch.setattr(doctor, "_devices", lambda: ["cpu"])
    found = doctor.examine()
    assert set(found["course"]) == {"scipy", MISSING}
    assert found["course"][MISSING] is None
    told = "\n".join(map(str, doctor.render(found).renderables))  # type: ignore[attr-defined]
    assert f"Packages of the course: {MISSING}\n  missing: pip install 'grader[course]'" in told
    monkeypatch.setattr(doctor, "requires", lambda _: wanted[:2])
    told = "\n".join(map(str, doctor.render(doctor.examine()).renderables))  # type: ignore[attr-defined]
    assert "Packages of the course: all here" in told


def test_the_extra_is_what_make_installs(repository: Path) -> None:
    course = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    names = {re.split(r"[^\w-]", one)[0] for one in course["course"]}
    assert names >= {
        "pandas",
        "seaborn",
        "torchmetrics",
        "torchinfo",
        "plotly",
        "scikit-image",
        "transformers",
        "spacy",
    }
    assert (repository / "Makefile").read_text("utf-8").count("'.[course,test]'") == 2
