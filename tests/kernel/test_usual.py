"""What a notebook imports, told from its text; that a fork lacks nothing is tried in `test_warm`."""

from __future__ import annotations

import pytest

from grader.kernel.usual import usual


@pytest.mark.parametrize(
    "source",
    [
        "",
        "import torch\nfrom torch import nn",
        "import math, random as r, torch.nn.functional as F\nimport numpy as np",
        "from collections import Counter\nclass Net(nn.Module):\n    pass",
        "from torch.utils.data import DataLoader",
        "torch.manual_seed(1)",
    ],
)
def test_torch_and_numpy_alone(source: str) -> None:
    assert usual(["x = 1", source])


@pytest.mark.parametrize(
    "source",
    [
        "import torchvision",
        "import math, torchvision as tv",
        "x = 1; import pandas",
        "def f():\n    from torchvision import datasets",
        "from torch import nn, optim",
        "optimizer = torch.optim.SGD(net.parameters(), 0.1)",
        "%matplotlib inline",
        "import networks",
        "from .networks import Net",
        "__import__('pandas')",
        "%run helper.py",
        "net = torch.compile(net)",
    ],
)
def test_what_takes_more(source: str) -> None:
    assert not usual(["import torch", source])
