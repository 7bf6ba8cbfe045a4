"""What a notebook finds at home and not here: it goes on, and is told so."""

from __future__ import annotations

import json
import re
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
        "PIP_QUIET=1 pip -q install pandas",
        "(pip install pandas)",
        "uv add pandas",
        "conda env update -f environment.yml",
        "mamba install -y pandas",
        "gdown 1a2b3c",
        "git lfs pull",
        "huggingface-cli login",
        "python -m spacy download fi_core_news_sm",
        "tensorboard --logdir runs",
        "jupyter lab",
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
        "ls pip install",
        "python train.py --install",
        "jupyter --version",
        "git log",
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


GOES_ON = {
    "packages": ["%conda install a\n%mamba install b\n%uv pip install c\n!apt-get install d\n!(pip install e)"],
    "a shell's script": [
        "%%bash\npip install a\ncd data && wget \\\n  https://example.org/a.zip\necho still here",
        "%%sh\napt-get update\necho still here",
        "%%!\npip install a\necho still here",
    ],
    "past IPython": [
        "import os, subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'a'])\n"
        "subprocess.run('pip install a', shell=True, check=True)\nassert os.system('conda install a') == 0",
        "assert subprocess.check_output(['wget', 'https://example.org']) == b''\nos.popen('gdown 1').read()",
        "assert subprocess.check_output(['echo', 'there']) == b'there\\n'\nassert os.system('exit 3') != 0",
    ],
    "extensions": [
        "%load_ext watermark_of_mine\n%reload_ext nb_black_of_mine\n%reload_ext autoreload\n%watermark_of_mine -v",
        "%load_ext tensorboard\n%reload_ext tensorboard\n%tensorboard --logdir runs",
        "%config Nothing_of_mine\n%config SqlMagic_of_mine.autopandas = True\n"
        "%config InlineBackend.figure_format = 'retinaa'",
        "%matplotlib widget\n%never_heard_of",
        "%%memit_of_mine\n1 / 0",
        "!tensorboard --logdir runs",
    ],
}


@pytest.mark.parametrize("name", GOES_ON)
def test_what_nobody_needs_is_a_remark(grade_cells: Grade, name: str) -> None:
    graded = grade_cells(*GOES_ON[name], "x = 3")
    told = graded.report.execution
    assert (told.status, told.error, graded.report.status) == ("ok", None, "passed"), told.error
    assert graded.notebook is not None
    for cell in graded.notebook.cells[:-1]:
        printed = json.dumps(cell.outputs)
        assert "exit 3" in cell.source or re.search(r"while grading|passed over|Nothing_of_mine", printed), cell.source
        assert ("still here" in cell.source) == ("still here" in printed)


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
