"""Five assignments of otter's, which use between them what its formats have, and what students made of them.

`benchmarks/otter_scores.py` grades them with otter itself; what it gave stands in `scores.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

Cell = nbformat.NotebookNode
KEPT = Path(__file__).with_name("scores.json")  # what otter gives


def code(source: str, shown: str = "", printed: str = "") -> Cell:
    """A cell of code that has run: what it printed, and the value that it showed."""
    outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    outputs += [new_output("execute_result", data={"text/plain": shown}, execution_count=1)] if shown else []
    return new_code_cell(source, outputs=outputs)


def text(source: str) -> Cell:
    """A cell of text."""
    return new_markdown_cell(source)


def block(name: str, *cells: Cell, settings: str = "") -> list[Cell]:
    """Cells between two that say where a block begins and ends."""
    begin = new_raw_cell(f"# BEGIN {name}" + (f"\n{settings}" if settings else ""))
    return [begin, *cells, new_raw_cell(f"# END {name}")]


def question(settings: str, *parts: list[Cell] | Cell) -> list[Cell]:
    """A question of blocks and cells."""
    cells = [cell for part in parts for cell in (part if isinstance(part, list) else [part])]
    return block("QUESTION", *cells, settings=settings)


def made_of(*parts: list[Cell] | Cell, settings: str = "") -> nbformat.NotebookNode:
    """A notebook for `otter assign`."""
    cells = [cell for part in parts for cell in (part if isinstance(part, list) else [part])]
    config = [new_raw_cell(f"# ASSIGNMENT CONFIG\n{settings}")] if settings else []
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[*config, *cells], metadata={"kernelspec": kernel})


@dataclass(frozen=True)
class Fixture:
    """An assignment and its submissions.

    Attributes
    ----------
    submissions
        By name, what stands in place of a cell of the students' notebook, by that cell's text; `None` takes it away.
    files
        What lies beside the notebook.
    metadata
        Of the notebooks of some submissions, by their names, what stands in them.
    """

    notebook: nbformat.NotebookNode
    submissions: Mapping[str, Mapping[str, str | None]]
    files: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def handed_in(self, students: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
        """What one of the submissions made of the notebook that students got."""
        made = handed_in(students, self.submissions[name])
        made.metadata |= nbformat.from_dict(dict(self.metadata.get(name, {})))
        return made

    def write(self, folder: Path, name: str) -> Path:
        """Write it into a new folder; its notebook's path."""
        folder.mkdir(parents=True)
        for other, said in self.files.items():
            (folder / other).write_text(said)
        path = folder / f"{name}.ipynb"
        nbformat.write(self.notebook, path)
        return path


ALWAYS_EQUAL = "class Same(float):\n    def __eq__(self, other): return True\n    __hash__ = float.__hash__\n"

SQUARES = Fixture(
    made_of(
        text("# Squares and means"),
        code("import numpy as np"),
        code("# IGNORE\nprint('only for the author')"),
        question(
            "name: q1\npoints: 3",
            text("## Squares\n\nWrite `square`."),
            block("SOLUTION", code("def square(x):\n    return x * x # SOLUTION\nside = 4 # SOLUTION")),
            block(
                "TESTS",
                code("square(2)", "4"),
                code("for x in range(3):\n    print(square(x))", printed="0\n1\n4\n"),
                code("# HIDDEN\nsquare(-3) == 9 and side == 4", "True"),
            ),
        ),
        question(
            "name: q2",
            text("## Means"),
            block(
                "SOLUTION",
                code(
                    "def mean(xs):\n    # BEGIN SOLUTION\n    total = sum(xs)\n"
                    "    return total / len(xs)\n    # END SOLUTION"
                ),
            ),
            block(
                "TESTS",
                code(
                    '""" # BEGIN TEST CONFIG\npoints: 2\nsuccess_message: Well done.\n'
                    '""" # END TEST CONFIG\nmean([1, 2])',
                    "1.5",
                ),
                code(
                    '""" # BEGIN TEST CONFIG\npoints: 0.5\nhidden: true\nfailure_message: Think of negatives.\n'
                    '""" # END TEST CONFIG\nmean([-1.0, 1.0])',
                    "0.0",
                ),
                code("# free of points\nisinstance(mean([2]), float)", "True"),
            ),
        ),
        question(
            "name: q3\npoints: 1\ncheck_cell: false",
            text("## An array"),
            block("PROMPT", code("array = np.zeros(3)")),
            block("SOLUTION", code("# BEGIN SOLUTION NO PROMPT\narray = np.arange(3) ** 2\n# END SOLUTION")),
            block("TESTS", code("array", "array([0, 1, 4])"), code("np.allclose(array.sum(), 5)", "True")),
        ),
        code("array = None"),
    ),
    {
        "right": {
            "def square(x):\n    ...\nside = ...": "def square(x):\n    return x ** 2\nside = 4",
            "def mean(xs):\n    ...": "def mean(xs):\n    return sum(xs) / len(xs)",
            "array = np.zeros(3)": "array = np.array([0, 1, 4])",
        },
        "partial": {
            "def square(x):\n    ...\nside = ...": "def square(x):\n    return abs(x) * x\nside = 4",
            "def mean(xs):\n    ...": "def mean(xs):\n    return abs(sum(xs)) / 2 if len(xs) == 2 else 'none'",
            "array = np.zeros(3)": "array = np.array([0, 5, 0])",
        },
        "empty": {},
        "broken": {"def square(x):\n    ...\nside = ...": "def square(x:\n", "def mean(xs):\n    ...": "mean = 1 / 0"},
        "forged": {
            "def mean(xs):\n    ...": ALWAYS_EQUAL + "def mean(xs):\n    return Same('nan')",
            "def square(x):\n    ...\nside = ...": (
                "class Any:\n    def __eq__(self, other): return True\n    def __repr__(self): return '4'\n    "
                "def __and__(self, other): return True\ndef square(x): return Any()\nside = Any()"
            ),
        },
    },
)

GRADES = Fixture(
    made_of(
        text("# Grades"),
        question(
            "name: list of points\npoints: [1, 0.25, 0]",
            text("## Even"),
            block("SOLUTION", code("even = lambda n: n % 2 == 0 # SOLUTION")),
            block("TESTS", code("even(2)", "True"), code("# hidden\neven(3)", "False"), code("even(0)", "True")),
        ),
        question(
            "name: each\npoints:\n  each: 1.5",
            text("## Words"),
            block("PROMPT", code("def words(text):\n    ...")),
            block(
                "SOLUTION",
                code("# BEGIN SOLUTION NO PROMPT\ndef words(text):\n    return text.split()\n# END SOLUTION"),
            ),
            block(
                "TESTS",
                code("words('a b')", "['a', 'b']"),
                code("try:\n    words(3)\nexcept AttributeError:\n    print('no text')", printed="no text\n"),
                code("words('')", "[]"),
            ),
        ),
        question(
            "name: together\npoints: 2\nall_or_nothing: true",
            text("## Together"),
            block("SOLUTION", code("low, high = 1, 9 # SOLUTION")),
            block("TESTS", code("low < high", "True"), code("# HIDDEN\nlow, high", "(1, 9)")),
        ),
        question(
            "name: why\nmanual: true\npoints: 4",
            text("## Why\n\nSay why."),
            block("SOLUTION", text("Since it is so.")),
        ),
        question(
            "name: plot\nmanual: true\npoints: 1",
            text("## Plot"),
            block("SOLUTION", code("plot = 'done' # SOLUTION")),
        ),
        question("name: nothing to do", text("## The end"), block("TESTS", code("1 + 1", "2"))),
    ),
    {
        "right": {
            "even = ...": "def even(n): return not n % 2",
            "def words(text):\n    ...": "def words(text):\n    return text.split()",
            "low, high = ...": "low, high = 1, 9",
        },
        "partial": {
            "even = ...": "even = lambda n: True",
            "def words(text):\n    ...": "def words(text):\n    return text.split(' ')",
            "low, high = ...": "low, high = 1, 8",
        },
        "empty": {},
    },
)

AREA = "def area(r):\n    if r < 0:\n        ...\n    ..."
RAISES = Fixture(
    made_of(
        text("# Tests that raise"),
        code("import math"),
        question(
            "name: q1\npoints: 2",
            text("## Area"),
            block(
                "SOLUTION",
                code(
                    "def area(r):\n    if r < 0:\n        raise ValueError('negative') # SOLUTION\n"
                    "    return math.pi * r ** 2 # SOLUTION"
                ),
            ),
            block(
                "TESTS",
                code("def test_area(area):\n    assert abs(area(1) - 3.14159265) < 1e-6, 'of radius 1'\n"),
                code(
                    '""" # BEGIN TEST CONFIG\nhidden: true\nfailure_message: Negative radii?\n""" # END TEST CONFIG\n'
                    "def test_negative(env):\n    try:\n        env['area'](-1)\n    except ValueError:\n"
                    "        return\n"
                    "    raise AssertionError('nothing was raised')\n\ntest_negative(globals())"
                ),
            ),
        ),
        question(
            "name: q2\npoints: 1\nall_or_nothing: true",
            text("## Names"),
            block("SOLUTION", code("names = ['b', 'a'] # SOLUTION\nordered = sorted(names) # SOLUTION")),
            block(
                "TESTS",
                code(
                    "def test_order(names, ordered):\n    import collections\n    assert ordered == sorted(names)\n"
                    "    assert collections.Counter(ordered) == collections.Counter(names)"
                ),
                code("# HIDDEN\ndef test_first(ordered):\n    assert ordered\n    assert ordered[0] == 'a'"),
            ),
        ),
        settings="tests:\n  ok_format: false",
    ),
    {
        "right": {
            AREA: "def area(r):\n    if r < 0:\n        raise ValueError\n    return 3.141592653589793 * r * r",
            "names = ...\nordered = ...": "names = ['a', 'c']\nordered = ['a', 'c']",
        },
        "partial": {
            AREA: "def area(r):\n    return math.pi * r * r",
            "names = ...\nordered = ...": "names = ['c', 'b']\nordered = ['b', 'c']",
        },
        "empty": {},
        "forged": {
            AREA: ALWAYS_EQUAL + "class Small(Same):\n"
            "    def __sub__(self, other): return self\n    def __abs__(self): return 0\n"
            "def area(r):\n    if r < 0:\n        raise ValueError\n    return Small(1)",
            "names = ...\nordered = ...": "class All(list):\n    def __eq__(self, other): return True\n"
            "    def __getitem__(self, at): return 'a'\nnames, ordered = ['z'], All()",
        },
    },
)

SEEDS = Fixture(
    made_of(
        text("# Chance and files"),
        code("import random\nfrom pathlib import Path\nfrom helper import two\nseed = 3"),
        question(
            "name: q1\npoints: 2",
            text("## Draws"),
            block("SOLUTION", code("random.seed(seed)\ndraws = [random.random() for _ in range(two)] # SOLUTION")),
            block(
                "TESTS", code("len(draws)", "2"), code("# HIDDEN\n[round(one, 3) for one in draws]", "[0.571, 0.429]")
            ),
        ),
        question(
            "name: q2",
            text("## Lines"),
            block(
                "SOLUTION",
                code(
                    '""" # BEGIN PROMPT\nlines = []\n""" # END PROMPT\n'
                    'lines = Path("data.txt").read_text().split() # SOLUTION NO PROMPT'
                ),
            ),
            block("TESTS", code("lines", "['a', 'b']")),
        ),
        settings="name: chance\nfiles:\n  - data.txt\n  - helper.py\nseed:\n  variable: seed\n  autograder_value: 10\n"
        "  student_value: 5\ntests:\n  files: true",
    ),
    {
        "right": {
            "random.seed(seed)\ndraws = ...": "random.seed(seed)\ndraws = [random.random(), random.random()]",
            "lines = []": "lines = [line.strip() for line in Path('data.txt').read_text().split()]",
        },
        "partial": {"random.seed(seed)\ndraws = ...": "draws = [0.1, 0.2]"},
        "empty": {},
    },
    {"data.txt": "a\nb\n", "helper.py": "two = 2\n"},
)

# Without a variable NumPy's generator and Python's are seeded before each cell, the cells that check included.
DRAWS = Fixture(
    made_of(
        text("# Draws"),
        code("import random\nimport numpy as np"),
        question(
            "name: q1",
            text("## Once"),
            block("SOLUTION", code("drawn = np.random.rand() # SOLUTION")),
            block("TESTS", code("round(drawn, 3)", "0.375")),
        ),
        question(
            "name: q2\npoints: 3",
            text("## Dice"),
            block("SOLUTION", code("def roll():\n    return random.randint(1, 6) # SOLUTION")),
            block(
                "TESTS",
                code("roll()", "6"),
                code("roll(), random.randint(1, 100)", "(1, 4)"),
                code("# HIDDEN\nround(random.random() + roll(), 3)", "2.742"),
            ),
        ),
        settings="generate:\n  seed: 42",
    ),
    {
        "right": {
            "drawn = ...": "drawn = np.random.random()",
            "def roll():\n    ...": "def roll():\n    return random.choice(range(1, 7))",
        },
        "partial": {
            "drawn = ...": "np.random.rand()\ndrawn = np.random.rand()",
            "def roll():\n    ...": "def roll():\n    return 6",
        },
        "empty": {},
    },
)

PLACES = Fixture(
    made_of(
        text("# Names that are used again"),
        question(
            "name: first",
            text("## First"),
            block("SOLUTION", code("x = 1 # SOLUTION")),
            block("TESTS", code("x", "1")),
        ),
        question(
            "name: second\npoints: 2",
            text("## Second"),
            block("SOLUTION", code("x = 2 # SOLUTION")),
            block("TESTS", code("x", "2"), code("type(x).__name__", "'int'")),
        ),
        code("x = 'gone'"),
    ),
    {
        "right": {"x = ...": "x = len(str(globals().get('x', ''))) + 1"},
        "checks taken away": {'grader.check("second")': None, "x = ...": "x = 1"},
        "checks among code": {
            'grader.check("first")': "x = 5\ngrader.check('first')\nx = 1\ngrader.check('first')\nx = 6",
            'grader.check("second")': 'x = 2\ngrader.check("second")',
        },
        "empty": {},
    },
)

FIXTURES: Mapping[str, Fixture] = {
    "squares": SQUARES,
    "grades": GRADES,
    "raises": RAISES,
    "seeds": SEEDS,
    "places": PLACES,
    "draws": DRAWS,
}


def handed_in(students: nbformat.NotebookNode, changes: Mapping[str, str | None]) -> nbformat.NotebookNode:
    """What a student made of the notebook that they got."""
    made = nbformat.from_dict(students)
    seen = {cell.source for cell in made.cells}
    assert changes.keys() <= seen, changes.keys() - seen
    made.cells = [cell for cell in made.cells if changes.get(cell.source, "") is not None]
    for cell in made.cells:
        cell.source = changes.get(cell.source) or cell.source
    return made
