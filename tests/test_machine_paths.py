"""No folder of the grader's machine stands in what students read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from grader.grading import Graded
from grader.machine_paths import unplaced

HOME = str(Path.home())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"({numpy.__file__})", "(site-packages/numpy/__init__.py)"),
        ("/home/amy/venv/lib/python3.12/site-packages/torch/nn.py:3: Warning", "site-packages/torch/nn.py:3: Warning"),
        ("\x1b[32m/srv/x/dist-packages/a.py\x1b[39m", "\x1b[32mdist-packages/a.py\x1b[39m".replace("dist", "site")),
        (r"C:\Users\amy\site-packages\a.py", r"site-packages\a.py"),
        (f"open('{HOME}/secret.txt')", "open('~/secret.txt')"),
        ("in /tmp/grade-ab12cd_3/work/x.csv", "in ./work/x.csv"),
        (json.__file__, f"{Path(json.__file__).parts[-3]}/json/__init__.py"),
        ("./data/x.csv, /content/x.csv, https://a.b/site", "./data/x.csv, /content/x.csv, https://a.b/site"),
    ],
)
def test_a_folder_is_taken_out(text: str, left: str) -> None:
    assert unplaced(text) == left


def test_no_output_of_a_cell_names_one(grade_cells: Callable[..., Graded]) -> None:
    graded = grade_cells(
        "import json, numpy",
        "print(numpy.__file__)",
        "numpy.__file__",
        "from numpy import no_such_name",
        "def double(v):\n    return json.loads(numpy.__file__)",
        "json.loads(1)",
    )
    assert graded.notebook is not None
    told = graded.report.model_dump_json(exclude={"submission"}) + json.dumps(graded.notebook)
    for folder in (str(Path(numpy.__file__).parents[2]), str(Path(json.__file__).parents[2])):
        assert folder not in told
    assert "site-packages/numpy/__init__.py" in told
