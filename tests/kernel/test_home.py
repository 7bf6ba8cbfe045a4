"""What a notebook finds at home and not here: it goes on, and is told so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.grading import Graded
from grader.kernel.home import answer_to

Grade = Callable[..., Graded]


@pytest.mark.parametrize(
    "command",
    [
        "pip install pandas",
        "pip3 install -q pandas > /dev/null",
        "/usr/bin/python3 -m pip install --upgrade pip",
        "{sys.executable} -m pip install pandas",
        "conda install -y pandas",
        "uv pip install pandas",
        "sudo apt-get -y install graphviz",
        "apt update && apt install graphviz",
        "cd /tmp; pip install .",
        "wget https://example.org/mnist.npz",
        "mkdir -p data && curl -O https://example.org/mnist.npz",
        "git clone https://example.org/a.git",
        "kaggle datasets download -d mnist",
    ],
)
def test_what_installs_or_fetches_is_answered(command: str) -> None:
    assert answer_to(command)


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "pip list",
        "pip show torch",
        "conda info",
        "echo pip install",
        "git status",
        "python -m pip --version",
        "nvidia-smi",
    ],
)
def test_other_commands_are_run(command: str) -> None:
    assert answer_to(command) == ""


def test_a_notebook_goes_on_without_what_is_not_here(grade_cells: Grade) -> None:
    graded = grade_cells(
        "!pip install pandas\n%pip install pandas\ncaught = !pip install pandas\nx = 1",
        "%load_ext watermark\n%load_ext autoreload\n%autoreload 2\n%watermark -v\nx += 1",
        "name = 'shouted'\n!echo {name}\nlines = !echo caught {name}\nassert lines[0] == 'caught shouted'\nx += 1",
        "%%heat\nx = 0",
        "%time y = 3\nassert y == 3",
    )
    assert graded.report.status == "passed", graded.report.execution.error
    assert graded.report.execution.status == "ok"
    assert graded.notebook is not None
    texts = ["".join(out.get("text", "") for out in cell.outputs) for cell in graded.notebook.cells]
    assert texts[0].count("Nothing is installed while grading") == 3
    assert "watermark is not installed here" in texts[1]
    assert "%watermark is not installed here" in texts[1]
    assert "shouted" in texts[2]


def test_an_extension_that_is_broken_is_an_error_all_the_same(grade_cells: Grade) -> None:
    report = grade_cells("%load_ext helper_of_mine.sub\nx = 3", "%no_such_magic\nx = 3", "import json.nothing").report
    assert [cell.status for cell in report.execution.cells] == ["ok", "ok", "error"]


def test_digits_are_found_wherever_they_are_looked_for(grade_cells: Grade) -> None:
    report = grade_cells(
        "import os, pathlib\nfrom torchvision import datasets\nmade = []",
        "for root in ('./data', 'data/', './mnist_data', '../data', '/content/data', pathlib.Path('a') / 'b'):\n"
        "    made.append(len(datasets.MNIST(root, train=True, download=True)))",
        "os.makedirs('elsewhere')\nos.chdir('elsewhere')\nmade.append(len(datasets.MNIST('data', download=True)))",
        "class Mine(datasets.MNIST):\n    pass\nmade.append(len(Mine('digits', download=True)))",
        "assert len(set(made)) == 1, made\nx = 3",
        more='data = ["mnist"]',
    ).report
    assert report.status == "passed", report.execution.error
    other = grade_cells(
        "from torchvision import datasets\ndatasets.FashionMNIST('./data', download=True)", more='data = ["mnist"]'
    )
    assert "the network" in (other.report.execution.error or "")
