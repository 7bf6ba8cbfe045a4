"""Right notebooks that were written for another place: a screen, widgets, Colab, a home folder of their own."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest

from grader.grading import Graded

Grade = Callable[..., Graded]

DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
BACKENDS = ["TkAgg", "QtAgg", "Qt5Agg", "nbAgg", "GTK3Agg", "WebAgg", "module://ipympl.backend_nbagg", "MacOSX"]
GUIS = ["widget", "tk", "qt", "qt5", "notebook", "ipympl", "osx", "inline", "", "--list", "gtk"]

# Names, and cells that all have to run; what they draw counts pictures.
DRAWING = {
    **{f"matplotlib.use {name}": [f"import matplotlib\nmatplotlib.use({name!r})", DRAW] for name in BACKENDS},
    **{f"%matplotlib {name}": [f"%matplotlib {name}", DRAW] for name in GUIS},
    "use after pyplot": [f"{DRAW}\nimport matplotlib\nmatplotlib.use('TkAgg', force=True)\n{DRAW}"],
    "switch_backend": ["import matplotlib.pyplot as plt\nplt.switch_backend('TkAgg')", DRAW],
    "rcParams": ["import matplotlib\nmatplotlib.rcParams['backend'] = 'QtAgg'", DRAW],
    "MPLBACKEND": ["import os\nos.environ['MPLBACKEND'] = 'TkAgg'", DRAW],
    "%env MPLBACKEND": ["%env MPLBACKEND=QtAgg", DRAW],
    "%pylab": ["%pylab qt", "plot([1, 2]); show()"],
    "%gui": ["%gui tk", "%gui qt5", DRAW],
    "%config": ["%config InlineBackend.figure_format = 'retina'", "%config InlineBackend.rc = {}", DRAW],
    "no show": ["import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt", "plt.plot([1])"],
    "ion": ["import matplotlib.pyplot as plt\nplt.ion()", f"{DRAW}\nplt.pause(0.001)"],
    "style": [
        "import matplotlib, os, matplotlib.pyplot as plt\n"
        "folder = os.path.join(matplotlib.get_configdir(), 'stylelib')\nos.makedirs(folder)\n"
        "open(os.path.join(folder, 'mine.mplstyle'), 'w').write('lines.linewidth: 3')\n"
        "plt.style.reload_library()\nplt.style.use('mine')\nassert plt.rcParams['lines.linewidth'] == 3",
        "open(os.path.join(matplotlib.get_cachedir(), 'mine'), 'w').close()",
        DRAW,
    ],
}

OTHER = {
    "%cd": ["import os\nhere = os.getcwd()", "%cd .", "%cd data", "%cd -", "assert os.getcwd() == here"],
    "%cd home": ["import os\nhere = os.getcwd()", "%cd", "assert os.getcwd().startswith(here)", "%cd -"],
    "%cd -q": ["%mkdir sub", "%cd -q sub", "%cd -q ..", "%dhist", "%pwd"],
    "%pushd": ["%pushd .", "%popd", "%dirs"],
    "%store": ["y = 4", "%store y", "del y", "%store -r y", "assert y == 4"],
    "%bookmark": ["%bookmark here", "%cd data", "%cd -b here", "%bookmark -l"],
    "%rehashx": ["%rehashx", "%alias_magic t timeit", "%t -n 1 -r 1 1"],
    "%autoreload": ["%load_ext autoreload", "%autoreload 2"],
    "%%writefile": ["%%writefile made.py\nthree = 3", "from made import three\nassert three == 3"],
    "%save": ["y = 1", "%logstart", "%logstop", "%who", "%history -n 1"],
    "home": ["from pathlib import Path\n(Path.home() / 'mine').touch()", "import tempfile\ntempfile.mkdtemp()"],
    "the folder": ["import os\nassert _dh[0] == os.getcwd() == get_ipython().starting_dir"],
    "tqdm.notebook": [
        "from tqdm.notebook import tqdm, trange, tnrange, tqdm_notebook",
        "assert list(tqdm(range(3), desc='a', leave=False, ncols='100%', colour='green')) == [0, 1, 2]",
        "for i in trange(2, desc='outer'):\n    for j in tqdm([1, 2], leave=False, display=False):\n        pass",
        "with tqdm(total=4, disable=None, bar_format='{l_bar}{bar}') as bar:\n    bar.update(4)\n"
        "    bar.set_postfix(loss=1)\n    bar.set_description('b')\n    bar.reset(total=2)\n    bar.colour = 'red'",
        "bar = tqdm(range(2))\nfor i in bar:\n    bar.set_postfix_str('x')\nbar.container = None\nbar.close()",
        "tqdm.pandas\ntqdm.write('text')\nfrom tqdm import tqdm_notebook as old, tnrange as older",
        "assert isinstance(tqdm([]), __import__('tqdm').std.tqdm)",
    ],
    "tqdm.auto": [
        "import warnings\nwarnings.simplefilter('error')",
        "from tqdm.auto import tqdm, trange\nassert list(tqdm(range(3))) == [0, 1, 2]",
        "for i in trange(2):\n    pass",
    ],
    "from tqdm import tqdm": ["from tqdm import tqdm, trange\nfor i in tqdm(range(2)):\n    pass"],
    "colab": [
        "from google.colab import drive, files, userdata, output, auth",
        "drive.mount('/content/drive', force_remount=True)",
        "uploaded = files.upload()\nfor name in uploaded:\n    print(name)",
        "key = userdata.get('KEY')\nauth.authenticate_user()\nfiles.download('a')\noutput.clear()",
        "from google.colab.patches import cv2_imshow",
    ],
    "import google.colab": [
        "import google.colab\nfrom google.colab import drive as d",
        "google.colab.drive.mount('/a')",
    ],
    "colab's other parts": [
        "from google.colab import ai, sheets\nai.generate_text('a')",
        "import google.colab.syntax as s\ns.sql('a')",
    ],
    "kaggle's secrets": [
        "from kaggle_secrets import UserSecretsClient\nassert UserSecretsClient().get_secret('KEY') == ''",
        "try:\n    import kaggle_datasets\n    1 / 0\nexcept ImportError:\n    pass",
    ],
    "in a function": ["def mount():\n    from google.colab import drive\n    drive.mount('/content/drive')", "mount()"],
    "whoever tries": [
        "try:\n    import google.colab\n    there = True\nexcept ImportError:\n    there = False\nassert not there",
        "from contextlib import suppress\nwith suppress(ImportError):\n    from google.colab import drive\n    1 / 0",
        "import importlib.util\ntry:\n    assert importlib.util.find_spec('google.colab') is None\n"
        "except ModuleNotFoundError:\n    pass",
        "import sys\nassert 'google.colab' not in sys.modules",
        "import importlib\ntry:\n    importlib.import_module('google.colab')\n    1 / 0\nexcept ImportError:\n    pass",
    ],
}


def run(grade_cells: Grade, cells: list[str], cold: bool) -> nbformat.NotebookNode:
    """Every cell has run, and the check has passed."""
    graded = grade_cells(*cells, "x = 3", cold=cold)
    told = graded.report.execution
    assert (told.status, told.error, graded.report.status) == ("ok", None, "passed"), cells[(told.cell or 1) - 1]
    assert graded.notebook is not None
    return graded.notebook


def pictures(notebook: nbformat.NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.outputs)


@pytest.mark.parametrize("name", DRAWING)
def test_what_is_drawn_for_a_screen_is_drawn_into_the_notebook(grade_cells: Grade, name: str) -> None:
    assert pictures(run(grade_cells, DRAWING[name], cold=False)) == str(DRAWING[name]).count("plot(["), name


@pytest.mark.parametrize("name", OTHER)
def test_notebooks_written_elsewhere(grade_cells: Grade, name: str) -> None:
    run(grade_cells, OTHER[name], cold=False)


def test_a_kernel_of_its_own_does_the_same(grade_cells: Grade) -> None:
    names = ["%cd", "%store", "%bookmark", "tqdm.notebook", "tqdm.auto", "whoever tries", "colab"]
    cells = [cell for name in names for cell in OTHER[name]]
    run(grade_cells, [*DRAWING["MPLBACKEND"], *DRAWING["matplotlib.use TkAgg"], *cells], cold=True)


def test_a_notebook_that_wants_a_drive_is_told_where_files_are(grade_cells: Grade) -> None:
    notebook = run(grade_cells, OTHER["colab"], cold=False)
    assert notebook.cells[1].outputs[0].text == (
        "There is no Google Drive here: files are read from ./data, or from beside the notebook.\n"
    )


def test_secrets_are_not_here(grade_cells: Grade) -> None:
    for cells in (OTHER["kaggle's secrets"][:1], ["from google.colab import userdata\nuserdata.get('KEY')"]):
        notebook = run(grade_cells, cells, cold=False)
        assert "There are no secrets and no accounts here" in notebook.cells[0].outputs[0].text


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("open('/content/drive/MyDrive/My data/a.csv')", "/content/drive/MyDrive/My data/a.csv, a place of Colab's"),
        ("import os\nos.chdir('/content')", "/content, a place of Colab's"),
        (
            "import numpy as np\nnp.loadtxt('/content/sample_data/a.csv')",
            "/content/sample_data/a.csv, a place of Colab's",
        ),
        ("import torch\ntorch.load('/content/model.pt')", "/content/model.pt, a place of Colab's"),
        ("import os\nos.listdir('/kaggle/input/titanic')", "/kaggle/input/titanic, a place of Kaggle's"),
        ("from torchvision.datasets import ImageFolder\nImageFolder('/kaggle/input/cats/')", "/kaggle/input/cats"),
    ],
)
def test_a_place_of_colabs_or_kaggles_is_told(grade_cells: Grade, source: str, place: str) -> None:
    report = grade_cells(source, "x = 3").report
    assert report.status == "passed"
    assert f"looks for {place}" in (report.execution.error or "")
    assert "`./data`" in (report.execution.error or "")


def test_another_place_is_none_of_theirs(grade_cells: Grade) -> None:
    report = grade_cells("open('content/a.csv')", "open('/contents/a.csv')", "raise ValueError('a /content b')").report
    assert [cell.status for cell in report.execution.cells] == ["error"] * 3
    assert all("place of" not in (cell.error or "") for cell in report.execution.cells)


def test_a_backend_that_nobody_knows_is_still_an_error(grade_cells: Grade) -> None:
    graded = grade_cells("x = 3", "%matplotlib inlien", "import matplotlib\nmatplotlib.use('agg')")
    assert (graded.report.execution.status, graded.report.execution.cell) == ("error", 2)
